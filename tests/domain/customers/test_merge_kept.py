"""What a merge stores: numbers that did not fit on the customer, and snapshots for as long as it can be undone."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from domain.customers.edit_customer import UpdateCustomer, update_customer
from domain.customers.merge import MergeCustomers, merge_customers, why_not_undone
from domain.kernel.clock import now
from domain.messages.suppression import is_do_not_call
from domain.system.housekeeping import forget_history
from models import Customer, CustomerMerge, Role
from models.session import Database
from tests.factories import as_actor, make_customer, make_staff

PHONES = ("+12165550148", "+12165550149", "+12165550150")


async def merge_three_numbers(db: Any) -> tuple[Customer, int, Any]:
    """A customer of two numbers with a third by a merge; its id, and a manager."""
    manager = as_actor(await make_staff(db, Role.MANAGER))
    keep, gone = await make_customer(db, phone=PHONES[0], phone2=PHONES[1]), await make_customer(db, phone=PHONES[2])
    merged = await merge_customers(db, MergeCustomers(keep_id=keep.id, merge_id=gone.id), by=manager)
    return keep, merged.merge_id, manager


async def test_a_mark_on_the_customer_is_one_on_every_number(db: Any) -> None:
    keep, _, manager = await merge_three_numbers(db)
    await update_customer(db, keep.id, UpdateCustomer(do_not_call=True), shop_url="", by=manager)
    assert [await is_do_not_call(db, phone) for phone in PHONES] == [True] * 3


async def test_a_mark_outlives_a_chain_of_merges(db: Any) -> None:
    keep, _, manager = await merge_three_numbers(db)
    last = await make_customer(db, phone="+12165550151", do_not_call=True)
    await merge_customers(db, MergeCustomers(keep_id=last.id, merge_id=keep.id), by=manager)
    assert [await is_do_not_call(db, phone) for phone in PHONES] == [True] * 3


@pytest.mark.parametrize(("days", "is_kept"), [(30, True), (32, False)])
async def test_snapshots_go_once_a_merge_can_be_undone_no_more(committed: Database, days: int, is_kept: bool) -> None:
    async with committed.separate_transaction() as db:
        _, merge_id, _ = await merge_three_numbers(db)
        await db.execute(update(CustomerMerge).values(created_at=now() - timedelta(days=days, minutes=1)))
    assert (await forget_history())["customer_merge"] == (0 if is_kept else 1)
    async with committed.session() as db:
        merge = await db.get_one(CustomerMerge, merge_id)
        assert [bool(kept) for kept in (merge.kept_before, merge.kept_after, merge.merged_row)] == [is_kept] * 3
        assert merge.further_phones == [PHONES[2]]
        assert await why_not_undone(db, merge) == "A merge can be undone for 30 days only."
