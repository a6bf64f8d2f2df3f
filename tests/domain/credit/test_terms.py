"""Terms are checked whenever an order may owe more, and an order on terms stays on terms until it is paid."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import calculate_exposure, find_customer
from domain.customers.linking import link_orders
from domain.kernel.clock import now
from domain.kernel.errors import NotAllowed, Refused
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.hold import ReleaseOrder, release_order
from domain.order_desk.move import move_order
from domain.payments.check_photos import prepare_photos
from domain.payments.checks import ReviewCheck, reject_check, upload_check
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from models import Customer, GivenFor, Order, OrderStatus, Payment, PaymentMethod, Product, Role
from models.session import Database, raw_connection
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.catalogue import make_picture
from tests.factories.orders import RULES, make_order

LIMIT = Decimal("8000.00")


async def make_bistro(db: AsyncSession, limit: Decimal = LIMIT) -> Customer:
    return await make_customer(db, payment_terms="net30", credit_limit=limit)


async def place(db: AsyncSession, customer: Customer, pan: Product, quantity: int) -> Order:
    placed = await make_order(db, (pan, quantity), by=as_actor(customer), payment_method="net30")
    return await read(db, placed.written.id)


async def read(db: AsyncSession, order_id: int) -> Order:
    found = select(Order).where(Order.id == order_id)
    return (await db.execute(found.execution_options(populate_existing=True))).scalar_one()


async def edit(db: AsyncSession, order_id: int, pan: Product, quantity: int, by: Any, **more: Any) -> Order:
    """Edit the order to this many; a refusal leaves nothing of it behind."""
    data = EditItems.model_validate({"items": [{"product_id": pan.id, "quantity": quantity}], **more})
    async with db.begin_nested():
        await edit_items(db, order_id, data, by=by, rules=RULES)
    return await read(db, order_id)


async def exposure(db: AsyncSession, customer: Customer) -> tuple[str, str]:
    connection = await raw_connection(db)
    row = await find_customer(connection, customer.id)
    assert row is not None
    standing = await calculate_exposure(connection, row)
    return str(standing.exposure), standing.account_status


async def test_an_edit_above_the_limit_is_refused_at_the_desk_and_a_manager_may_override(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("400.00")), await make_bistro(db)
    clerk, manager = as_actor(await make_staff(db)), as_actor(await make_staff(db, Role.MANAGER))
    order_id = (await place(db, customer, pan, 1)).id
    with pytest.raises(Refused, match=r"\$3,992,000\.00 over") as refusal:
        await edit(db, order_id, pan, 10_000, clerk)
    assert refusal.value.code == "terms_not_covered"
    with pytest.raises(NotAllowed):
        await edit(db, order_id, pan, 10_000, clerk, override_terms=True)
    order = await edit(db, order_id, pan, 20, clerk)
    assert (order.on_hold, str(order.total_amount), await exposure(db, customer)) == (
        False, "8000.00", ("8000.00", "good"),
    )  # fmt: skip
    order = await edit(db, order.id, pan, 21, manager, override_terms=True)
    assert (order.on_hold, str(order.released_total), await exposure(db, customer)) == (
        False, "8400.00", ("8400.00", "over_limit"),
    )  # fmt: skip
    with pytest.raises(Refused):
        await edit(db, order.id, pan, 22, manager)


async def test_a_fee_or_a_smaller_discount_counts_like_more_goods(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("400.00")), await make_bistro(db)
    clerk = as_actor(await make_staff(db))
    order_id = (await place(db, customer, pan, 20)).id
    with pytest.raises(Refused, match=r"\$0\.01 over"):
        await edit(db, order_id, pan, 20, clerk, delivery_fee=Decimal("0.01"))
    order = await edit(db, order_id, pan, 21, clerk, discount_amount=Decimal("400.00"))
    with pytest.raises(Refused, match=r"\$400\.00 over"):
        await edit(db, order.id, pan, 21, clerk, discount_amount=Decimal("0.00"))


async def test_a_release_covers_the_total_it_was_given_for(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("450.00")), await make_bistro(db)
    clerk, manager = as_actor(await make_staff(db)), as_actor(await make_staff(db, Role.MANAGER))
    order = await place(db, customer, pan, 20)
    assert order.hold_reason == "The order is $1,000.00 over the customer's credit limit."
    await release_order(db, order.id, ReleaseOrder(reason="Opens a second house"), by=manager)
    order = await edit(db, order.id, pan, 19, clerk)
    order = await edit(db, order.id, pan, 20, clerk)
    assert (order.on_hold, str(order.released_total)) == (False, "9000.00")
    order_id = order.id
    with pytest.raises(Refused, match=r"\$892,000\.00 over"):
        await edit(db, order_id, pan, 2_000, clerk)
    order = await read(db, order_id)
    assert (str(order.total_amount), await exposure(db, customer)) == ("9000.00", ("9000.00", "over_limit"))


async def test_a_held_order_says_why_it_is_held_today_and_is_let_go_once_covered(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("75.00")), await make_bistro(db, Decimal("100.00"))
    clerk = as_actor(await make_staff(db))
    order = await place(db, customer, pan, 4)
    assert order.hold_reason == "The order is $200.00 over the customer's credit limit."
    order = await edit(db, order.id, pan, 5, clerk)
    assert order.hold_reason == "The order is $275.00 over the customer's credit limit."
    order = await edit(db, order.id, pan, 1, clerk, delivery_fee=Decimal("0.00"))
    assert (order.on_hold, order.hold_reason, await exposure(db, customer)) == (False, "", ("75.00", "good"))
    held = await place(db, customer, pan, 4)
    assert held.on_hold
    await mark_paid(db, held.id, MarkPaid(amount_received=Decimal("290.00")), by=clerk)
    held = await read(db, held.id)
    assert (held.on_hold, str(held.balance), await exposure(db, customer)) == (False, "10.00", ("85.00", "good"))


async def test_a_guests_orders_meet_the_terms_of_the_account_they_are_linked_to(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("400.00")), await make_bistro(db, Decimal("900.00"))
    placed = [
        await make_order(db, (pan, quantity), payment_method="net30", delivery_email=customer.email)
        for quantity in (1, 2, 1)
    ]
    orders = [await read(db, each.written.id) for each in placed]
    assert {order.hold_reason for order in orders} == {"Guests have no net 30 terms."}
    assert await link_orders(db, customer) == 3
    orders = [await read(db, order.id) for order in orders]
    assert [order.hold_reason for order in orders] == [
        "", "The order is $300.00 over the customer's credit limit.", "",
    ]  # fmt: skip
    assert await exposure(db, customer) == ("800.00", "good")


async def test_a_reopened_order_is_held_where_the_limit_is_used_meanwhile(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("400.00")), await make_bistro(db)
    manager = as_actor(await make_staff(db, Role.MANAGER))
    first = await place(db, customer, pan, 20)
    await move_order(db, first.id, to=OrderStatus.CANCELLED, by=manager)
    second = await place(db, customer, pan, 1)
    assert not second.on_hold
    first = await move_order(db, first.id, to=OrderStatus.PENDING, by=manager)
    assert first.hold_reason == "The order is $400.00 over the customer's credit limit."
    assert await exposure(db, customer) == ("400.00", "good")


async def send_check(db: AsyncSession, order: Order, by: Any) -> None:
    photos = await prepare_photos(make_picture("JPEG", size=(800, 400)), None)
    await upload_check(db, order.order_number, photos, by=by)


async def test_a_check_under_review_or_rejected_stays_in_the_exposure(db: AsyncSession) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("550.00")), await make_bistro(db)
    clerk = as_actor(await make_staff(db))
    order = await place(db, customer, pan, 10)
    await send_check(db, order, as_actor(customer))
    assert await exposure(db, customer) == ("5500.00", "good")
    assert (await place(db, customer, pan, 5)).on_hold
    await reject_check(db, order.order_number, ReviewCheck(note="Not signed"), by=clerk)
    order = await read(db, order.id)
    assert (order.payment_method, order.on_terms, await exposure(db, customer)) == ("check", True, ("5500.00", "good"))


async def test_money_taken_back_or_a_larger_order_leaves_a_waiting_check_in_review(
    db: AsyncSession, settings: Settings
) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("10.00")), await make_customer(db)
    clerk = as_actor(await make_staff(db))
    order_id = (await make_order(db, (pan, 2), by=as_actor(customer))).written.id
    order = await read(db, order_id)
    await send_check(db, order, as_actor(customer))
    for amount, status in (("20.00", "pending_review"), ("25.00", "paid")):
        await mark_paid(db, order_id, MarkPaid(amount_received=Decimal(amount)), by=clerk)
        assert (await read(db, order_id)).payment_status == status
    grown = await edit(db, order_id, pan, 3, clerk)
    assert (grown.payment_status, str(grown.balance)) == ("pending_review", "10.00")
    payment_id = (await db.execute(select(Payment.id).order_by(Payment.id).limit(1))).scalar_one()
    await db.commit()
    mistake = RefundPayment(reason="Typed into the wrong order", given_for=GivenFor.MISTAKE)
    await refund_payment(order_id, payment_id, mistake, by=clerk, settings=settings)
    order = await read(db, order_id)
    assert (order.payment_status, str(order.balance)) == ("pending_review", "30.00")
    await reject_check(db, order.order_number, ReviewCheck(note="Not signed"), by=clerk)
    assert (await read(db, order_id)).payment_status == "unpaid"


async def test_a_hold_that_a_payment_lifted_returns_when_the_payment_is_taken_back(
    db: AsyncSession, settings: Settings
) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("500.00")), await make_bistro(db)
    clerk = as_actor(await make_staff(db))
    order = await place(db, customer, pan, 100)
    await mark_paid(db, order.id, MarkPaid(), by=clerk)
    order = await read(db, order.id)
    assert (order.on_hold, order.payment_status) == (False, "paid")
    payment = (await db.execute(Payment.__table__.select())).one()  # type: ignore[attr-defined]
    await db.commit()
    await refund_payment(
        order.id,
        payment.id,
        RefundPayment(reason="Typed into the wrong order", given_for=GivenFor.MISTAKE),
        by=clerk,
        settings=settings,
    )
    order = await read(db, order.id)
    assert (order.hold_reason, str(order.balance)) == (
        "The order is $42,000.00 over the customer's credit limit.", "50000.00",
    )  # fmt: skip
    assert await exposure(db, customer) == ("0", "good")


async def test_ten_dollars_back_for_a_dent_make_nobody_overdue(db: AsyncSession, settings: Settings) -> None:
    pan, customer = await make_product(db, None, unit_price=Decimal("500.00")), await make_bistro(db)
    clerk = as_actor(await make_staff(db))
    order = await place(db, customer, pan, 4)
    await db.execute(update(Order).values(created_at=now() - timedelta(days=45)))
    assert await exposure(db, customer) == ("2000.00", "overdue")
    await mark_paid(db, order.id, MarkPaid(payment_method=PaymentMethod.CHECK), by=clerk)
    payment_id = (await db.execute(select(Payment.id))).scalar_one()
    await db.commit()
    dent = RefundPayment(amount=Decimal("10.00"), reason="A dent", given_for=GivenFor.DAMAGED)
    await refund_payment(order.id, payment_id, dent, by=clerk, settings=settings)
    order = await read(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), str(order.balance), order.payment_status) == (
        "1990.00", "10.00", "0.00", "partially_refunded",
    )  # fmt: skip
    assert await exposure(db, customer) == ("0", "good")
    assert not (await place(db, customer, pan, 1)).on_hold
    bounced = RefundPayment(reason="No funds", given_for=GivenFor.BOUNCED)
    await refund_payment(order.id, payment_id, bounced, by=clerk, settings=settings)
    order = await read(db, order.id)
    assert (str(order.balance), order.payment_status, await exposure(db, customer)) == (
        "1990.00", "unpaid", ("2490.00", "overdue"),
    )  # fmt: skip


async def test_two_edits_at_once_can_not_both_use_the_last_of_the_limit(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        pan, customer = await make_product(db, None, unit_price=Decimal("400.00")), await make_bistro(db)
        clerk = as_actor(await make_staff(db))
        orders = [await place(db, customer, pan, 1) for _ in range(10)]

    async def grow(order: Order) -> bool:
        try:
            async with committed.separate_transaction() as db:
                await edit(db, order.id, pan, 10, clerk)
        except Refused:
            return False
        return True

    grown = await asyncio.gather(*[grow(order) for order in orders])
    async with committed.session() as db:
        assert (sum(grown), await exposure(db, customer)) == (1, ("7600.00", "good"))
