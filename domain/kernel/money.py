"""Money as exact decimals with two places: reading, rounding and formatting. No amount is ever a float."""

import re
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
# The largest amount of a NUMERIC(12,2) column. Every amount is checked against it before it reaches the database.
MOST_MONEY = Decimal("9999999999.99")
# The most integer digits of an amount before its field limits it: Decimal arithmetic has 28 digits, two for cents.
MOST_DIGITS = 20

_WRITTEN = re.compile(r"(?P<sign>[-−+]?)\$?\s?(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?P<part>\.[0-9]*)?", re.ASCII)


def round_half_up(amount: Decimal) -> Decimal:
    """Round to cents, half a cent away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP) + ZERO


def parse_money(text: str) -> Decimal | None:
    """Read an amount as people write it ("$1,234.50", "-5", ".5"); None if it is not an amount.

    It is also None with more than two decimals: cents are never rounded silently.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    whole, part = found["whole"].replace(",", ""), (found["part"] or "").removeprefix(".")
    if not (whole or part) or len(part) > 2 or len(whole) > MOST_DIGITS:
        return None
    amount = Decimal(f"{whole or 0}.{part or 0}").quantize(CENT)
    return -amount + ZERO if found["sign"] in {"-", "−"} else amount


def format_money(amount: Decimal) -> str:
    """Format an amount as pages and emails show it: "$1,784.90", with a real minus sign if negative."""
    rounded = round_half_up(amount)
    return f"{'−' if rounded < 0 else ''}${abs(rounded):,.2f}"
