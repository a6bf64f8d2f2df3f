"""Reads for which an index was made use it; without it they would read a whole table of a large company."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_sales import read_sales
from domain.kernel.actor import Actor, ActorKind
from domain.messages.list_messages import OutboxFilters, list_messages
from domain.procurement.reorder import list_reorder_soon
from domain.reports.waiting import count_waiting
from domain.voice.call_queue import read_call_queue
from domain.voice.queue_members import QueueQuery
from models import Role
from models.session import raw_connection
from proofs.plans import noted

ZONE = ZoneInfo("America/Chicago")
MANAGER = Actor(ActorKind.STAFF, 1, "Test", Role.MANAGER)
Read = Callable[[AsyncSession], Awaitable[Any]]
# Many rows of which each read wants few, so that the planner has a reason to choose.
GROUND = """
INSERT INTO category (id, name) VALUES (1, 'Kitchen');
INSERT INTO product (id, category_id, name, sku, unit_price, stock_quantity, reorder_level)
SELECT n, 1, 'Pan', 'PAN-' || n, 10, 3, 5 FROM generate_series(1, 20) AS n;
INSERT INTO stock_movement (product_id, delta, level_after, reason)
SELECT 1 + n % 20, 1, 3, CASE WHEN n % 100 = 0 THEN 'received' ELSE 'counted' END FROM generate_series(1, 2000) AS n;
INSERT INTO product_hour (hour, product_id, units, orders, revenue)
SELECT date_trunc('hour', now(), 'UTC') - n * interval '1 hour', 1 + m, 1, 1, 10
FROM generate_series(1, 100) AS n, generate_series(0, 19) AS m;
INSERT INTO customer (id, username, phone)
SELECT n, 'one-' || n, '+1312555' || (1000 + n) FROM generate_series(1, 1000) AS n;
INSERT INTO customer_sales (customer_id, order_count, order_days, first_day, last_day, lifetime_value, is_barred,
  hours_key, called_at)
SELECT n, 5, 5, current_date - 300, current_date - 30, n, false, '', CASE WHEN n % 100 = 0 THEN now() END
FROM generate_series(1, 1000) AS n;
DELETE FROM customer_call_change;
INSERT INTO subscription (customer_id, product_id, quantity, interval_days, discount_pct, retry_on, next_renewal_date,
  payment_type)
SELECT n, 1, 5, 30, 0, CASE WHEN n % 100 = 0 THEN current_date END, current_date + 3, 'card'
FROM generate_series(1, 1000) AS n;
INSERT INTO outbox_message (channel, kind, recipient, subject, state)
SELECT 'email', 'plan', 'diner-' || n || '@example.com', 'Your order', 'sent' FROM generate_series(1, 2000) AS n;
SELECT gin_clean_pending_list('ix_outbox_message_search');
ANALYZE product, stock_movement, product_hour, customer, customer_sales, subscription, outbox_message;
"""


async def read_queue(db: AsyncSession) -> None:
    await read_call_queue(db, QueueQuery(), timezone=ZONE, free_delivery_minimum=Decimal(100))


async def read_menu(db: AsyncSession) -> None:
    await count_waiting(await db.connection(), visible_to=MANAGER)


READS: dict[str, Read] = {
    "ix_stock_movement_received": lambda db: list_reorder_soon(db, visible_to=MANAGER),
    "ix_product_hour_product": lambda db: read_sales(db, 1, timezone=ZONE),
    "ix_customer_sales_called": read_queue,
    "ix_subscription_retried": read_menu,
    "ix_outbox_message_search": lambda db: list_messages(db, OutboxFilters(q="diner-1999@")),
}


@pytest.mark.parametrize("index", READS)
async def test_it_is_read_by_the_index_made_for_it(db: AsyncSession, index: str) -> None:
    raw = await raw_connection(db)
    await raw.execute(GROUND)
    await db.execute(text("SET LOCAL enable_seqscan = off"))
    plans = []
    async with noted(db) as sent:
        await READS[index](db)
    for statement, values in sent:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            plans += [row[0] for row in await raw.fetch(f"EXPLAIN {statement}", *(values or ()))]
    assert f"{index} " in "\n".join(plans)
