"""The list of subscriptions as a CSV file."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.audit import record_export
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.orders.rules import OrderRules
from domain.subscriptions.list_subscriptions import ListSubscriptions, list_subscriptions

MOST_EXPORTED = 1_000
EXPORT_COLUMNS = (
    "subscription", "customer", "email", "phone", "sku", "product", "quantity", "interval_days", "discount_pct",
    "next_renewal_date", "status", "payment_type", "last_renewal", "last_amount", "next_amount",
)  # fmt: skip


async def export_subscriptions(
    db: AsyncSession, asked: ListSubscriptions, *, rules: OrderRules, visible_to: Actor
) -> AsyncIterator[bytes]:
    """Return the list, at most 1,000 rows, as chunks of a CSV file. The export is recorded in the audit trail."""
    wanted = asked.model_copy(update={"page": 1, "per_page": MOST_EXPORTED})
    page = await list_subscriptions(await db.connection(), wanted, rules=rules, visible_to=visible_to)
    shown = asked.model_dump(mode="json", exclude={"page", "per_page"}, exclude_defaults=True)
    await record_export(db, "subscription", shown | {"rows": len(page.rows)}, by=visible_to)

    async def cells() -> AsyncIterator[list[Cell]]:
        for line in page.rows:
            last = line.last_renewal
            yield [
                line.id, line.customer_company or line.customer_name, line.customer_email, line.customer_phone,
                line.product_sku, line.product_name, line.quantity, line.interval_days, line.discount_pct,
                line.next_renewal_date.isoformat(), str(line.status), str(line.payment_type),
                last.status if last else "", last.amount if last else None, line.amount,
            ]  # fmt: skip

    return stream_csv(EXPORT_COLUMNS, cells())
