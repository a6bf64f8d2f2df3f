"""Bulk works with money and messages, for measuring pauses in `stalls`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import tzinfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import use_data_keys
from domain.commissions.pay import MOST_NUMBERS, BulkCommissionPaid, mark_commissions_paid
from domain.commissions.statements import get_statement as get_commissions
from domain.invoices.statement import first_of_statement, get_statement
from domain.invoices.statement_mail import mail_statements
from domain.invoices.week import MOST_ORDERS, InvoiceWeek, invoice_week, preview_week
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, business_today
from domain.orders.rules import read_rules
from domain.subscriptions.prepare import prepare_renewal
from domain.webhooks.deliver import deliver_to, queue_due_deliveries
from domain.webhooks.endpoints import CHOSEN_KINDS, CreateEndpoint, create_endpoint
from models import Subscription, SubscriptionStatus
from models.session import Database
from settings import Settings

SECRET = "the secret of the bench that is long enough"
RENEWALS, HOOKED_ORDERS = 500, 500
_MOST_INVOICED = """
SELECT customer_id FROM invoice WHERE customer_id IS NOT NULL AND sent_at IS NOT NULL
GROUP BY customer_id ORDER BY count(*) DESC LIMIT 1
"""
_EARNED = "SELECT order_number FROM orders WHERE commission_amount IS NOT NULL ORDER BY id DESC LIMIT :most"
_LONGEST_MONTH = """
SELECT staff_id, month FROM commission_entry GROUP BY staff_id, month ORDER BY count(*) DESC LIMIT 1
"""
# The newest shipped orders, as if customers on terms had them in one week.
_ON_TERMS = """
UPDATE orders SET on_terms = true, on_hold = false, amount_paid = 0, status = 'shipped', shipped_at = now()
WHERE id IN (
  SELECT o.id FROM orders AS o WHERE o.delivery_email <> '' AND o.total_amount > 0 AND o.customer_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM invoice AS i WHERE i.order_id = o.id)
  ORDER BY o.id DESC LIMIT :most
)
"""
_PLACE = """
INSERT INTO orders (order_number, source, payment_method, delivery_name)
SELECT 'WH-' || n, 'web', 'cash', 'Bench' FROM generate_series(1, :orders) AS n
"""

Work = Callable[[AsyncSession], Awaitable[object]]


def office_works(*, by: Actor, settings: Settings) -> dict[str, Work]:
    """Bulk acts for many customers; each works in the given session."""
    zone: tzinfo = settings.timezone
    today = business_today(zone)

    async def longest_statement(db: AsyncSession) -> None:
        customer_id = await db.scalar(text(_MOST_INVOICED))
        assert customer_id is not None
        await get_statement(db, customer_id, since=first_of_statement(today), as_of=today, visible_to=by, timezone=zone)

    async def payout(db: AsyncSession) -> None:
        rep_id, month = (await db.execute(text(_LONGEST_MONTH))).one()
        await get_commissions(db, rep_id, month, visible_to=by)
        numbers = list(await db.scalars(text(_EARNED), {"most": MOST_NUMBERS}))
        await mark_commissions_paid(db, BulkCommissionPaid(order_numbers=numbers), by=by)

    async def week(db: AsyncSession) -> None:
        await db.execute(text(_ON_TERMS), {"most": MOST_ORDERS})
        shipped_on = business_date(await db.scalar(text("SELECT now()")), zone)
        seen = await preview_week(db, shipped_on, by=by, timezone=zone)
        data = InvoiceWeek(of=shipped_on, order=[order.id for order in seen.orders])
        done = await invoice_week(db, data, by=by, timezone=zone)
        assert done.invoices, done.failed

    async def renewals(db: AsyncSession) -> None:
        is_active = Subscription.status == SubscriptionStatus.ACTIVE
        due = (await db.scalars(select(Subscription).where(is_active).limit(RENEWALS))).all()
        rules = read_rules(settings)
        for subscription in due:
            await prepare_renewal(db, subscription, rules=rules, today=today, by=by)

    return {
        "statements of accounts for all who owe": lambda db: mail_statements(db, as_of=today, by=by),
        "the statement of who has most invoices": longest_statement,
        f"a payout of {MOST_NUMBERS:,} orders": payout,
        f"the weekly bill of {MOST_ORDERS:,} orders": week,
        f"{RENEWALS:,} renewals as far as their charges": renewals,
    }


async def send_hooks(database: Database, settings: Settings, *, by: Actor) -> None:
    """Send webhooks about hundreds of orders to another program, and wait until all have arrived."""
    heard = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        heard += 1
        writer.write(b"HTTP/1.1 200 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    use_data_keys([SECRET])
    receiver = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/hook"
    async with database.separate_transaction() as db:
        data = CreateEndpoint(name="Bench", url=url, kinds=list(CHOSEN_KINDS))
        endpoint = await create_endpoint(db, data, needs_https=False, by=by)
        await db.execute(text(_PLACE), {"orders": HOOKED_ORDERS})
    await queue_due_deliveries()
    await deliver_to(endpoint.id, settings.model_copy(update={"data_keys": [SECRET], "secret_key": SECRET}))
    receiver.close()
    assert heard == HOOKED_ORDERS
