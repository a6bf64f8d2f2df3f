"""The sales floor: two callers never get the same entry, a mark hides entries at once, and scores match a recount."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import text

from domain.calling import claim
from domain.calling.claim import ClaimNext, claim_next
from domain.calling.counts import count_tabs
from domain.calling.entries import ListEntries, list_entries
from domain.calling.hours_key import find_hours_key
from domain.calling.scores import recalculate_scores
from domain.calling.tabs import Segment
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.messages.suppression import mark_do_not_call
from domain.orders.business import current_business
from models import Role, SuppressionReason
from models.session import Database, use_database
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


async def prove(
    *, claims: int = 200, marks: int = 200, reads: int = 2_000, entries: int = 50_000, events: int = 1_000_000
) -> None:
    """Run all three on one database."""
    async with proving_database() as url:
        database = Database(url, pool_size=16)
        use_database(database)
        reps = [row.id for row in await _do(database, _REPS)]
        actors = [Actor(ActorKind.STAFF, rep, f"Caller {rep}", Role.SALES_REP) for rep in reps]
        await never_meet(database, actors, claims)
        await hide_at_once(database, marks, reads)
        await recalculate(database, entries, events)
        await database.close()


async def _do(database: Database, statement: str, **values: object) -> list[Any]:
    async with database.session() as db:
        done: Any = await db.execute(text(statement), values)
        rows = list(done.all()) if done.returns_rows else []
        await db.commit()
        return rows


async def never_meet(database: Database, actors: list[Actor], claims: int) -> None:
    """Two callers press N at the same time; entries in the west are still closed."""
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
    """Numbers are marked while all lists are read; none shows a number after its mark."""
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
    """Recompute all scores from all events in one statement; then compare the list and its counts."""
    await _do(
        database,
        "INSERT INTO calling_entry (phone, hours_key) SELECT '+1312' || lpad((2000000 + n)::text, 7, '0'), '' "
        "FROM generate_series(1, :many) AS n",
        many=entries,
    )
    await _do(
        database,
        "INSERT INTO calling_event (entry_id, kind, points, created_at) "
        "SELECT ids[n % cardinality(ids) + 1], 'catalog_viewed', (n % 61) - 30, now() - n % 40 * interval '1 day' "
        "FROM (SELECT array_agg(id) AS ids FROM calling_entry) AS e, generate_series(1, :events) AS n",
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
        await count_tabs(connection, visible_to=SYSTEM, timezone=current_business().timezone)
    print(
        f"  {done.updated:,} scores from {events:,} events in one statement, {seconds:.1f} s; "
        f"the tabs counted in {(time.monotonic() - started) * 1000:.0f} ms"
    )
