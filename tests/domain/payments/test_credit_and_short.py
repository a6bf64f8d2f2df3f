"""Store credit, credit memos and short picks meet on one order: nothing goes back twice, or is held for nothing."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.credit.ledger import get_credit_balance, move_credit
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.kernel.actor import Actor
from domain.kernel.errors import Refused
from domain.order_desk.cancel import cancel_order
from domain.order_desk.move import move_order
from domain.order_desk.short_pick import ShipShort, ship_short
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund_rows import list_refundable, prepare_refund
from models import CreditKind, CreditReason, Customer, GivenFor, OrderItem, OrderStatus, Product, Role, StockMovement
from tests.domain.invoices.owing import owe, owe_for_order
from tests.domain.payments.paying import edit_to, list_money, make_owed_order, pay_by_card, read_order
from tests.factories import as_actor, make_customer, make_staff


@pytest.fixture
async def manager(db: Any) -> Actor:
    return as_actor(await make_staff(db, Role.MANAGER))


async def pay_by_credit(db: Any, customer: Customer, order_id: int, amount: str, by: Actor) -> None:
    await move_credit(db, customer.id, Decimal(amount), kind=CreditKind.ADJUSTMENT, by=by, note="Welcome")
    await apply_credit(db, order_id, ApplyCredit(amount=Decimal(amount)), by=by)
    await db.commit()


async def credit_memo(db: Any, invoice_id: int, amount: str, by: Actor) -> None:
    data = IssueCredit(amount=Decimal(amount), reason=CreditReason.DAMAGED)
    async with db.begin_nested():
        await issue_credit_memo(db, invoice_id, data, by=by)


async def ship_without(db: Any, order: Any, units: int, by: Actor) -> None:
    """Confirm the order and ship it without so many units of its one product."""
    await move_order(db, order.id, to=OrderStatus.CONFIRMED, by=by)
    sku = await db.scalar(select(OrderItem.product_sku).where(OrderItem.order_id == order.id))
    data = ShipShort.model_validate({"items": [{"sku": sku, "quantity": units}]})
    await ship_short(db, order.order_number, data, by=by, company_name="Ladle & Lid")
    await db.commit()


async def test_credit_that_a_memo_gave_back_goes_back_once(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    await pay_by_credit(db, customer, order_id, "55.00", manager)
    await credit_memo(db, invoice_id, "30.00", manager)
    assert await get_credit_balance(db, customer.id) == Decimal("30.00")
    await cancel_order(db, order_id, by=manager)
    assert await get_credit_balance(db, customer.id) == Decimal("55.00")
    order = await read_order(db, order_id)
    assert (str(order.amount_paid), str(order.refund_due), order.attention) == ("0.00", "0.00", "")


async def test_a_memo_takes_none_of_the_credit_that_a_cancelling_gave_back(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    _, order_id = await owe_for_order(db, customer, manager)
    await mark_paid(db, order_id, MarkPaid(amount_received=Decimal("40.00")), by=manager)
    await pay_by_credit(db, customer, order_id, "15.00", manager)
    await cancel_order(db, order_id, by=manager)
    await move_order(db, order_id, to=OrderStatus.PENDING, by=manager)
    order = await read_order(db, order_id)
    assert (str(order.amount_paid), str(order.balance)) == ("40.00", "15.00")
    again = await owe(db, "55.00", manager, order_number=order.order_number)
    await credit_memo(db, again, "30.00", manager)
    # 15.00 was owed; the rest comes off the cash, of which 25.00 may still go back.
    assert (await list_money(db, order_id))[-1] == ("-15.00", "-15.00", "succeeded")
    assert [(each.payment.method, str(each.left)) for each in await list_refundable(db, order_id)] == [
        ("cash", "25.00")
    ]


async def test_money_on_its_way_back_does_not_become_credit_too(
    db: Any, manager: Actor, stripe: Any, stripe_settings: Any
) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    order = await read_order(db, order_id)
    await pay_by_card(stripe_settings, stripe, order, "55.00", by=as_actor(customer))
    order = await read_order(db, order_id)
    (found,) = await list_refundable(db, order_id)
    await prepare_refund(db, order, found, Decimal("40.00"), why=GivenFor.GOODWILL, by=manager)
    await db.commit()
    with pytest.raises(Refused, match="A refund of what was paid is on its way"):
        await credit_memo(db, invoice_id, "30.00", manager)
    await credit_memo(db, invoice_id, "15.00", manager)
    assert await get_credit_balance(db, customer.id) == Decimal("15.00")


async def test_what_was_short_goes_back_to_the_credit_that_paid_it(db: Any, manager: Actor) -> None:
    customer = await make_customer(db)
    order = await make_owed_order(db, by=as_actor(customer))
    await pay_by_credit(db, customer, order.id, "65.00", manager)
    await ship_without(db, order, 1, manager)
    assert await get_credit_balance(db, customer.id) == Decimal("20.00")
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), str(order.balance), order.attention) == (
        "45.00", "20.00", "0.00", "",
    )  # fmt: skip
    await cancel_order(db, order.id, by=manager)
    assert await get_credit_balance(db, customer.id) == Decimal("65.00")


async def test_an_order_that_was_short_takes_no_more_than_it_ships_when_reopened(db: Any, manager: Actor) -> None:
    order = await make_owed_order(db)
    product = await db.get_one(Product, await db.scalar(select(OrderItem.product_id)))
    before = product.stock_quantity
    await ship_without(db, order, 1, manager)
    await cancel_order(db, order.id, by=manager)
    await move_order(db, order.id, to=OrderStatus.PENDING, by=manager)
    held = await db.scalar(select(-func.sum(StockMovement.delta)).where(StockMovement.order_id == order.id))
    await db.refresh(product)
    # One unit is sold and held, the other was never found.
    assert (held, product.stock_quantity) == (1, before)


async def test_the_lines_of_an_order_that_was_short_stay(db: Any, manager: Actor) -> None:
    order = await make_owed_order(db)
    await ship_without(db, order, 1, manager)
    for to in (OrderStatus.CONFIRMED, OrderStatus.PENDING):
        await move_order(db, order.id, to=to, by=manager)
    with pytest.raises(Refused, match="Some of the order was short"):
        await edit_to(db, order, manager, quantity=1)
    assert str((await read_order(db, order.id)).balance) == "45.00"
