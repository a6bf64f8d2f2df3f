"""URLs that someone typed or sent, which need not be any."""

from urllib.parse import SplitResult, urlsplit

_NO_ADDRESS = SplitResult("", "", "", "", "")


def split_sent_url(url: str) -> SplitResult:
    """Return the parts of a URL; all are empty for text that urllib refuses, such as `http://[`."""
    try:
        return urlsplit(url)
    except ValueError:
        return _NO_ADDRESS
