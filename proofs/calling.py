"""The sales floor: two callers never meet, a mark hides at once, scores in one statement, commissions add up."""

import asyncio
import random
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from sqlalchemy import text

from domain.calling import claim
from domain.calling.claim import ClaimNext, claim_next
from domain.calling.entries import ListEntries, Segment, list_entries
from domain.calling.hours_key import find_hours_key
from domain.calling.scores import recalculate_scores
from domain.calling.segments import count_segments
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.messages.suppression import mark_do_not_call
from domain.orders.business import current_business
from domain.orders.commission import fix_commission, settle_commission
from models import Role, SuppressionReason
from models.session import Database, raw_connection, use_database
from proofs.ground import check, proving_database

# A Tuesday at noon in New York, nine in Los Angeles.
NOON = datetime(2026, 12, 1, 17, tzinfo=UTC)
_ENTRIES = """
INSERT INTO calling_entry (phone, company_name, hours_key, base_score, priority_score)
SELECT '+1' || :area || '555' || lpad(n::text, 4, '0'), 'Bistro ' || n, :key, n % 60, n % 60
FROM generate_series(1, :many) AS n
"""
_REPS = """
INSERT INTO staff (username, password_hash, role, full_name)
SELECT 'caller' || n, 'none', 'sales_rep', 'Caller ' || n FROM generate_series(1, 2) AS n RETURNING id
"""
_ORDERS = """
INSERT INTO orders (order_number, sales_rep_id, item_count, subtotal, total_amount)
SELECT 'P-' || n, :rep, 1, 100 + n, 100 + n FROM generate_series(1, :many) AS n
"""
# The sum recomputed from the orders themselves.
_DUE = """
SELECT coalesce(sum(CASE WHEN status <> 'cancelled' AND payment_status IN ('paid', 'partially_refunded', 'refunded')
  THEN round(commission_amount * greatest(0, 1 - allowances / greatest(total_amount, 0.01)), 2) ELSE 0 END), 0)
FROM orders
"""


async def prove(
    *, claims: int = 200, marks: int = 200, reads: int = 2_000, entries: int = 50_000, events: int = 1_000_000,
    orders: int = 300,
) -> None:  # fmt: skip
    """Run all four on one database."""
    async with proving_database() as url:
        database = Database(url, pool_size=16)
        use_database(database)
        reps = [row.id for row in await _do(database, _REPS)]
        actors = [Actor(ActorKind.STAFF, rep, f"Caller {rep}", Role.SALES_REP) for rep in reps]
        await never_meet(database, actors, claims)
        await hide_at_once(database, marks, reads)
        await recalculate(database, entries, events)
        await add_up(database, reps[0], orders)
        await database.close()


async def _do(database: Database, statement: str, **values: object) -> list[Any]:
    async with database.session() as db:
        done: Any = await db.execute(text(statement), values)
        rows = list(done.all()) if done.returns_rows else []
        await db.commit()
        return rows


async def never_meet(database: Database, actors: list[Actor], claims: int) -> None:
    """Two callers press N together; those in the west are still closed."""
    for area in ("216", "415"):
        key = find_hours_key(f"+1{area}5550100")
        await _do(database, _ENTRIES, area=area, key=key, many=claims * 2)

    async def press(actor: Actor) -> list[tuple[int, str]]:
        found = []
        for _ in range(claims):
            async with database.session() as db:
                entry = await claim_next(db, ClaimNext(), by=actor)
                await db.commit()
            if entry is not None:
                found.append((entry.id, entry.phone or ""))
        return found

    with patch.object(claim, "now", lambda: NOON):
        first, second = await asyncio.gather(*(press(actor) for actor in actors))
    claimed = [entry_id for entry_id, _ in first + second]
    check(f"{len(claimed)} claims by two callers, no entry twice", 0 < len(claimed) == len(set(claimed)))
    check("nobody was offered out of hours", all(phone.startswith("+1216") for _, phone in first + second))


