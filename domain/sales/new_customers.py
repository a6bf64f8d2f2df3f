"""Customers whose first order was placed in a period, by the rep it counts for."""

from datetime import date, timedelta

from domain.customers.standings import COUNT_FIRST
from domain.kernel.clock import start_of_business_day
from domain.orders.business import current_business
from domain.orders.queries import Reader


async def count_new_customers(db: Reader, first: date, last: date, *, rep_id: int | None = None) -> dict[int, int]:
    """Return how many customers each rep won between two business days; with `rep_id`, only for that rep."""
    zone = current_business().timezone
    values = {
        "since": start_of_business_day(first, zone),
        "until": start_of_business_day(last + timedelta(days=1), zone),
        "rep_id": rep_id,
    }
    return {row.sales_rep_id: row.customers for row in await db.execute(COUNT_FIRST, values)}
