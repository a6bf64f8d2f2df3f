"""The kept hours of the history against its rows: whatever happens, a deep page begins where a recount says."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.system import trail_pages
from domain.system.trail import TrailFilters
from domain.system.trail_hours import find_place, fold_trail_hours
from models import TrailChange, TrailHour
from tests.factories.picks import pick

HOURS = 40
ONE_CHANGE, ONE_EVENT = pick("audit_entry"), pick("order_event")
ACTS = (
    """
    INSERT INTO audit_entry (action, record_kind, created_at)
    SELECT 'product_updated', 'product', CAST(:at AS timestamptz) - n * interval '20 minutes'
    FROM generate_series(1, CAST(:count AS int)) AS n
    """,
    f"""
    INSERT INTO order_event (order_id, kind, created_at)
    SELECT {pick("orders")}, 'noted', CAST(:at AS timestamptz) - n * interval '35 minutes'
    FROM generate_series(1, CAST(:count AS int)) AS n WHERE EXISTS (SELECT FROM orders)
    """,
    "INSERT INTO orders (order_number) VALUES ('TRAIL-' || :salt)",
    f"UPDATE audit_entry SET created_at = :at WHERE id = {ONE_CHANGE}",
    f"UPDATE order_event SET created_at = :at WHERE id = {ONE_EVENT}",
    f"DELETE FROM audit_entry WHERE id = {ONE_CHANGE}",
    f"DELETE FROM order_event WHERE id = {ONE_EVENT}",
    f"DELETE FROM orders WHERE id = {pick('orders')}",
)
ROWS = text("""
SELECT created_at, source, id FROM (
  SELECT created_at, 'audit' AS source, id FROM audit_entry
  UNION ALL SELECT e.created_at, 'order', e.id FROM order_event AS e JOIN orders ON orders.id = e.order_id
) AS rows ORDER BY created_at DESC, source, id DESC
""")


async def change_at_random(db: AsyncSession, dice: random.Random) -> None:
    """One thing that happens to the history, chosen by the dice."""
    # Half of it in the hours that are not over.
    minutes = dice.choice((60, 60 * HOURS))
    values = {
        "salt": f"{dice.randrange(10**9):09}",
        "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(minutes)),
        "count": dice.randrange(1, 6),
    }
    statement = dice.choice((*ACTS[:3], *ACTS[:3], *ACTS[:2], *ACTS))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def compare(db: AsyncSession) -> None:
    """Each page against the rows; those past the last row are empty."""
    rows = [tuple(row) for row in await db.execute(ROWS)]
    for page in range(1, len(rows) // 7 + 3):
        asked = TrailFilters(page=page, per_page=7)
        found = (await trail_pages.list_whole_trail(db, asked, timezone=UTC)).page.rows
        assert [(row.created_at, row.source, row.id) for row in found] == rows[asked.offset : asked.offset + 7]


@pytest.mark.parametrize("seed", range(3))
async def test_deep_pages_are_those_of_the_rows_whatever_happens(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(trail_pages, "MOST_COUNTED", 3)
    dice = random.Random(seed)
    for _ in range(60):
        await change_at_random(db, dice)
        if dice.random() < 0.15:
            await fold_trail_hours(db)
        if dice.random() < 0.15:
            await compare(db)
    await fold_trail_hours(db)
    assert await db.scalar(select(func.count()).select_from(TrailChange)) == 0
    assert await db.scalar(select(func.count()).select_from(TrailHour)) != 0
    await compare(db)


async def test_an_hour_that_is_not_over_is_neither_noted_nor_stored(db: AsyncSession) -> None:
    entry = "INSERT INTO audit_entry (action, record_kind, created_at) VALUES ('product_updated', 'product', :at)"
    at = datetime.now(UTC)
    await db.execute(text(entry), {"at": at})
    await db.execute(text(entry), {"at": at - timedelta(hours=3)})
    assert await db.scalar(select(func.count()).select_from(TrailChange)) == 1
    await fold_trail_hours(db)
    [stored] = await db.scalars(select(TrailHour))
    assert (stored.changes, stored.events) == (1, 0)
    assert stored.hour <= at - timedelta(hours=3) < stored.hour + timedelta(hours=1)
    assert await find_place(db, 0) == (None, 0)
    assert await find_place(db, 1) == (stored.hour + timedelta(hours=1), 1)
    assert await find_place(db, 2) is None
