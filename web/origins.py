"""Whose page sent a request. A cookie goes along with whatever a page under our domain sends, also with a file or with
nothing in it, for which no browser asks us first; so what changes something must come from a page of ours. A
colleague's cookie counts on our own origin alone, for reading too: a page under another origin brings a JWT.
"""

from urllib.parse import urlsplit

from quart import request

from web.request import settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_from_elsewhere(*, shops_are_ours: bool) -> bool:
    """True for a changing request that its browser says another site's page sent; programs say nothing.

    `shops_are_ours` also lets the pages of the origins in CORS_ORIGINS send it.
    """
    if request.method in SAFE_METHODS:
        return False
    origin = request.headers.get("Origin")
    if shops_are_ours and origin in settings().cors_origins:
        return False
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site not in {"same-origin", "none"}
    # Older browsers; a page that sends no referrer, as the pay page does, is "null".
    if origin is None or origin == "null":
        return False
    return not _is_ours(origin)


def is_read_from_elsewhere() -> bool:
    """True for a reading request that another site's page sent; a link that somebody followed is none."""
    if request.method not in SAFE_METHODS or request.headers.get("Sec-Fetch-Mode") == "navigate":
        return False
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and not _is_ours(origin)


def _is_ours(origin: str) -> bool:
    return urlsplit(origin).netloc in {request.host, urlsplit(settings().public_url).netloc}
