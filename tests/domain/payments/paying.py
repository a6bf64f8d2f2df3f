"""Orders being paid at the loopback Stripe, through the domain's own acts."""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from domain.kernel.actor import GUEST, Actor
from domain.order_desk.edit_items import EditItems, edit_items
from domain.payments.card import ConfirmedPayment, ConfirmPayment, CreateIntent, confirm_payment, create_payment_intent
from domain.payments.checkout import open_checkout
from domain.payments.events import ask_about
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.pay_link import CreatePayLink, create_pay_link
from domain.payments.refund import RefundOutcome, RefundPayment, refund_payment
from models import CreditEntry, GivenFor, Order, OrderItem, Payment, StripeIntent
from tests.factories import as_actor, make_customer, make_product
from tests.factories.orders import RULES, make_order


async def make_owed_order(db: Any, *, by: Actor = GUEST, **values: Any) -> Any:
    """An order of $65.00: two pieces at $20.00 and the delivery fee."""
    placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=by, **values)
    await db.commit()
    return await read_order(db, placed.written.id)


async def make_customers_order(db: Any) -> tuple[Any, Actor]:
    """A customer's order of $65.00, with the customer."""
    customer = as_actor(await make_customer(db))
    return await make_owed_order(db, by=customer), customer


async def edit_to(db: Any, order: Any, by: Actor, *, quantity: int = 2, **money: str) -> None:
    """Sell another quantity of the order's one product, perhaps with another discount or fee."""
    sku = (await db.execute(select(OrderItem.product_sku).where(OrderItem.order_id == order.id))).scalar_one()
    data = EditItems.model_validate(
        {"items": [{"sku": sku, "quantity": quantity}]} | {name: Decimal(amount) for name, amount in money.items()}
    )
    await edit_items(db, order.id, data, by=by, rules=RULES)


async def read_order(db: Any, order_id: int) -> Any:
    statement = select(Order).where(Order.id == order_id).execution_options(populate_existing=True)
    return (await db.execute(statement)).scalar_one()


async def list_money(db: Any, order_id: int) -> list[tuple[str, str, str]]:
    """Amount, applied amount and state of every payment row of the order."""
    rows = await db.execute(select(Payment).where(Payment.order_id == order_id).order_by(Payment.id))
    return [(str(row.amount), str(row.applied_amount), row.state) for row in rows.scalars()]


async def list_credit(db: Any) -> list[str]:
    return [str(amount) for amount in (await db.execute(select(CreditEntry.amount).order_by(CreditEntry.id))).scalars()]


async def list_states(db: Any) -> list[str]:
    statement = select(StripeIntent.state).order_by(StripeIntent.id)
    return list((await db.execute(statement.execution_options(populate_existing=True))).scalars())


async def open_payment(settings: Any, order: Any, amount: str = "65.00", *, by: Actor = GUEST) -> str:
    """The id of a PaymentIntent that is open for the order."""
    data = CreateIntent(amount=Decimal(amount), order_number=order.order_number)
    made = await create_payment_intent(data, by=by, caller=by.caller, client_key=None, settings=settings)
    return made.payment_intent_id


async def confirm(settings: Any, order: Any, payment_id: str, *, by: Actor = GUEST) -> ConfirmedPayment:
    data = ConfirmPayment(order_number=order.order_number, payment_intent_id=payment_id)
    return await confirm_payment(data, by=by, settings=settings)


async def pay_by_card(settings: Any, stripe: Any, order: Any, amount: str = "65.00", *, by: Actor = GUEST) -> str:
    """Pay the order by card and write it down; the payment's id."""
    payment_id = await open_payment(settings, order, amount, by=by)
    stripe.pay(payment_id)
    await confirm(settings, order, payment_id, by=by)
    return payment_id


async def take_cash(db: Any, order: Any, amount: str, clerk: Any) -> int:
    """Cash received for the order; its row's id."""
    await mark_paid(db, order.id, MarkPaid(amount_received=Decimal(amount)), by=clerk)
    await db.commit()
    found: int = (await db.execute(select(func.max(Payment.id)).where(Payment.order_id == order.id))).scalar_one()
    return found


async def card_row(db: Any) -> int:
    """The one card payment's row."""
    statement = select(Payment.id).where(Payment.provider_id.startswith("pi_"), Payment.amount > 0)
    found: int = (await db.execute(statement)).scalar_one()
    return found


async def give_back(settings: Any, order: Any, payment_id: int, amount: str, clerk: Actor, **how: Any) -> RefundOutcome:
    """Give back an amount of a payment; all that is left of it for an empty `amount`."""
    some = {"amount": Decimal(amount)} if amount else {}
    usual = {"reason": "Lid missing", "given_for": GivenFor.GOODWILL}
    data = RefundPayment.model_validate(usual | some | how)
    return await refund_payment(order.id, payment_id, data, by=clerk, settings=settings)


async def open_session(db: Any, settings: Any, order: Any, *, by: Actor) -> tuple[str, str]:
    """A pay link's token, and the id of the checkout that its button opened."""
    made = await create_pay_link(db, CreatePayLink(order_number=order.order_number), by=by, settings=settings)
    await db.commit()
    token = made.url.rsplit("/", 1)[1]
    return token, (await open_checkout(token, settings=settings)).rsplit("/", 1)[1]


async def deliver_events(settings: Any, stripe: Any) -> None:
    """Ask Stripe about what its events name, as the jobs do that they enqueue."""
    for event in list(stripe.events):
        thing = event["data"]["object"]
        match event["type"].rsplit(".", 1)[0]:
            case "payment_intent":
                await ask_about({"payment_intent_id": thing["id"]}, settings)
            case "checkout.session":
                await ask_about({"session_id": thing["id"]}, settings)
            case "refund" | "charge":
                await ask_about({"refunds_of": thing["payment_intent"]}, settings)
            case "charge.dispute":
                await ask_about({"dispute_id": thing["id"], "payment_intent_id": thing["payment_intent"]}, settings)
