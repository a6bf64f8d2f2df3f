"""Renews what is due, every day at 07:00 of the business's own clock."""

from typing import Any

from domain.kernel.clock import now
from domain.orders.rules import OrderRules
from domain.subscriptions.renew import process_due
from tasks.job import Work, job

RENEWING_HOUR = 7


@job("process_due_renewals", attempts=3)
async def process_due_renewals(work: Work) -> dict[str, Any]:
    """Renew what is due, when the business's clock shows seven; the timetable asks every hour, in UTC."""
    settings = work.settings
    if now().astimezone(settings.timezone).hour != RENEWING_HOUR:
        return {"skipped": f"renewals run at {RENEWING_HOUR:02}:00"}
    if not settings.stripe_secret_key:
        return {"skipped": "STRIPE_SECRET_KEY is missing"}
    rules = OrderRules(
        free_delivery_minimum=settings.free_delivery_minimum,
        delivery_fee=settings.delivery_fee,
        rep_max_discount_pct=settings.rep_max_discount_pct,
        sales_inbox=settings.sales_inbox,
    )
    results = await process_due(settings, rules=rules)
    return {"processed": len(results), "failed": sum(result.status == "failed" for result in results)}
