"""Phone numbers: one spelling (E.164) inside, any common spelling at the doors.

Only numbers that could really be dialled are kept: the caller's phone is what links orders, codes and texts
to a person, and a number that is merely long enough ("111-111-1111") would link strangers.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

NOT_A_PHONE = "must be a phone number that can be dialled, like (216) 555-0148"
# What is no part of a number says more: an extension, or a name beside it.
_SAYS_MORE = re.compile(r"[^\W\d_]|[#;,]")
_NOT_DIGITS = re.compile(r"[^0-9]+")


def parse_phone(text: str, region: str = "US") -> str | None:
    """Read a number in any common spelling into E.164; None when nobody could be reached there.

    `region` is the country that a number without a country code belongs to. An extension is dropped, because
    texts and caller ids know none. Fictional numbers of the kind (216) 555-0148 count as valid: the numbering
    plan has them, they are merely never given out, and our demo company lives on them.
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
    """A number as it is kept, and as it was written where that says more: an extension, words, or no number at all."""
    if not text:
        return None, ""
    phone = parse_phone(text, region)
    says_more = phone is None or _SAYS_MORE.search(text) is not None
    return phone, text if says_more else ""


def format_phone(e164: str) -> str:
    """Write a kept number for people: "(216) 555-0148" at home, "+49 30 0074321" abroad.

    What is no number stays.
    """
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return e164
    if number.country_code == 1:
        return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def digits_for_search(text: str) -> str:
    """The digits of a half-typed number as they stand in E.164, so that any part of it finds the customer.

    A leading 1 of a full North American number stays, because E.164 has it too.
    """
    return _NOT_DIGITS.sub("", text)
