"""Writes the order of a renewal with the stock that the renewal held, in one transaction under the product's lock."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.money import round_half_up
from domain.orders.lines import Line
from domain.orders.place import queue_confirmation
from domain.orders.record import lock_order
from domain.orders.totals import Totals
from domain.orders.write import Delivery, NewOrder, write_order
from domain.stock.stock import change_stock
from models import (
    Customer,
    Order,
    OrderSource,
    PaymentMethod,
    Product,
    Renewal,
    SavedPayment,
    StockReason,
    Subscription,
)
from models.session import raw_connection

BANK_WORKS = "The bank works on it"
_METHOD = {SavedPayment.CARD: PaymentMethod.CREDIT_CARD, SavedPayment.ACH: PaymentMethod.ACH}


async def write_renewal_order(
    db: AsyncSession, subscription: Subscription, renewal: Renewal, *, by: Actor, hold_reason: str = ""
) -> Order:
    """Write the order with the renewal's amount, transfer its stock, and link both. The order is locked."""
    locked = select(Product).where(Product.id == renewal.product_id).with_for_update(key_share=True)
    product = (await db.execute(locked.execution_options(populate_existing=True))).scalar_one()
    rep = await db.scalar(select(Customer.sales_rep_id).where(Customer.id == subscription.customer_id))
    connection = await raw_connection(db)
    had_stock = renewal.holds_stock
    if had_stock:
        renewal.holds_stock = False
        await db.flush()
        await change_stock(
            connection,
            {product.id: renewal.quantity},
            reason=StockReason.RENEWAL_RETURNED,
            by=by,
            note=f"Renewal {renewal.id}",
        )
    new = NewOrder(
        delivery=_deliver(subscription),
        # Stock that was never reserved is not taken: the money was charged, and a stock count since then must not
        # prevent it.
        lines=[_line(product, renewal, is_tracked=had_stock and product.stock_quantity is not None)],
        totals=_totals(renewal),
        source=OrderSource.SUBSCRIPTION,
        by=by,
        customer_id=subscription.customer_id,
        sales_rep_id=rep,
        hold_reason=hold_reason,
        payment_method=_METHOD[SavedPayment(subscription.payment_type)],
        special_notes=subscription.notes,
        note=f"Renewed subscription {subscription.id}",
    )
    written = await write_order(db, new)
    order = await lock_order(db, written.id, visible_to=SYSTEM)
    order.subscription_id = subscription.id
    renewal.order_id = order.id
    await db.flush()
    await queue_confirmation(db, new, written)
    return order


def _totals(renewal: Renewal) -> Totals:
    subtotal = round_half_up(renewal.unit_price * renewal.quantity)
    discount = subtotal + renewal.delivery_fee - renewal.amount
    return Totals(subtotal, discount, renewal.delivery_fee, renewal.amount)


def _line(product: Product, renewal: Renewal, *, is_tracked: bool) -> Line:
    return Line(
        product_id=product.id,
        product_name=product.name,
        product_sku=product.sku,
        product_brand=product.brand,
        product_unit_size=product.unit_size,
        quantity=renewal.quantity,
        unit_price=renewal.unit_price,
        is_bulk_price=renewal.unit_price < product.unit_price,
        line_total=round_half_up(renewal.unit_price * renewal.quantity),
        unit_cost=product.cost_per_item,
        is_tracked=is_tracked,
    )


def _deliver(subscription: Subscription) -> Delivery:
    return Delivery(
        name=subscription.delivery_name,
        address=subscription.delivery_address,
        city=subscription.delivery_city,
        state=subscription.delivery_state,
        zip=subscription.delivery_zip,
        company=subscription.delivery_company,
        email=subscription.delivery_email,
        phone=subscription.delivery_phone,
    )
