"""The list by the last order: exact whether the kept day is fresh, stale or missing, in every filter and both ways."""

import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.browse import browse_customers, find_customer_neighbours
from domain.customers.list_filters import BrowseCustomers, BrowseSort, CustomerTab, LastOrder
from domain.voice.refresh_sales import fold_sales
from models import Order, SuppressedNumber
from tests.factories import make_customer, next_number
from tests.factories.orders import noon

ZONE = ZoneInfo("America/Chicago")
DAYS = (0, 3, 6, 8, 20, 29, 31, 60, 89, 91, 300)


async def order_before(db: AsyncSession, customer_id: int, days: int, *, status: str = "delivered") -> None:
    db.add(
        Order(
            order_number=f"LAST-{next_number()}", status=status, payment_method="credit_card", delivery_name="Ana",
            customer_id=customer_id, created_at=noon(days), item_count=1, unit_count=1,
        )
    )  # fmt: skip
    await db.flush()


async def make_book(db: AsyncSession, seed: int) -> dict[int, int | None]:
    """Customers by the days since their last order, of whom some ordered before the sums were folded, some since."""
    chance = random.Random(seed)
    people: dict[int, int | None] = {}
    for _ in range(24):
        customer = await make_customer(db, company_name=f"Diner {chance.random()}")
        people[customer.id] = None
    for when in range(3):
        for customer_id in chance.sample(list(people), 10):
            days = chance.choice(DAYS)
            if chance.random() < 0.2:
                await order_before(db, customer_id, days, status="cancelled")
                continue
            await order_before(db, customer_id, days)
            known = people[customer_id]
            people[customer_id] = days if known is None else min(days, known)
        if when == 1:
            await fold_sales(db, timezone=ZONE)
    return people


async def find_ids(db: AsyncSession, **asked: object) -> list[int]:
    query = BrowseCustomers.model_validate({"per_page": 200} | asked)
    found = await browse_customers(db, query, timezone=ZONE)
    assert found.counts[query.tab.value] == str(len(found.page.rows))
    return [each.row.id for each in found.page.rows]


@pytest.mark.parametrize("seed", range(2))
async def test_the_last_order_filters_and_sorts_as_a_plain_recount_does(db: AsyncSession, seed: int) -> None:
    people = await make_book(db, seed)
    since = {person: 10_000 if days is None else days for person, days in people.items()}
    wanted = {
        LastOrder.WEEK: {person for person, days in since.items() if days <= 7},
        LastOrder.MONTH: {person for person, days in since.items() if days <= 30},
        LastOrder.NONE_FOR_A_MONTH: {person for person, days in since.items() if 30 < days < 10_000},
        LastOrder.NONE_FOR_A_QUARTER: {person for person, days in since.items() if 90 < days < 10_000},
        LastOrder.NEVER: {person for person, days in since.items() if days == 10_000},
    }
    assert all(wanted.values())
    for last, those in wanted.items():
        for sort in BrowseSort:
            assert set(await find_ids(db, last=last.value, sort=sort.value)) == those, (last, sort)
        newest_first = sorted(those, key=lambda person: (-since[person], person), reverse=True)
        assert await find_ids(db, last=last.value, sort="-last") == newest_first
    newest_first = sorted(people, key=lambda person: (-since[person], person), reverse=True)
    assert await find_ids(db, sort="-last") == newest_first
    assert await find_ids(db, sort="last") == newest_first[::-1]


async def test_the_walk_through_the_list_by_the_last_order_is_its_order(db: AsyncSession) -> None:
    await make_book(db, 5)
    zone = ZONE
    for sort in ("last", "-last", "-owes"):
        ids = await find_ids(db, sort=sort)
        query = BrowseCustomers.model_validate({"sort": sort})
        for place in (0, 7, len(ids) - 1):
            beside = await find_customer_neighbours(db, ids[place], query, timezone=zone)
            before = ids[place - 1] if place else None
            after = ids[place + 1] if place + 1 < len(ids) else None
            assert (beside.before, beside.after, beside.place) == (before, after, place + 1)


async def test_pages_of_the_list_by_the_last_order_have_nobody_twice(db: AsyncSession) -> None:
    people = await make_book(db, 7)
    zone, found = ZONE, list[int]()
    for page in range(1, 6):
        query = BrowseCustomers.model_validate({"sort": "-last", "page": page, "per_page": 5})
        found += [each.row.id for each in (await browse_customers(db, query, timezone=zone)).page.rows]
    assert sorted(found) == sorted(people)


async def test_a_short_search_begins_a_word_without_regard_to_accents(db: AsyncSession) -> None:
    first = await make_customer(db, company_name="École Bistro", first_name="Ana", last_name="Quill")
    second = await make_customer(db, company_name="The Decor", first_name="Bo", last_name="Mill")
    assert await find_ids(db, q="ec") == [first.id]
    assert await find_ids(db, q="qu") == [first.id]
    assert await find_ids(db, q="mi") == [second.id]
    assert await find_ids(db, q="co", tab=CustomerTab.ALL.value) == []


async def test_marks_are_counted_under_a_search_as_they_are_listed(db: AsyncSession) -> None:
    people: list[dict[str, Any]] = [{"do_not_call": True}, {}, {"phone2": "+13125559001"}, {}]
    for number, values in enumerate(people):
        await make_customer(db, company_name=f"Quince {number}", phone=f"+1312555800{number}", **values)
    for phone in ("+13125558001", "+13125559001", "+13125557777"):
        db.add(SuppressedNumber(phone=phone, do_not_call=True))
    db.add(SuppressedNumber(phone="+13125558003", do_not_call=False, do_not_text=True))
    await db.flush()
    for asked in ({"q": "quince"}, {"state": "IL"}, {}):
        found = await browse_customers(db, BrowseCustomers.model_validate(asked), timezone=ZONE)
        listed = await find_ids(db, **asked, tab="do_not_call")
        assert found.counts[CustomerTab.DO_NOT_CALL] == str(len(listed))
    assert len(await find_ids(db, q="quince", tab="do_not_call")) == 3
