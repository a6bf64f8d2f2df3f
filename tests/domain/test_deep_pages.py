"""Deep pages of long lists pass over ids alone: a row before the page is never read whole."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.messages.list_messages import OutboxFilters, list_messages
from domain.sales.history import ListHistory, list_history
from domain.system import trail_pages
from domain.system.trail import TrailFilters
from domain.voice.calls import CallQuery, list_calls
from models import AuditAction, AuditEntry, Role
from models.session import Database
from tests.statements import noted_statements

MANAGER = Actor(ActorKind.STAFF, 1, "Test", Role.MANAGER)
LISTS: dict[str, Callable[[AsyncSession], Awaitable[Any]]] = {
    "outbox_message": lambda db: list_messages(db, OutboxFilters(page=40, per_page=50)),
    "call_log": lambda db: list_calls(db, CallQuery(page=40, per_page=50)),
    "orders": lambda db: list_history(db, ListHistory(page=40, per_page=50), visible_to=MANAGER),
}


@pytest.mark.parametrize("table", LISTS)
async def test_what_is_passed_over_is_ids_alone(db: AsyncSession, database: Database, table: str) -> None:
    with_ids = re.compile(rf"{table}\.id IN \(SELECT {table}\.id\s+FROM [^()]*(?:\([^()]*\)[^()]*)*\bOFFSET\b")
    async with noted_statements(database) as sent:
        await LISTS[table](db)
    deep = [statement for statement in sent if "OFFSET" in statement]
    assert len(deep) == 1
    assert with_ids.search(deep[0]), deep[0]


async def test_the_history_passes_over_ids_and_counts_the_days_before(
    db: AsyncSession, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row: dict[str, Any] = {"action": AuditAction.PRODUCT_UPDATED, "record_kind": "product"}
    db.add_all([AuditEntry(**row, created_at=now() - timedelta(days=day)) for day in range(9)])
    await db.flush()
    monkeypatch.setattr(trail_pages, "MOST_COUNTED", 2)
    async with noted_statements(database) as sent:
        found = await trail_pages.list_whole_trail(db, TrailFilters(page=3, per_page=3), timezone=UTC)
    assert len(found.page.rows) == 3
    counted, read = sent[-2:]
    assert "ORDER BY" not in counted
    passed_over, _, whole = read.partition(" OFFSET ")
    assert "before" not in passed_over
    assert "IN (SELECT page.id" in whole
