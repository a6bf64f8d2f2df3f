"""Reads cells of files: amounts, dates and yes or no in the notations of spreadsheets."""

import re
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal

from domain.kernel.money import MOST_MONEY, parse_money

_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_WITH_DECIMALS = re.compile(r"\+?[0-9]{3,15}\.0+", re.ASCII)
_YES = {"yes", "y", "true", "1", "x"}
_NO = {"no", "n", "false", "0"}
NOON = time(12)
EARLIEST = date(1900, 1, 1)


def is_yes(cell: str) -> bool:
    """Return True for yes, true, 1 and x."""
    return cell.strip().lower() in _YES


def read_yes_or_no(cell: str) -> bool | None:
    """Return True or False for yes or no in the notations of spreadsheets; None for anything else."""
    text = cell.strip().lower()
    return True if text in _YES else False if text in _NO else None


def read_day(cell: str) -> date | None:
    """Return a day written as 2026-11-24, 11/24/2026 or 24.11.2026; None for anything else."""
    text = cell.strip()
    try:
        if found := _SLASHED.fullmatch(text):
            return date(int(found[3]), int(found[1]), int(found[2]))
        if found := _DOTTED.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text) if len(text) == 10 and text[4] == "-" else None
    except ValueError:
        return None


def read_moment(cell: str, timezone: tzinfo) -> datetime | None:
    """Return a day at noon in the business time zone, or a timestamp; None for anything else."""
    text = cell.strip()
    try:
        if (day := read_day(text)) is not None:
            return datetime.combine(day, NOON, tzinfo=timezone).astimezone(UTC)
        if len(text) < 11 or not text.isascii() or text[4] != "-":
            return None
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone)).astimezone(UTC)
    except (ValueError, OverflowError):  # converted to UTC, Python's first and last days may be out of range
        return None


def drop_decimals(cell: str) -> str:
    """Return the digits of a phone number or ZIP code that a program wrote as 3125550142.0, or the cell as it is."""
    return cell.partition(".")[0] if _WITH_DECIMALS.fullmatch(cell) else cell


def read_amount(cell: str) -> Decimal | None:
    """Return an amount of 0 or more with at most two decimals; None for anything else."""
    amount = parse_money(cell)
    return amount if amount is not None and 0 <= amount <= MOST_MONEY else None
