"""The business settings that apply to every order, whatever its door: the time zone and the default commission.

They are set once when a program starts, so that no door can forget to pass them on.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Business:
    """The business time zone, and the commission in percent for reps without their own rate."""

    timezone: tzinfo = ZoneInfo("America/Chicago")  # noqa: RUF009 - it never changes
    commission_pct: Decimal = Decimal(0)


class _Current:
    business = Business()


def use_business(business: Business) -> None:
    """Set the settings of this process."""
    _Current.business = business


def current_business() -> Business:
    """Return the settings of this process."""
    return _Current.business
