"""Carriers' public tracking pages, for numbers about which EasyPost knows nothing."""

import re
from urllib.parse import quote

_PAGES = {
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    "ups": "https://www.ups.com/track?tracknum={}",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={}",
    "dhl": "https://www.dhl.com/en/express/tracking.html?AWB={}",
    "ontrac": "https://www.ontrac.com/tracking/?number={}",
    "lasership": "https://www.lasership.com/track/{}",
    "canadapost": "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={}",
}
# The format of a number identifies the carrier if none was given.
_LOOKS = (
    (re.compile(r"1Z[0-9A-Z]{16}"), "ups"),
    (re.compile(r"9[0-9]{19,21}|[A-Z]{2}[0-9]{9}US"), "usps"),
    (re.compile(r"[0-9]{12}|[0-9]{15}"), "fedex"),
    (re.compile(r"[0-9]{10}"), "dhl"),
)


def public_page(carrier: str | None, tracking_number: str) -> str | None:
    """Return the URL of the carrier's page for a number; None for an unknown carrier."""
    number = re.sub(r"\s", "", tracking_number).upper()
    name = re.sub(r"[^a-z]", "", (carrier or "").lower())
    known = next((key for key in _PAGES if key in name), None)
    if known is None and not name:
        known = next((key for look, key in _LOOKS if look.fullmatch(number)), None)
    return _PAGES[known].format(quote(number, safe="")) if known else None
