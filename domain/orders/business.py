"""The settings of the business that every order follows, whichever door it came through: its clock and commission.

They are set once, when a program starts, so that no door can forget to pass them on.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Business:
    """The business's time zone, and the commission in percent of a rep without a rate of their own."""

    timezone: tzinfo = ZoneInfo("America/Chicago")  # noqa: RUF009 - it never changes
    commission_pct: Decimal = Decimal(0)


class _Current:
    business = Business()


def use_business(business: Business) -> None:
    """Make these the settings of this process."""
    _Current.business = business


def current_business() -> Business:
    """The settings of this process."""
    return _Current.business
