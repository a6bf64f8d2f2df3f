"""The last seconds of a server: not ready any more, but still answering, so that a proxy sends requests elsewhere.

Each answer meanwhile closes its connection. A proxy that keeps idle connections would otherwise send a request into one
in the very moment in which the server closes it, which is a 502 for somebody.
"""

from quart import Quart, Response


class _Draining:
    began = False


def begin_draining() -> None:
    """Say from now on that this process is about to stop."""
    _Draining.began = True


def is_draining() -> bool:
    """True once this process was asked to stop."""
    return _Draining.began


def register_draining(app: Quart) -> None:
    """Close the connection after each answer while the server is about to stop."""
    app.after_request(_close_connection)


async def _close_connection(response: Response) -> Response:
    if is_draining():
        response.headers["Connection"] = "close"
    return response
