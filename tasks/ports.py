"""Where a server can listen on this machine, and the address to reach it."""

import socket


def port_trouble(host: str, port: int) -> str | None:
    """Return one sentence if the address can't be listened on, else None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return f"Port {port} on {host} can't be used: {(error.strerror or str(error)).lower()}."
    return None


def local_url(host: str, port: int) -> str:
    """Return the address of a server on this machine, used for links in mails while PUBLIC_URL is not set."""
    name = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else f"[{host}]" if ":" in host else host  # noqa: S104 - compared
    return f"http://{name}:{port}"
