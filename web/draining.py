"""The last seconds of a server: no longer ready, but still answering, so that a proxy sends requests elsewhere.

Each answer closes its connection during that time. Otherwise a proxy that keeps idle connections could send a request
over one at the moment the server closes it, which results in a 502.
"""

from quart import Quart, Response


class _Draining:
    began = False


def begin_draining() -> None:
    """Mark this process as about to stop."""
    _Draining.began = True


def is_draining() -> bool:
    """True once this process is stopping."""
    return _Draining.began


def register_draining(app: Quart) -> None:
    """Close the connection after each answer while the server is stopping."""
    app.after_request(_close_connection)


async def _close_connection(response: Response) -> Response:
    if is_draining():
        response.headers["Connection"] = "close"
    return response
