"""Phone numbers: stored as E.164, accepted in any common format.

Only numbers that could really be dialled are stored: the phone number links orders, codes and texts to a person, and a
number that merely has the right length ("111-111-1111") would link strangers.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

NOT_A_PHONE = "must be a valid phone number, like (216) 555-0148"
# Characters that are not part of a number: an extension, or words beside it.
_SAYS_MORE = re.compile(r"[^\W\d_]|[#;,]")
_NOT_DIGITS = re.compile(r"[^0-9]+")


def parse_phone(text: str, region: str = "US") -> str | None:
    """Read a number in any common format into E.164; None if it cannot be a valid number.

    `region` is the country of a number without a country code. An extension is dropped, because texts and caller ids
    have none. Fictional numbers like (216) 555-0148 count as valid: they are in the numbering plan but never assigned,
    and the demo company uses them.
    """
    if len(text) > 60:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def split_phone(text: str | None, region: str = "US") -> tuple[str | None, str]:
    """Return the number in E.164 and the original text. The first is None if there is no valid number; the second is
    empty unless it says more: an extension, words, or no valid number."""
    if not text:
        return None, ""
    phone = parse_phone(text, region)
    says_more = phone is None or _SAYS_MORE.search(text) is not None
    return phone, text if says_more else ""


def format_phone(e164: str) -> str:
    """Format a number for people: "(216) 555-0148" in North America, "+49 30 0074321" elsewhere.

    Text that is not a number is returned unchanged.
    """
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return e164
    if number.country_code == 1:
        return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def digits_for_search(text: str) -> str:
    """Return the digits of a partly typed number as in E.164, so that any part of it finds the customer.

    A leading 1 of a full North American number remains, because E.164 contains it.
    """
    return _NOT_DIGITS.sub("", text)
