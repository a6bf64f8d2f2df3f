"""Long lists, the call queue and the outbox in a large company: by index, with as many statements as in a small one."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.counts import count_tabs, fold_calling_counts
from domain.calling.entries import ListEntries, list_entries
from domain.calling.tabs import Segment
from domain.kernel.actor import Actor, ActorKind
from domain.messages.list_messages import OutboxFilters, list_messages
from domain.orders.business import current_business
from domain.voice.call_queue import read_call_queue
from domain.voice.queue_members import QueueQuery
from domain.voice.refresh_sales import keep_steps
from domain.warehouse.floor import FloorQuery, Stage, show_floor
from domain.warehouse.queue import ListQueue, count_stats, list_queue
from models import Role
from models.session import Database, raw_connection, use_database
from proofs.ground import check, proving_database
from proofs.statements import is_of_types

Read = Callable[[AsyncSession], Awaitable[Any]]
# A read's name, its statements with parameters, and its time.
Explain = Callable[[AsyncSession, str, list[tuple[str, Any]], float], Awaitable[None]]
# With this number of orders every list has some.
LEAST = 3_000
MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
# One order in a thousand is open, two are in transit, and the others are done.
_ORDERS = """
INSERT INTO orders (order_number, status, item_count, unit_count, subtotal, total_amount, created_at, shipped_at,
  delivered_at)
SELECT 'PLAN-' || n, s.status, 1, 3, 30, 30, at, CASE WHEN s.status IN ('shipped', 'delivered') THEN at END,
  CASE WHEN s.status = 'delivered' THEN at + interval '3 days' END
FROM generate_series(CAST(:first AS int), :last) AS n,
  LATERAL (SELECT now() - (:last - n) * interval '730 days' / :last AS at) AS a,
  LATERAL (
    SELECT CASE WHEN n % 1000 = 0 THEN (ARRAY['pending', 'confirmed', 'packed'])[1 + n / 1000 % 3]
      WHEN n % 1000 < 3 THEN 'shipped' ELSE 'delivered' END AS status
  ) AS s
"""
_ITEMS = """
INSERT INTO order_item (order_id, product_name, product_sku, quantity, unit_price, line_total, position)
SELECT id, 'Pan', 'PAN-' || id % 500, 3, 10, 30, 1 FROM orders WHERE id > :known
"""
_TRACKERS = """
INSERT INTO tracker (order_id, tracking_number, carrier, status, details, expected_at)
SELECT id, '9400' || id, 'USPS', CASE WHEN status = 'delivered' THEN 'delivered' ELSE 'in_transit' END, '[]',
  created_at + interval '3 days'
FROM orders WHERE shipped_at IS NOT NULL AND id > :known
"""
# One in fifty was called lately, and one in five hundred must not be called.
_ENTRIES = """
INSERT INTO calling_entry (phone, phone2, company_name, priority_score, order_count, order_days, first_order_at,
  last_order_at, window_from, window_until, last_called_at)
SELECT '+1312' || (2000000 + n), CASE WHEN n % 3 = 0 THEN '+1313' || (2000000 + n) END, 'Bistro ' || n, n % 100, 5, 5,
  now() - interval '300 days', at, at::date + 40, at::date + 65, CASE WHEN n % 50 = 0 THEN now() END
FROM generate_series(CAST(:first AS int), :last) AS n, LATERAL (SELECT now() - n % 250 * interval '1 day' AS at) AS a
"""
_MARKS = """
INSERT INTO suppressed_number (phone, do_not_call)
SELECT '+131' || 2 + n % 2 || (2000000 + n), true
FROM generate_series(CAST(:first AS int), :last) AS n WHERE n % 500 = 0
ON CONFLICT DO NOTHING
"""
# One in ten of the customers was called within three weeks, and two in five ordered last when a call is due.
_CUSTOMERS = """
INSERT INTO customer (username, phone, company_name)
SELECT 'plan-' || n, '+1414' || (2000000 + n), 'Diner ' || n FROM generate_series(CAST(:first AS int), :last) AS n
"""
_SALES = """
INSERT INTO customer_sales (customer_id, order_count, order_days, first_day, last_day, lifetime_value, is_barred,
  hours_key, called_at)
SELECT id, 5, 5, current_date - 500, current_date - CAST(20 + id % 400 AS int), id % 1000, false, '|America/Chicago',
  (SELECT max(created_at) FROM outbound_call_log WHERE customer_id = c.id)
