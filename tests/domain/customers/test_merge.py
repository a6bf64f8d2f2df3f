"""Merging two customers moves all their records, and can be undone until one of them changes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.credit.ledger import get_credit_balance, move_credit
from domain.customers.delete_customer import remove_customer
from domain.customers.duplicates import PairOfCustomers, list_duplicates, mark_distinct, unmark_distinct
from domain.customers.merge import ChosenValues, MergeCustomers, merge_customers, undo_merge
from domain.customers.merge_fields import choose_values
from domain.customers.rows import get_customer
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, NotFound, NotSignedIn, Refused
from domain.messages.suppression import is_do_not_call, lift_do_not_call, mark_do_not_call
from models import (
    CallingEntry,
    CreditEntry,
    CreditKind,
    Customer,
    CustomerMerge,
    Order,
    Role,
    SuppressionReason,
    columns_of,
)
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import make_order

PHONE, OTHER = "+12165550148", "+12165550149"


@pytest.fixture
async def clerk(db):
    return as_actor(await make_staff(db, Role.STAFF))


async def merge(db, keep: Customer, gone: Customer, by, **chosen: str):
    return await merge_customers(
        db, MergeCustomers(keep_id=keep.id, merge_id=gone.id, chosen=ChosenValues(**chosen)), by=by
    )


async def test_orders_credit_entries_and_marks_move_and_gaps_are_filled(db, clerk) -> None:
    keep = await make_customer(db, phone=PHONE, last_name="", password_hash=None)
    gone = await make_customer(db, phone=OTHER, do_not_call=True, billing_street="PO Box 77", last_name="Mendes")
    pan = await make_product(db)
    await make_order(db, (pan, 2), by=as_actor(keep))
    for _ in range(2):
        await make_order(db, (pan, 1), by=as_actor(gone))
    for customer, amount in ((gone, "120.00"), (keep, "25.50"), (gone, "-20.00")):
        await move_credit(db, customer.id, Decimal(amount), kind=CreditKind.ADJUSTMENT, by=SYSTEM)
    db.add(CallingEntry(customer_id=gone.id, company_name="x"))
    await db.flush()
    merged = await merge(db, keep, gone, clerk, email=str(gone.email))
    assert (merged.orders_moved, merged.bought.order_count, merged.bought.total_spent) == (2, 3, Decimal("115.00"))
    row = merged.kept
    assert (row.email, row.last_name, row.billing_street) == (gone.email, "Mendes", "PO Box 77")
    assert (row.phone, row.phone2, row.do_not_call) == (PHONE, OTHER, True)
    assert row.email_verified_at is not None
    assert await get_credit_balance(db, keep.id) == Decimal("125.50")
    balances = (await db.scalars(select(CreditEntry.balance_after).order_by(CreditEntry.id))).all()
    assert balances == [Decimal("120.00"), Decimal("145.50"), Decimal("125.50")]
    assert await is_do_not_call(db, OTHER)
    assert await is_do_not_call(db, PHONE)
    assert await db.scalar(select(CallingEntry.customer_id)) == keep.id
    with pytest.raises(NotFound):
        await get_customer(db, gone.id)


async def test_a_mark_on_a_number_that_came_by_a_merge_is_the_customers(db, clerk) -> None:
    keep = await make_customer(db, phone=PHONE, phone2=OTHER)
    further = "+12165550150"
    gone = await make_customer(db, phone=further)
    await merge(db, keep, gone, clerk)
    await mark_do_not_call(db, further, reason=SuppressionReason.DNC_REQUESTED, note="", by=SYSTEM)
    await mark_do_not_call(db, OTHER, reason=SuppressionReason.DNC_REQUESTED, note="", by=SYSTEM)
    await db.refresh(keep)
    assert keep.do_not_call is True
    await lift_do_not_call(db, OTHER, note="", by=SYSTEM)
    await db.refresh(keep)
    assert keep.do_not_call is True
    await lift_do_not_call(db, further, note="", by=SYSTEM)
    await db.refresh(keep)
    assert keep.do_not_call is False


async def test_orders_on_terms_meet_the_terms_of_the_customer_that_stays(db, clerk) -> None:
    keep, gone = await make_customer(db), await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    placed = await make_order(db, (await make_product(db), 2), by=as_actor(gone), payment_method="net30")
    order = await db.get_one(Order, placed.written.id)
    assert order.hold_reason == ""
    done = await merge(db, keep, gone, clerk)
    await db.refresh(order)
    assert (order.on_hold, order.hold_reason) == (True, "The customer has no net 30 terms.")
    await undo_merge(db, done.merge_id, by=clerk)
    await db.refresh(order)
    assert (order.on_hold, order.hold_reason, order.customer_id) == (False, "", gone.id)


async def test_a_merge_is_undone_to_what_was_before(db, clerk) -> None:
    keep = await make_customer(db, phone=PHONE)
    gone = await make_customer(db, phone=OTHER, billing_street="PO Box 77")
    pan = await make_product(db)
    own = (await make_order(db, (pan, 2), by=as_actor(keep))).written.id
    moved = (await make_order(db, (pan, 1), by=as_actor(gone))).written.id
    for customer in (gone, keep):
        await move_credit(db, customer.id, Decimal("10.00"), kind=CreditKind.ADJUSTMENT, by=SYSTEM)
        db.add(CallingEntry(customer_id=customer.id, company_name=customer.company_name))
    await db.flush()
    before = [await get_customer(db, each.id) for each in (keep, gone)]
    done = await merge(db, keep, gone, clerk, company_name="Both of them")
    await undo_merge(db, done.merge_id, by=clerk)
    after = [await get_customer(db, each.id) for each in (keep, gone)]
    changing = {"updated_at", "version"}
    for was, is_now in zip(before, after, strict=True):
        differs = {name for name in was.__slots__ if getattr(was, name) != getattr(is_now, name)}
        assert differs <= changing
    owners = dict((await db.execute(select(Order.id, Order.customer_id))).all())
    assert owners == {own: keep.id, moved: gone.id}
    entries = (await db.execute(select(CallingEntry.customer_id, CallingEntry.status).order_by(CallingEntry.id))).all()
    assert sorted(map(tuple, entries)) == [(keep.id, "new"), (gone.id, "new")]
    for customer in (keep, gone):
        assert await get_credit_balance(db, customer.id) == Decimal("10.00")
    with pytest.raises(Refused, match="already undone"):
        await undo_merge(db, done.merge_id, by=clerk)


async def test_a_merge_stays_once_something_happened_or_thirty_days_passed(db, clerk) -> None:
    keep, gone = await make_customer(db), await make_customer(db)
    done = await merge(db, keep, gone, clerk)
    row = await db.get_one(CustomerMerge, done.merge_id)
    row.created_at = now() - timedelta(days=31)
    await db.flush()
    with pytest.raises(Refused, match="30 days"):
        await undo_merge(db, done.merge_id, by=clerk)
    row.created_at = now() - timedelta(days=1)
    await make_order(db, (await make_product(db), 1), by=as_actor(keep))
    await db.flush()
    with pytest.raises(Refused, match="order came in"):
        await undo_merge(db, done.merge_id, by=clerk)


async def test_an_order_of_an_account_merged_meanwhile_is_refused(db, clerk) -> None:
    keep, gone = await make_customer(db), await make_customer(db)
    by = as_actor(gone)
    await merge(db, keep, gone, clerk)
    with pytest.raises(NotSignedIn, match="merged into another"):
        await make_order(db, (await make_product(db), 1), by=by)
    assert await db.scalar(select(func.count()).select_from(Order)) == 0


async def test_what_cannot_be_merged(db, clerk) -> None:
    keep, gone, third = [await make_customer(db) for _ in range(3)]
    with pytest.raises(InvalidInput):
        await merge(db, keep, keep, clerk)
    with pytest.raises(NotFound):
        await merge_customers(db, MergeCustomers(keep_id=keep.id, merge_id=999_999), by=clerk)
    with pytest.raises(Refused, match="Another customer already has this email"):
        await merge(db, keep, gone, clerk, email=str(third.email))
    assert await db.scalar(select(func.count()).select_from(Customer)) == 3


async def test_a_sign_in_of_the_merged_customer_lives_on_where_the_kept_one_has_none(db, clerk) -> None:
    keep = await make_customer(db, password_hash=None, email=None, email_verified_at=None, username="imported-7")
    gone = await make_customer(db, username="carla")
    merged = await merge(db, keep, gone, clerk)
    assert (merged.kept.username, merged.kept.email) == ("carla", gone.email)
    assert await db.scalar(select(Customer.password_hash).where(Customer.id == keep.id)) == gone.password_hash


async def test_two_that_are_not_the_same_leave_the_duplicates(db, clerk) -> None:
    first, second = [await make_customer(db, phone=PHONE) for _ in range(2)]
    pair = PairOfCustomers(keep_id=second.id, merge_id=first.id)
    assert (await list_duplicates(db))[1] == 1
    for _ in range(2):
        await mark_distinct(db, pair, by=clerk)
    assert await list_duplicates(db) == ([], 0)
    third = await make_customer(db, phone=PHONE)
    [group], total = await list_duplicates(db)
    assert (total, [each.id for each in group.customers]) == (1, [first.id, second.id, third.id])
    await db.delete(third)
    await db.flush()
    await unmark_distinct(db, pair, by=clerk)
    assert (await list_duplicates(db))[1] == 1


def plain(**values: Any) -> dict[str, Any]:
    columns = columns_of(Customer).keys()
    usual = dict.fromkeys(columns) | {"username": "a", "notes": "", "version": 1, "created_at": "2026-01-02"}
    return usual | {"do_not_call": False, "do_not_text": False, "phone_raw": ""} | values


def test_the_stricter_mark_and_the_earlier_day_win() -> None:
    kept = plain(notes="one", phone=PHONE)
    gone = plain(notes="two", do_not_text=True, created_at="2023-01-01", phone=PHONE, phone2=OTHER)
    values = choose_values(kept, gone, {"company_name": "Chosen"})
    assert (values["do_not_text"], values["do_not_call"], values["created_at"]) == (True, False, "2023-01-01")
    assert (values["notes"], values["company_name"], values["version"]) == ("one\ntwo", "Chosen", 2)
    assert (values["phone"], values["phone2"]) == (PHONE, OTHER)


@pytest.mark.parametrize("stays_empty", [False, True])
async def test_a_deleted_customer_is_in_no_merge_any_more(db, clerk, stays_empty) -> None:
    keep = await make_customer(db, phone=PHONE, phone2=OTHER)
    gone = await make_customer(db, phone="+12165550150", do_not_call=True)
    if stays_empty:
        for amount in ("5.00", "-5.00"):
            await move_credit(db, keep.id, Decimal(amount), kind=CreditKind.ADJUSTMENT, by=SYSTEM)
    merged = await merge(db, keep, gone, clerk)
    await remove_customer(db, keep.id, note="By themselves", by=SYSTEM)
    found = await db.get(CustomerMerge, merged.merge_id, populate_existing=True)
    assert (found.kept_id, found.merged_name, found.merged_row, found.kept_before) == (None, "", {}, {})
    assert (found.kept_after, found.moved, found.further_phones) == ({}, {}, [])
    assert await is_do_not_call(db, "+12165550150")
    with pytest.raises(NotFound):
        await undo_merge(db, merged.merge_id, by=clerk)
