"""Carriers' own public pages, for when EasyPost has nothing to say about a number."""

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
# How a number looks says who carries it, where nobody named the carrier.
_LOOKS = (
    (re.compile(r"1Z[0-9A-Z]{16}"), "ups"),
    (re.compile(r"9[0-9]{19,21}|[A-Z]{2}[0-9]{9}US"), "usps"),
    (re.compile(r"[0-9]{12}|[0-9]{15}"), "fedex"),
    (re.compile(r"[0-9]{10}"), "dhl"),
)


def public_page(carrier: str | None, tracking_number: str) -> str | None:
    """The address of the carrier's page about a number; None for a carrier of whom we know no page."""
    number = re.sub(r"\s", "", tracking_number).upper()
    name = re.sub(r"[^a-z]", "", (carrier or "").lower())
    known = next((key for key in _PAGES if key in name), None)
    if known is None and not name:
        known = next((key for look, key in _LOOKS if look.fullmatch(number)), None)
    return _PAGES[known].format(quote(number, safe="")) if known else None