FROM customer AS c
ON CONFLICT DO NOTHING
"""
# The recorded calls are among the rows just written.
_KNOWN = "DELETE FROM customer_call_change"
_CALLS = """
INSERT INTO outbound_call_log (customer_id, phone, outcome, created_at)
SELECT c.id, c.phone, 'no_answer', now() - n % 21 * interval '1 day'
FROM generate_series(CAST(:first AS int), :last) AS n JOIN customer AS c ON c.username = 'plan-' || n WHERE n % 10 = 0
"""
_MESSAGES = """
INSERT INTO outbox_message (channel, kind, recipient, state)
SELECT 'email', 'plan', 'diner-' || n || '@example.com', CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'sent' END
FROM generate_series(CAST(:first AS int), :last) AS n
"""
_BIG = re.compile(
    r"Seq Scan on (orders|order_item|tracker|calling_entry|customer|customer_sales|outbound_call_log|outbox_message)\b"
)
_NODE = re.compile(r"(?:Index|Bitmap|Seq)[\w ]*Scan(?: Backward)? (?:using|on) [\w ]+")


async def prove(*, orders: int = 1_000_000, entries: int = 50_000) -> None:
    """Count statements in a small and a large company, and check the large one's plans."""
    async with proving_database() as url:
        database = Database(url, pool_size=2)
        use_database(database)
        known = max(orders // 100, LEAST)
        few = await read_all(database, await grow(database, 0, known, entries // 100))
        started = time.monotonic()
        reads = await grow(database, known, orders, entries)
        print(f"  {orders:,} orders and {entries:,} entries written in {time.monotonic() - started:.0f} s")
        many = await read_all(database, reads, explain=explain, is_small=orders < 100_000)
        await database.close()
    check(f"as many statements as among {known:,} orders: {many}", few == many)


async def grow(database: Database, known: int, orders: int, entries: int) -> dict[str, Read]:
    """Add orders and entries up to these numbers; returns the values that the pages need."""
    async with database.session() as db:
        first = await db.scalar(text("SELECT count(*) + 1 FROM calling_entry"))
        await db.execute(text(_ORDERS), {"first": known + 1, "last": orders})
        await db.execute(text(_ITEMS), {"known": known})
        await db.execute(text(_TRACKERS), {"known": known})
        for statement in (_ENTRIES, _MARKS, _CUSTOMERS, _CALLS, _MESSAGES):
            await db.execute(text(statement), {"first": first, "last": entries})
        await db.execute(text(_SALES))
        await db.execute(text(_KNOWN))
        await keep_steps(await raw_connection(db))
        await fold_calling_counts(db, timezone=current_business().timezone)
        await db.commit()
    async with database.reading() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
    zone = current_business().timezone
    reads: dict[str, Read] = {
        f"the floor, {stage.value}": lambda db, stage=stage: show_floor(  # type: ignore[misc]
            db, FloorQuery(stage=stage), visible_to=MANAGER, timezone=zone
        )
        for stage in (Stage.ALL, Stage.TO_SHIP, Stage.LATE, Stage.DELIVERED)
    }
    reads |= {
        f"the calling list, {segment.value}": lambda db, segment=segment: list_entries(  # type: ignore[misc]
            db, ListEntries(segment=segment), visible_to=MANAGER, timezone=zone
        )
        for segment in Segment
    }
    return reads | {
        "the queue": lambda db: list_queue(db, ListQueue(), visible_to=MANAGER),
        "the stats": lambda db: count_stats(db, visible_to=MANAGER, timezone=zone),
        "the segments": lambda db: count_tabs(db, visible_to=MANAGER, timezone=zone),
        "the calls that are due": lambda db: read_call_queue(
            db, QueueQuery(), timezone=ZoneInfo(str(zone)), free_delivery_minimum=Decimal(100)
        ),
        "the outbox": lambda db: list_messages(db, OutboxFilters()),
        "the outbox, a deep page": lambda db: list_messages(db, OutboxFilters(page=9)),
    }


async def read_all(
    database: Database, reads: dict[str, Read], *, explain: Explain | None = None, is_small: bool = False
) -> dict[str, int]:
    """The number of statements of each read; `explain` gets them with the read's milliseconds.

    All use one connection, as in a server that has run for a while.
    """
    counts: dict[str, int] = {}
    for name, read in reads.items():
        async with database.session() as db:
            if is_small:
                # A few rows are read faster without an index; this still shows whether there is one.
                await db.execute(text("SET LOCAL enable_seqscan = off"))
            async with noted(db) as sent:
                started = time.monotonic()
                await read(db)
                spent = (time.monotonic() - started) * 1000
            counts[name] = len(sent)
            if explain is not None:
                await explain(db, name, sent, spent)
    return counts


@asynccontextmanager
async def noted(db: AsyncSession) -> AsyncIterator[list[tuple[str, Any]]]:
    """The statements of a session and of asyncpg's own calls over its connection, with what they are sent with."""
    sent: list[tuple[str, Any]] = []
    connection, raw = (await db.connection()).sync_connection, await raw_connection(db)

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    def note_raw(logged: Any) -> None:
        if not is_of_types(logged.query):
            sent.append((logged.query, logged.args))

    event.listen(connection, "before_cursor_execute", note)
    raw.add_query_logger(note_raw)
    try:
        yield sent
        # asyncpg's loggers hear of a statement in the loop's next round.
        await asyncio.sleep(0)
    finally:
        raw.remove_query_logger(note_raw)
        event.remove(connection, "before_cursor_execute", note)


async def explain(db: AsyncSession, name: str, sent: list[tuple[str, Any]], spent: float) -> None:
    """Print the indexes used; a full scan of a large table fails the proof."""
    raw = await raw_connection(db)
    nodes, whole = set(), set()
    for statement, parameters in sent:
        if not statement.lstrip().startswith(("SELECT", "WITH")):
            continue
        plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN {statement}", *_as_sent(parameters)))
        nodes.update(_NODE.findall(plan))
        whole.update(_BIG.findall(plan))
    also = ", ".join(sorted(whole))
    check(f"{name}: {len(sent)} statements, {spent:.0f} ms, no large table read whole{also and ': ' + also}", not whole)
    for node in sorted(nodes):
        print(f"    {node}")


def _as_sent(parameters: Any) -> tuple[Any, ...]:
    return tuple(parameters) if parameters else ()
