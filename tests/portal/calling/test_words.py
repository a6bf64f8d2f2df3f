"""What the calling screen says of hours and zones."""

import pytest

from domain.calling.zones import find_zones
from portal.calling.words import describe_zones


@pytest.mark.parametrize(
    ("phone", "zip_code", "words"),
    [
        ("+19185550127", "74104-1234", "Central, by ZIP 74104; area code 918 agrees"),
        ("+14155550148", "10001", "Eastern, by ZIP 10001, and Pacific by area code 415: calls must be right in both"),
        ("+12705550100", "", "Central and Eastern, by area code 270"),
        ("+18005550148", "", "Not known: calls must be right in every US zone"),
        ("+18005550148", "60601", "Central, by ZIP 60601"),
        (None, "", "Not known: calls must be right in every US zone"),
    ],
)
def test_a_zone_is_named_with_what_says_so(phone: str | None, zip_code: str, words: str) -> None:
    assert describe_zones(phone, zip_code, find_zones(phone, zip_code)) == words
