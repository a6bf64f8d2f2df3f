"""Commissions that are marked again, and what a month's statement says of later months."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.commissions.pay import BulkCommissionPaid, SetCommissionPaid, mark_commissions_paid, set_commission_paid
from domain.commissions.statements import get_statement
from domain.kernel.clock import first_of_month
from domain.order_desk.move import move_order
from models import CommissionEntry, Order, OrderStatus, Role
from tests.factories import as_actor, make_staff
from tests.portal.calling.test_commissions import earn_last_month, last_month


async def test_what_is_marked_again_keeps_who_paid_it_and_when(db: AsyncSession) -> None:
    _, order = await earn_last_month(db)
    by, before = as_actor(await make_staff(db, Role.ADMIN)), (datetime(2026, 11, 2, 15, tzinfo=UTC), "Fay")
    asked = BulkCommissionPaid(order_numbers=[order.order_number])
    assert await mark_commissions_paid(db, asked, by=by) == 1
    await db.execute(update(Order).values(commission_paid_at=before[0], commission_paid_by=before[1]))
    await db.execute(update(CommissionEntry).values(paid_at=before[0], paid_by=before[1]))
    assert await mark_commissions_paid(db, asked, by=by) == 1
    for marks in (
        select(Order.commission_paid_at, Order.commission_paid_by),
        select(CommissionEntry.paid_at, CommissionEntry.paid_by),
    ):
        assert [tuple(row) for row in await db.execute(marks)] == [before]


async def test_what_a_later_month_takes_back_is_said_in_the_month_that_earned_it(db: AsyncSession) -> None:
    rep, order = await earn_last_month(db)
    by, number = as_actor(await make_staff(db, Role.ADMIN)), order.order_number
    await move_order(db, order.id, to=OrderStatus.CANCELLED, by=by)
    last = last_month()
    months = (first_of_month(last - timedelta(days=1)), last, first_of_month(last + timedelta(days=31)))
    since = [(await get_statement(db, rep.id or 0, month, visible_to=by)).since for month in months]
    assert [[name for name, _ in each] for each in since] == [[], [number], []]
    # What the month that earned it takes back itself is no later month's.
    await db.execute(update(CommissionEntry).values(month=last))
    assert (await get_statement(db, rep.id or 0, last, visible_to=by)).since == []
    # It was due, so that its two entries can be settled.
    assert (await set_commission_paid(db, number, SetCommissionPaid(paid=True), by=by)).commission_paid
