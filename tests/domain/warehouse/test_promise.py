"""By when an order is promised to leave, and how many of those delivered left by then."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from domain.warehouse.floor import count_day
from domain.warehouse.promise import list_promises, promised_at
from models import Order, Role
from portal.warehouse import words
from tests.factories import as_actor, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.forms import read_page

CHICAGO = ZoneInfo("America/Chicago")


def test_the_list_of_promises_says_of_every_moment_what_the_rule_says() -> None:
    # Over the end of summer time, Thanksgiving and two weekends.
    first, last = date(2026, 10, 28), date(2026, 12, 2)
    promises = list_promises(first, last, CHICAGO)
    moment = datetime(2026, 10, 28, tzinfo=CHICAGO)
    while moment.date() <= last:
        promised = [promised for begins, promised in promises if begins <= moment][-1]
        assert promised == promised_at(moment, CHICAGO), moment
        moment += timedelta(minutes=30)


async def test_the_delivered_that_left_as_promised_are_counted(client: TestClientProtocol, db: AsyncSession) -> None:
    person = await make_staff(db, Role.WAREHOUSE)
    product = await make_product(db)
    placed_at = now() - timedelta(days=10)
    promised = promised_at(placed_at, CHICAGO)
    left: tuple[dict[str, Any], ...] = (
        {"created_at": placed_at, "shipped_at": promised},
        {"created_at": placed_at, "shipped_at": promised + timedelta(minutes=1)},
        {"created_at": now() - timedelta(days=200), "shipped_at": now() - timedelta(days=2)},
    )
    for values in left:
        order = await make_order(db, (product, 1))
        known = {"status": "delivered", "delivered_at": now() - timedelta(hours=1)} | values
        await db.execute(update(Order).where(Order.id == order.written.id).values(known))
    await db.commit()
    counts = await count_day(db, visible_to=as_actor(person), timezone=CHICAGO)
    assert (counts.delivered, counts.left_in_time) == (3, 1)
    await sign_in(client, db, person)
    page = await read_page(client, "/portal/warehouse")
    assert "33% left as promised" in page
    assert "1 left by their promised time" in page


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 24, 9, tzinfo=CHICAGO), "last pickup 4:00\N{NO-BREAK SPACE}pm"),
        (datetime(2026, 11, 24, 16, 1, tzinfo=CHICAGO), "last pickup was 4:00\N{NO-BREAK SPACE}pm"),
        (datetime(2026, 11, 26, 9, tzinfo=CHICAGO), "no pickup today, next Nov\N{NO-BREAK SPACE}27"),
    ],
)
def test_the_queue_says_when_the_carriers_come(monkeypatch: pytest.MonkeyPatch, at: datetime, said: str) -> None:
    monkeypatch.setattr(words, "now", lambda: at)
    monkeypatch.setattr(words, "business_today", lambda _: at.date())
    assert words.write_pickup(CHICAGO) == said
