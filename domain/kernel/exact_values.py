"""Reads amounts, dates and moments of inputs exactly, and writes them as text for JSON."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from pydantic import ValidationInfo

from domain.kernel.clock import now
from domain.kernel.input_errors import bad_field
from domain.kernel.money import CENT, MOST_MONEY, ZERO, parse_money

_EARLIEST = date(1900, 1, 1)
_LATEST = date(2199, 12, 31)
_CLOCKS_DIFFER = timedelta(minutes=1)


def read_amount(value: Any, info: ValidationInfo) -> Decimal:
    """Read an amount exactly: a JSON number, text from a form or a query, or a Decimal from our own code."""
    if type(value) is int and 0 <= value <= MOST_MONEY:
        return Decimal(value).quantize(CENT)
    source = (info.context or {}).get("source")
    if isinstance(value, str) and source in {"form", "query"}:
        amount = parse_money(value)
        if amount is None or (source == "query" and set(value) & set("$,")):
            raise bad_field("must be a number with at most two decimals")
    elif isinstance(value, float) and (source == "json" or info.mode == "json"):
        # repr returns the digits that were sent, for every number with up to 15 digits.
        amount = Decimal(repr(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        # An integer with thousands of digits must not reach Decimal arithmetic.
        amount = Decimal(max(min(value, 10**11), -(10**11)))
    elif isinstance(value, Decimal):
        amount = value
    elif value is None:
        raise bad_field("is required")
    else:
        raise bad_field("must be a number with at most two decimals")
    if not amount.is_finite():
        raise bad_field("must be a number with at most two decimals")
    if abs(amount) > MOST_MONEY:
        raise bad_field(f"must be at most {MOST_MONEY:,}")
    exact = amount.quantize(CENT)
    if amount != exact:
        raise bad_field("must be a number with at most two decimals")
    return exact + ZERO


def read_positive_amount(value: Any, info: ValidationInfo) -> Decimal:
    """Like `read_amount`, but refuse one below 0."""
    amount = read_amount(value, info)
    if amount < 0:
        raise bad_field("must be at least 0")
    return amount


def read_moment(value: Any, info: ValidationInfo) -> datetime:
    """Read an ISO timestamp into UTC. One without an offset, or a date, is in the business time zone."""
    zone: tzinfo = (info.context or {}).get("timezone", UTC)
    if isinstance(value, str):
        value = _parse_iso(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if not isinstance(value, datetime):
        raise bad_field("must be a date and time like 2026-11-24T09:30:00Z")
    if not _EARLIEST <= value.date() <= _LATEST:
        raise bad_field("must be between the years 1900 and 2199")
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def check_past(value: datetime) -> datetime:
    """Refuse a moment in the future; the clock of the caller may be a minute fast."""
    if value > now() + _CLOCKS_DIFFER:
        raise bad_field("is in the future")
    return value


def read_date(value: Any, info: ValidationInfo) -> date:
    """Read YYYY-MM-DD, or the business day of an ISO timestamp. Without an offset it is in the business time zone."""
    if isinstance(value, str):
        value = _parse_iso(value)
    if isinstance(value, datetime):
        zone: tzinfo = (info.context or {}).get("timezone", UTC)
        value = (value.astimezone(zone) if value.tzinfo else value).date() if _is_near(value) else value.date()
    if not isinstance(value, date):
        raise bad_field("must be a date like 2026-11-24")
    if not _EARLIEST <= value <= _LATEST:
        raise bad_field("must be between the years 1900 and 2199")
    return value


def _is_near(value: datetime) -> bool:
    """Return True if the moment can be converted to another time zone: Python's first and last days cannot."""
    return date.min < value.date() < date.max


def _parse_iso(text: str) -> date | datetime | None:
    text = text.strip()
    # Python also reads 20261124 and 2026-W48-2, which people do not mean as dates.
    if len(text) < 10 or not text.isascii() or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def write_value(value: date | Decimal) -> str:
    """Return a date, a moment or an amount as text for JSON."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else str(value)
