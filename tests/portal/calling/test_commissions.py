"""Commission statements: what is due to whom, paid and locked, as a page, a file and a paper."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.commissions.pay import BulkCommissionPaid, SetCommissionPaid, mark_commissions_paid, set_commission_paid
from domain.commissions.statements import LockMonth, get_statement, list_months, lock_month
from domain.commissions.sums import fold_commission_sums
from domain.kernel.actor import Actor
from domain.kernel.clock import add_months, business_today, first_of_month, now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.order_desk.assign import AssignOrder, assign_order
from domain.order_desk.delete import delete_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.move import move_order
from domain.orders.business import current_business
from domain.orders.commission import settle_commissions
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from domain.sales.rep_home import get_rep_home
from models import (
    CommissionEntry,
    CommissionMonth,
    CommissionRate,
    CommissionSum,
    GivenFor,
    Order,
    OrderStatus,
    Payment,
    Role,
    Staff,
)
from models.session import raw_connection
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import RULES, make_order
from tests.portal.forms import read_page, send_form

LIST = "/portal/commissions"
# Earned, taken back, paid, to pay and the number of entries, by month and rep.
Sums = dict[tuple[date, int], tuple[Decimal, Decimal, Decimal, Decimal, int]]


def last_month() -> date:
    return first_of_month(first_of_month(business_today(current_business().timezone)) - timedelta(days=1))


async def earn_last_month(db: AsyncSession) -> tuple[Staff, Order]:
    """A rep, and an order of $40.00 that earned them $4.00 in the month before."""
    rep = await make_staff(db, Role.SALES_REP)
    db.add(CommissionRate(staff_id=rep.id, percent=Decimal(10), starts_on=date(2020, 1, 1)))
    customer = await make_customer(db, sales_rep_id=rep.id)
    product = await make_product(db)
    placed = await make_order(db, (product.sku, 4), by=as_actor(customer))
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert order.commission_amount == Decimal("4.00")
    order.payment_status = "paid"
    await db.flush()
    await settle_commissions(await raw_connection(db), order.id)
    (entry,) = (await db.scalars(select(CommissionEntry))).all()
    today = business_today(current_business().timezone)
    assert (entry.amount, entry.month, entry.kind) == (Decimal("4.00"), first_of_month(today), "earned")
    entry.month = last_month()
    await db.flush()
    return rep, order


async def test_a_month_is_paid_and_locked_and_stays_as_it_is(client: TestClientProtocol, db: AsyncSession) -> None:
    rep, order = await earn_last_month(db)
    other, manager = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.ADMIN)
    last, connection = last_month(), await raw_connection(db)
    url = f"{LIST}/{rep.id}/{last:%Y-%m}"
    await sign_in(client, db, manager)
    assert "$4.00" in await read_page(client, LIST)
    text = await read_page(client, url)
    assert order.order_number in text
    assert "To lock" in text
    file = await (await client.get(f"{url}/csv")).get_data(as_text=True)
    assert f"{order.order_number},{order.delivery_name},40.00,10.00,earned,,4.00" in file
    paper = await client.get(f"{url}/pdf")
    assert (await paper.get_data(as_text=False))[:5] == b"%PDF-"
    status, _, _ = await send_form(client, url, f"{url}/pay")
    assert status == 303
    await db.refresh(order)
    assert (order.commission_paid, order.commission_paid_by) == (True, manager.full_name)
    lock = f"{LIST}/{last:%Y-%m}/lock"
    asked = await read_page(client, lock)
    assert f"Lock {last:%B %Y}?" in asked
    assert "1 statement, $4.00 in all." in asked
    assert "To lock" in await read_page(client, url)
    status, _, _ = await send_form(client, lock, lock)
    assert status == 303
    assert "Locked" in await read_page(client, url)
    status, again, _ = await send_form(client, lock, lock)
    assert status == 409
    assert "The month is already locked." in again

    before = await get_statement(db, rep.id, last, visible_to=as_actor(manager))
    order.delivery_name, order.delivery_company, order.discount_amount = "Somebody else", "Another", Decimal(5)
    order.total_amount -= 5
    order.payment_status = "unpaid"
    await db.flush()
    await settle_commissions(connection, order.id)
    after = await get_statement(db, rep.id, last, visible_to=as_actor(manager))
    assert after.lines == before.lines
    assert after.since == [(order.order_number, Decimal("-4.00"))]

    await sign_in(client, db, other)
    assert (await client.get(url)).status_code == 403
    await sign_in(client, db, rep)
    assert "Mark paid" not in await read_page(client, url)
    assert (await client.get(f"{LIST}/{rep.id}/2026-99")).status_code == 404


async def test_what_is_taken_back_after_the_payment_is_still_to_be_settled(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep, order = await earn_last_month(db)
    manager = await make_staff(db, Role.ADMIN)
    by, today = as_actor(manager), business_today(current_business().timezone)
    mark = BulkCommissionPaid(order_numbers=[order.order_number])
    assert await mark_commissions_paid(db, mark, by=by) == 1
    paid = await get_statement(db, rep.id, last_month(), visible_to=by)
    assert (paid.paid, paid.to_pay) == (Decimal(4), Decimal(0))
    order.status = "cancelled"
    await db.flush()
    await settle_commissions(await raw_connection(db), order.id)
    later = await get_statement(db, rep.id, today, visible_to=by)
    assert [(line.amount, line.base, line.is_paid) for line in later.lines] == [(Decimal(-4), Decimal(-40), False)]
    assert (later.to_pay, later.earlier) == (Decimal(-4), last_month())
    await sign_in(client, db, manager)
    shown = " ".join((await read_page(client, f"{LIST}/{rep.id}/{today:%Y-%m}")).split())
    assert "Mark −$4.00 paid" in shown
    assert "Cancelled" in shown
    assert await mark_commissions_paid(db, mark, by=by) == 1
    later = await get_statement(db, rep.id, today, visible_to=by)
    assert (later.to_pay, later.payments[0].amount) == (Decimal(0), Decimal(-4))
    kept = await get_statement(db, rep.id, last_month(), visible_to=by)
    assert (kept.lines, kept.later) == (paid.lines, first_of_month(today))
    await set_commission_paid(db, order.order_number, SetCommissionPaid(paid=False), by=by)
    assert (await get_statement(db, rep.id, last_month(), visible_to=by)).to_pay == 4


@pytest.mark.parametrize("changes_rep", [False, True])
async def test_a_commission_paid_before_it_is_due_is_not_paid_again(db: AsyncSession, *, changes_rep: bool) -> None:
    by, reps = as_actor(await make_staff(db, Role.ADMIN)), [await make_staff(db, Role.SALES_REP) for _ in range(2)]
    for rep in reps:
        db.add(CommissionRate(staff_id=rep.id, percent=Decimal(10), starts_on=date(2020, 1, 1)))
    customer, product = await make_customer(db, sales_rep_id=reps[0].id), await make_product(db)
    placed = await make_order(db, (product.sku, 4), by=as_actor(customer))
    await set_commission_paid(db, placed.written.order_number, SetCommissionPaid(paid=True), by=by)
    if changes_rep:
        await assign_order(db, placed.written.id, AssignOrder(sales_rep_id=reps[1].id or 0), by=by)
    await mark_paid(db, placed.written.id, MarkPaid(), by=by)
    owner = reps[1] if changes_rep else reps[0]
    month = await get_statement(db, owner.id, business_today(current_business().timezone), visible_to=by)
    assert (month.earned, month.to_pay) == (Decimal(4), Decimal(4) if changes_rep else Decimal(0))
    assert [line.paid_by for line in month.lines] == ["" if changes_rep else by.name]
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert order.commission_paid is not changes_rep


@pytest.mark.parametrize("way", ["another rep", "cancelled", "deleted", "smaller", "not paid after all"])
async def test_an_advance_is_taken_back_if_the_order_does_not_earn_it(
    client: TestClientProtocol, db: AsyncSession, way: str
) -> None:
    """The rep of an order of $40.00 got its $4.00 before the customer paid."""
    by, reps = as_actor(await make_staff(db, Role.ADMIN)), [await make_staff(db, Role.SALES_REP) for _ in range(2)]
    for rep in reps:
        db.add(CommissionRate(staff_id=rep.id, percent=Decimal(10), starts_on=date(2020, 1, 1)))
    customer, product = await make_customer(db, sales_rep_id=reps[0].id), await make_product(db)
    placed = (await make_order(db, (product.sku, 4), by=as_actor(customer))).written
    await set_commission_paid(db, placed.order_number, SetCommissionPaid(paid=True), by=by)
    first, second = (rep.id or 0 for rep in reps)
    today = business_today(current_business().timezone)
    advanced = await get_statement(db, first, today, visible_to=by)
    assert (advanced.earned, advanced.paid, advanced.to_pay) == (Decimal(4), Decimal(4), Decimal(0))
    assert advanced.lines[0].is_advance
    if way == "another rep":
        await assign_order(db, placed.id, AssignOrder(sales_rep_id=second), by=by)
    elif way == "cancelled":
        await move_order(db, placed.id, to=OrderStatus.CANCELLED, by=by)
    elif way == "deleted":
        await delete_order(db, placed.id, by=by)
    elif way == "smaller":
        data = EditItems.model_validate({"items": [{"product_id": product.id, "quantity": 1}]})
        await edit_items(db, placed.id, data, by=by, rules=RULES)
    else:
        await set_commission_paid(db, placed.order_number, SetCommissionPaid(paid=False), by=by)
    owed = await get_statement(db, first, today, visible_to=by)
    back = Decimal(-3 if way == "smaller" else -4)
    assert (owed.earned, owed.taken_back) == (Decimal(4), back)
    assert owed.to_pay == (0 if way == "not paid after all" else back)
    # Paying the second rep does not settle what the first has to give back.
    assert await mark_commissions_paid(db, BulkCommissionPaid(order_numbers=[placed.order_number]), by=by) == (
        way != "deleted"
    )
    owed = await get_statement(db, first, today, visible_to=by)
    assert owed.to_pay == (back if way in {"another rep", "deleted"} else 0)
    await sign_in(client, db, await db.get_one(Staff, by.id))
    page = f"{LIST}/{first}/{today:%Y-%m}"
    if owed.to_pay:
        await send_form(client, page, f"{page}/pay")
    assert (await get_statement(db, first, today, visible_to=by)).to_pay == 0
    assert ("Another rep’s now" in await read_page(client, page)) == (way == "another rep")


async def test_an_order_cancelled_before_its_commission_was_due_cannot_be_marked_paid(db: AsyncSession) -> None:
    rep, by = await make_staff(db, Role.SALES_REP), as_actor(await make_staff(db, Role.ADMIN))
    db.add(CommissionRate(staff_id=rep.id, percent=Decimal(10), starts_on=date(2020, 1, 1)))
    customer, product = await make_customer(db, sales_rep_id=rep.id), await make_product(db)
    placed = [await make_order(db, (product.sku, 4), by=as_actor(customer)) for _ in range(2)]
    cancelled, kept = (order.written.order_number for order in placed)
    await move_order(db, placed[0].written.id, to=OrderStatus.CANCELLED, by=by)
    for paid in (None, True):
        with pytest.raises(Refused) as refusal:
            await set_commission_paid(db, cancelled, SetCommissionPaid(paid=paid), by=by)
        assert refusal.value.code == Code.ORDER_CANCELLED
    assert (await set_commission_paid(db, cancelled, SetCommissionPaid(paid=False), by=by)).commission_paid is False
    assert await mark_commissions_paid(db, BulkCommissionPaid(order_numbers=[cancelled, kept]), by=by) == 1
    marked = select(Order.order_number).where(Order.commission_paid)
    assert list(await db.scalars(marked)) == [kept]


async def test_a_reopened_order_that_was_given_back_earns_nothing_until_it_is_paid_again(db: AsyncSession) -> None:
    rep, order = await earn_last_month(db)
    order.status, order.payment_status = "cancelled", "refunded"
    await db.flush()
    await settle_commissions(await raw_connection(db), order.id)
    by = as_actor(await make_staff(db, Role.MANAGER))
    reopened = await move_order(db, order.id, to=OrderStatus.PENDING, by=by)
    assert reopened.payment_status == "unpaid"
    earned = select(func.sum(CommissionEntry.amount)).where(CommissionEntry.staff_id == rep.id)
    assert await db.scalar(earned) == 0


async def test_an_order_earns_by_the_newest_rate_that_had_begun_on_its_day(db: AsyncSession) -> None:
    rep, today = await make_staff(db, Role.SALES_REP), business_today(current_business().timezone)
    # Entered in another order than they begin.
    for percent, days in ((5, 0), (9, 1), (10, -400), (7, -30)):
        db.add(CommissionRate(staff_id=rep.id, percent=Decimal(percent), starts_on=today + timedelta(days=days)))
    customer, product = await make_customer(db, sales_rep_id=rep.id), await make_product(db)
    placed = await make_order(db, (product.sku, 4), by=as_actor(customer))
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert (order.commission_percent, order.commission_amount) == (Decimal(5), Decimal("2.00"))
    # A discount lowers it.
    data = EditItems.model_validate({"items": [{"sku": product.sku, "quantity": 4}], "discount_amount": Decimal(10)})
    await edit_items(db, order.id, data, by=as_actor(await make_staff(db, Role.ADMIN)), rules=RULES)
    order = await db.get_one(Order, order.id, populate_existing=True)
    assert (order.subtotal - order.discount_amount, order.commission_amount) == (Decimal(30), Decimal("1.50"))


async def test_what_goes_back_to_the_customer_takes_its_share_of_the_commission(
    db: AsyncSession, settings: Settings
) -> None:
    rep, by = await make_staff(db, Role.SALES_REP), as_actor(await make_staff(db, Role.ADMIN))
    db.add(CommissionRate(staff_id=rep.id, percent=Decimal(10), starts_on=date(2020, 1, 1)))
    customer, product = await make_customer(db, sales_rep_id=rep.id), await make_product(db)
    placed = (await make_order(db, (product.sku, 4), by=as_actor(customer))).written
    await mark_paid(db, placed.id, MarkPaid(), by=by)
    await db.commit()
    order = await db.get_one(Order, placed.id, populate_existing=True)
    payment_id = await db.scalar(select(Payment.id)) or 0
    # A quarter of all that was paid, then the rest of it.
    for amount, status, back in ((order.total_amount / 4, "partially_refunded", -1), (None, "refunded", -4)):
        some = {} if amount is None else {"amount": amount}
        data = RefundPayment.model_validate({"given_for": GivenFor.GOODWILL, "reason": "Late"} | some)
        await refund_payment(placed.id, payment_id, data, by=by, settings=settings)
        await db.refresh(order)
        month = await get_statement(db, rep.id, business_today(current_business().timezone), visible_to=by)
        assert (order.payment_status, month.earned, month.taken_back) == (status, Decimal(4), Decimal(back))


async def test_no_entry_comes_into_a_locked_month(db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    by = as_actor(await make_staff(db, Role.MANAGER))
    last = first_of_month(first_of_month(business_today(current_business().timezone)) - timedelta(days=1))
    assert await lock_month(db, LockMonth(month=last), by=by) == last
    assert (await get_statement(db, rep.id, last, visible_to=by)).locked_by == by.name
    # As on the first day of a month where the clock of the office is ahead of the database's.
    running = add_months(last, 1)
    db.add(CommissionMonth(month=running, **by.columns))
    db.add(CommissionRate(staff_id=rep.id, percent=Decimal(10), starts_on=date(2020, 1, 1)))
    customer, product = await make_customer(db, sales_rep_id=rep.id), await make_product(db)
    placed = await make_order(db, (product.sku, 4), by=as_actor(customer))
    await mark_paid(db, placed.written.id, MarkPaid(), by=by)
    assert (await db.scalars(select(CommissionEntry.month))).all() == [add_months(last, 2)]


async def test_an_administrator_sets_a_rate_from_a_day_on(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    page = f"{LIST}/{rep.id}/rate"
    status, _, _ = await send_form(client, page, percent="3.5", starts_on="2026-01-01")
    assert status == 303
    again, _, _ = await send_form(client, page, percent="51", starts_on="2026-01-01")
    assert again == 422
    assert (await db.scalars(select(CommissionRate.percent))).all() == [Decimal("3.50")]
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await client.get(page)).status_code == 403


@pytest.mark.parametrize("seed", range(2))
async def test_the_kept_sums_are_those_of_the_ledger_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    reps = [await make_staff(db, Role.SALES_REP) for _ in range(2)]
    manager = as_actor(await make_staff(db, Role.MANAGER))
    for _ in range(60):
        ids = list(await db.scalars(select(CommissionEntry.id)))
        some = CommissionEntry.id.in_(dice.sample(ids, min(len(ids), dice.randrange(4))))
        match dice.randrange(7):
            case 0 | 1 | 2:
                amount = Decimal(dice.randrange(1, 9_999)) / 100
                kind = dice.choice(["earned", "taken_back"])
                entry = CommissionEntry(
                    order_number="LLD-1", staff_id=dice.choice(reps).id, kind=kind,
                    month=date(2026, dice.randint(8, 11), 1), amount=amount if kind == "earned" else -amount,
                )  # fmt: skip
                db.add(entry)
            case 3:
                await db.execute(update(CommissionEntry).where(some).values(paid_at=dice.choice([now(), None])))
            case 4:
                await db.execute(update(CommissionEntry).where(some).values(month=date(2026, dice.randint(8, 11), 1)))
            case 5:
                await db.execute(delete(CommissionEntry).where(some))
            case _:
                await fold_commission_sums(db)
        await db.flush()
        for reader in (manager, as_actor(reps[0])):
            assert await read_months(db, reader) == await add_up_ledger(db, reader)
        due = await get_rep_home(db, None, date(2026, 11, 30), None, by=as_actor(reps[0]))
        unpaid = select(func.coalesce(func.sum(CommissionEntry.amount), 0)).where(
            CommissionEntry.staff_id == reps[0].id, CommissionEntry.paid_at.is_(None)
        )
        assert due.commission_due == await db.scalar(unpaid)


async def test_a_fold_keeps_what_was_only_taken_off_a_month(db: AsyncSession) -> None:
    # Beside another fold, which has the month's own row, it sees no more than the notes of what changed.
    rep = await make_staff(db, Role.SALES_REP)
    notes = [(-1, -10, 0), (1, 12, 5)], [(-1, 0, 0)]
    for month, changes in zip((date(2026, 10, 1), date(2026, 11, 1)), notes, strict=True):
        for entries, earned, paid in changes:
            db.add(
                CommissionSum(
                    month=month, staff_id=rep.id or 0, earned=Decimal(earned), taken_back=Decimal(0),
                    paid=Decimal(paid), entries=entries,
                )
            )  # fmt: skip
    await db.flush()
    await fold_commission_sums(db)
    columns = (CommissionSum.month, CommissionSum.entries, CommissionSum.earned, CommissionSum.paid)
    assert [tuple(row) for row in await db.execute(select(*columns).order_by(CommissionSum.month))] == [
        (date(2026, 10, 1), 0, Decimal("2.00"), Decimal("5.00")),
        (date(2026, 11, 1), -1, Decimal("0.00"), Decimal("0.00")),
    ]


async def read_months(db: AsyncSession, reader: Actor) -> Sums:
    rows = await list_months(db, visible_to=reader)
    return {(row.month, row.staff_id): (row.earned, row.back, row.paid, row.to_pay, row.entries) for row in rows}


async def add_up_ledger(db: AsyncSession, reader: Actor) -> Sums:
    """The same from every entry."""
    sums: Sums = {}
    for entry in await db.scalars(select(CommissionEntry).execution_options(populate_existing=True)):
        if reader.has_role(Role.SALES_REP) and entry.staff_id != reader.id:
            continue
        earned, back, paid, to_pay, entries = sums.get(
            (entry.month, entry.staff_id), (Decimal(0), Decimal(0), Decimal(0), Decimal(0), 0)
        )
        earned += entry.amount if entry.kind == "earned" else 0
        back += entry.amount if entry.kind == "taken_back" else 0
        paid += entry.amount if entry.paid_at is not None else 0
        to_pay += entry.amount if entry.paid_at is None else 0
        sums[entry.month, entry.staff_id] = (earned, back, paid, to_pay, entries + 1)
    return sums