async def hide_at_once(database: Database, marks: int, reads: int) -> None:
    """Numbers are marked while every list is read; none shows a number after its mark."""
    phones = [row.phone for row in await _do(database, f"SELECT phone FROM calling_entry ORDER BY id LIMIT {marks}")]
    marked: set[str] = set()
    seen_late = 0

    async def mark() -> None:
        for phone in phones:
            async with database.session() as db:
                await mark_do_not_call(db, phone, reason=SuppressionReason.STAFF, by=SYSTEM)
                await db.commit()
            marked.add(phone)

    async def read(lists: int) -> None:
        nonlocal seen_late
        rng = random.Random(lists)
        for _ in range(lists):
            before = frozenset(marked)
            query = ListEntries(segment=rng.choice(list(Segment)), per_page=200, page=rng.randint(1, 3))
            async with database.reading() as connection:
                page = await list_entries(connection, query, visible_to=SYSTEM, timezone=current_business().timezone)
            seen_late += sum(row.phone in before for row in page.rows)

    await asyncio.gather(mark(), *(read(reads // 8) for _ in range(8)))
    check(f"{marks} marks against {reads} reads of every list: none seen after its mark", seen_late == 0)


async def recalculate(database: Database, entries: int, events: int) -> None:
    """Every score from every event, in one statement; then the list and its counts."""
    await _do(
        database,
        "INSERT INTO calling_entry (phone, hours_key) SELECT '+1312' || lpad((2000000 + n)::text, 7, '0'), '' "
        "FROM generate_series(1, :many) AS n",
        many=entries,
    )
    await _do(
        database,
        "INSERT INTO calling_event (entry_id, kind, points, created_at) "
        "SELECT e.id, 'catalog_viewed', (n % 61) - 30, now() - n % 40 * interval '1 day' "
        "FROM (SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS all_of "
        "FROM calling_entry) AS e "
        "JOIN generate_series(1, :events) AS n ON n % e.all_of + 1 = e.place",
        events=events,
    )
    await _do(database, "ANALYZE calling_entry, calling_event")
    started = time.monotonic()
    async with database.session() as db:
        done = await recalculate_scores(db)
        await db.commit()
    seconds = time.monotonic() - started
    wrong = await _do(
        database,
        "SELECT count(*) AS wrong FROM (SELECT e.priority_score, least(100, greatest(0, e.base_score + "
        "sum(v.points * power(0.5, extract(epoch FROM now() - v.created_at) / 1209600)))) AS wanted "
        "FROM calling_entry e JOIN calling_event v ON v.entry_id = e.id "
        "WHERE NOT EXISTS (SELECT FROM suppressed_number s "
        "WHERE s.do_not_call AND s.phone = e.phone) GROUP BY e.id) AS t WHERE abs(priority_score - wanted) > 0.05",
    )
    check("every score is the one recomputed from its events", wrong[0].wrong == 0)
    started = time.monotonic()
    async with database.reading() as connection:
        await count_segments(connection, visible_to=SYSTEM, timezone=current_business().timezone)
    print(
        f"  {done.updated:,} scores from {events:,} events in one statement, {seconds:.1f} s; "
        f"the tabs counted in {(time.monotonic() - started) * 1000:.0f} ms"
    )


async def add_up(database: Database, rep: int, orders: int) -> None:
    """Orders are paid, given back, cancelled and repriced at once; the ledger says what is due."""
    await _do(
        database,
        "INSERT INTO commission_rate (staff_id, percent, starts_on) VALUES (:rep, 7.25, DATE '2020-01-01')",
        rep=rep,
    )
    await _do(database, _ORDERS, rep=rep, many=orders)
    ids = [row.id for row in await _do(database, "SELECT id FROM orders ORDER BY id")]
    changes = (
        "status = status", "payment_status = 'paid', amount_paid = total_amount",
        "payment_status = 'partially_refunded', allowances = round(total_amount / 3, 2)",
        "payment_status = 'unpaid'", "status = 'cancelled'",
        "subtotal = subtotal + 10, total_amount = total_amount + 10",
    )  # fmt: skip

    async def change(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(orders):
            order_id, what = rng.choice(ids), rng.choice(changes)
            async with database.session() as db:
                await db.execute(
                    text(f"UPDATE orders SET {what} WHERE id = :id RETURNING id"),
                    {"id": order_id},
                )
                connection = await raw_connection(db)
                if what.startswith("subtotal"):
                    await fix_commission(connection, order_id)
                await settle_commission(connection, order_id)
                await db.commit()

    for order_id in ids:
        async with database.session() as db:
            await fix_commission(await raw_connection(db), order_id)
            await db.commit()
    await asyncio.gather(*(change(seed) for seed in range(8)))
    due = (await _do(database, _DUE))[0][0]
    kept = (await _do(database, "SELECT coalesce(sum(amount), 0) FROM commission_entry"))[0][0]
    said = f"{orders} orders changed {orders * 8} times by eight at once: the ledger's {kept} is the orders' {due}"
    check(said, Decimal(due) == Decimal(kept))
