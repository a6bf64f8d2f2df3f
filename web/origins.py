"""Which site's page sent a request. A browser sends our cookies with every request from a page under our domain, also
with a file or an empty body, for which it sends no preflight; so a change must come from one of our pages. A
colleague's cookie is accepted only on our own origin, also for reading: a page on another origin sends a JWT."""

from urllib.parse import urlsplit

from quart import request

from domain.kernel.sent_urls import split_sent_url
from web.request import settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_from_elsewhere(*, shops_are_ours: bool) -> bool:
    """True for a changing request sent by another site's page according to its browser; programs send no such header.

    `shops_are_ours` also admits the pages of the origins in CORS_ORIGINS.
    """
    if request.method in SAFE_METHODS:
        return False
    origin = request.headers.get("Origin")
    if shops_are_ours and origin in settings().cors_origins:
        return False
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site not in {"same-origin", "none"}
    # Older browsers; for a page that sends no referrer, such as the pay page, it is "null".
    if origin is None or origin == "null":
        return False
    return not _is_ours(origin)


def is_read_from_elsewhere() -> bool:
    """True for a reading request sent by another site's page; not if someone followed a link."""
    if request.method not in SAFE_METHODS or request.headers.get("Sec-Fetch-Mode") == "navigate":
        return False
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and not _is_ours(origin)


def _is_ours(origin: str) -> bool:
    return split_sent_url(origin).netloc in {request.host, urlsplit(settings().public_url).netloc}
