"""What goes back of a payment: first what was never applied to the order, and nothing twice."""

from decimal import Decimal

from domain.credit.ledger import get_credit_balance
from domain.order_desk.cancel import cancel_order
from domain.order_desk.move import move_order
from domain.payments.refund import RefundWay
from models import OrderStatus, Role
from tests.domain.payments.paying import (
    card_row,
    deliver_events,
    give_back,
    list_money,
    make_customers_order,
    make_owed_order,
    open_payment,
    pay_by_card,
    read_order,
    take_cash,
)
from tests.factories import as_actor, make_staff


async def test_what_went_back_as_credit_is_no_part_of_what_stripe_gave_back_beyond_it(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    payment_id = await pay_by_card(stripe_settings, stripe, order, by=customer)
    await give_back(stripe_settings, order, await card_row(db), "20.00", clerk, how=RefundWay.STORE_CREDIT)
    stripe.refund_at_stripe(payment_id, 5000)
    await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances)) == ("0.00", "65.00")
    assert order.attention.startswith("$5.00 went back beyond what the order held.")


async def test_what_went_back_for_a_cancelling_is_owed_again_by_a_reopened_order(db, stripe_settings):
    order = await make_owed_order(db)
    manager = as_actor(await make_staff(db, Role.MANAGER))
    cash_id = await take_cash(db, order, "65.00", manager)
    await cancel_order(db, order.id, by=manager)
    await db.commit()
    await give_back(stripe_settings, order, cash_id, "65.00", manager)
    assert (await read_order(db, order.id)).payment_status == "refunded"
    await move_order(db, order.id, to=OrderStatus.PENDING, by=manager)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), str(order.balance)) == ("0.00", "0.00", "65.00")
    assert order.payment_status == "unpaid"


async def test_a_guests_surplus_goes_back_before_what_the_order_holds(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    clerk = as_actor(await make_staff(db))
    payment_id = await open_payment(stripe_settings, order)
    await take_cash(db, order, "20.00", clerk)
    stripe.pay(payment_id)
    await deliver_events(stripe_settings, stripe)
    # A refund of the surplus that fails takes nothing with it.
    refund = stripe.refund_at_stripe(payment_id, 2000)
    await deliver_events(stripe_settings, stripe)
    stripe.finish_refund(refund["id"], fails=True)
    await deliver_events(stripe_settings, stripe)
    for amount, paid, surplus in (("15.00", "65.00", "5.00"), ("15.00", "55.00", "0.00")):
        await give_back(stripe_settings, order, await card_row(db), amount, clerk)
        order = await read_order(db, order.id)
        assert (str(order.amount_paid), str(order.overpaid)) == (paid, surplus)
    assert [row for row in await list_money(db, order.id) if row[2] == "succeeded"] == [
        ("20.00", "20.00", "succeeded"), ("65.00", "45.00", "succeeded"), ("-15.00", "0.00", "succeeded"),
        ("-15.00", "-10.00", "succeeded"),
    ]  # fmt: skip


async def test_a_surplus_that_became_credit_is_no_part_of_a_refund(db, stripe_settings):
    order, customer = await make_customers_order(db)
    assert customer.id is not None
    clerk = as_actor(await make_staff(db))
    cash_id = await take_cash(db, order, "85.00", clerk)
    await give_back(stripe_settings, order, cash_id, "10.00", clerk)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), order.attention) == ("55.00", "10.00", "")
    assert (await get_credit_balance(db, customer.id), order.payment_status) == (Decimal(20), "partially_refunded")


async def test_the_last_payment_of_all_names_the_way_of_paying(db):
    order = await make_owed_order(db, payment_method="check")
    clerk = as_actor(await make_staff(db))
    for amount, method in (("60.00", "check"), ("5.00", "cash")):
        await take_cash(db, order, amount, clerk)
        assert (await read_order(db, order.id)).payment_method == method
