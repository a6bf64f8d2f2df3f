"""The data of one order's page, limited to what the reader may see, in a fixed number of statements.

It also decides what the reader may do next, so that the page offers no button that the act would refuse.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.own_orders import may_be_seen_by
from domain.access.rights import Right, may
from domain.credit.exposure import TERMS, CreditStanding, calculate_exposure, find_customer
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.orders.filters import ITEMS, ORDERS
from domain.orders.queries import EventRow, OrderRow, get_order, list_events, sees_money
from domain.orders.statuses import OPEN_STATUSES, WAY_FORWARD, allowed_next
from domain.payments.refund_rows import list_with_waiting
from domain.payments.withdraw import has_payment_under_way
from models import CreditEntry, Customer, Order, OrderItem, OrderStatus, Payment, Product, columns_of, table_of
from models.session import raw_connection

PRODUCTS = columns_of(Product)
PAYMENTS = columns_of(Payment)
CUSTOMERS = columns_of(Customer)
CREDIT = columns_of(CreditEntry)
OUNCES_PER_POUND = 16


class MainAct(StrEnum):
    """The act that an order's page offers first."""

    CONFIRM = "confirm"
    RELEASE = "release"
    TAKE_PAYMENT = "take_payment"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class PageItem:
    """One line with its bin in the warehouse; `short_quantity` units of it were never found.

    Prices are None for readers who may not see money.
    """

    product_id: int | None
    product_name: str
    product_sku: str
    product_unit_size: str
    bin_location: str
    barcode: str
    weight_oz: Decimal | None
    quantity: int
    unit_price: Decimal | None
    is_bulk_price: bool
    line_total: Decimal | None
    stock_quantity: int | None
    image_hash: str | None
    short_quantity: int

    @property
    def shipped(self) -> int:
        """The number of units that are shipped."""
        return self.quantity - self.short_quantity


_OF_PRODUCT = {
    "bin_location": func.coalesce(PRODUCTS.bin_location, ""),
    "barcode": func.coalesce(PRODUCTS.barcode, ""),
    "weight_oz": PRODUCTS.ship_weight_oz,
    "stock_quantity": PRODUCTS.stock_quantity,
    "image_hash": PRODUCTS.image_hash,
}
_SELECT_ITEMS = select(
    ITEMS.order_id,
    *(_OF_PRODUCT[part.name] if part.name in _OF_PRODUCT else ITEMS[part.name] for part in fields(PageItem)),
).select_from(table_of(OrderItem).outerjoin(table_of(Product), PRODUCTS.id == ITEMS.product_id))


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment for the order, or an attempted one. `left` is what the reader may still give back, in US dollars.

    `waiting` is what is being given back: Stripe has been asked and has not decided.
    """

    id: int
    method: str
    state: str
    amount: Decimal
    reference: str
    note: str
    given_for: str | None
    actor_name: str
    created_at: datetime
    left: Decimal
    waiting: Decimal


@dataclass(frozen=True, slots=True)
class CustomerSummary:
    """The customer with their terms. `standing` and `store_credit` are None for readers who may not see money."""

    id: int
    name: str
    company: str
    phone: str | None
    email: str | None
    order_count: int
    first_order_at: datetime | None
    standing: CreditStanding | None
    store_credit: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One order with the data of its page."""

    order: OrderRow
    items: list[PageItem]
    payments: list[PaymentRow]
    events: list[EventRow]
    customer: CustomerSummary | None
    next_states: tuple[OrderStatus, ...]
    is_being_paid: bool
    newer: str | None
    older: str | None
    ships_to_last_address: bool | None
    reader: Actor

    @property
    def weight_lb(self) -> Decimal | None:
        """The total weight of the goods in pounds; None if a product's weight is unknown."""
        weights = [item.weight_oz for item in self.items]
        if not weights or any(weight is None for weight in weights):
            return None
        ounces = sum((item.weight_oz * item.quantity for item in self.items if item.weight_oz is not None), ZERO)
        return ounces / OUNCES_PER_POUND

    @property
    def due_at(self) -> datetime | None:
        """When the balance of an order on terms is due; None for other orders."""
        if not self.order.on_terms or not self.order.balance:
            return None
        return self.order.created_at + TERMS

    @property
    def next_step(self) -> OrderStatus | None:
        """The next status that the reader may set now, or None."""
        forward = [status for status in self.next_states if status not in {OrderStatus.CANCELLED, *self.steps_back}]
        return forward[0] if forward else None

    @property
    def steps_back(self) -> tuple[OrderStatus, ...]:
        """The earlier statuses to which it may be moved back."""
        if self.order.status == OrderStatus.CANCELLED:
            return WAY_FORWARD
        return WAY_FORWARD[: WAY_FORWARD.index(OrderStatus(self.order.status))]

    @property
    def can_edit_delivery(self) -> bool:
        """The address may change until the order ships."""
        return may(self.reader, Right.EDIT_ORDERS) and self.order.status in OPEN_STATUSES

    @property
    def can_edit_items(self) -> bool:
        """Lines may change while the order is pending. Lines without a product (from an import) would be lost."""
        is_open = self.order.status == OrderStatus.PENDING and all(item.product_id is not None for item in self.items)
        return may(self.reader, Right.EDIT_ORDERS) and is_open

    @property
    def can_take_payment(self) -> bool:
        """Payments can be recorded while something is owed on an order that is not cancelled."""
        return (
            may(self.reader, Right.RECORD_PAYMENTS)
            and self.order.status != OrderStatus.CANCELLED
            and bool(self.order.balance and self.order.balance > 0)
        )

    @property
    def main_act(self) -> MainAct | None:
        """The next act."""
        if self.next_step is OrderStatus.CONFIRMED:
            return MainAct.CONFIRM
        if self.can_release:
            return MainAct.RELEASE
        if self.can_take_payment:
            return MainAct.TAKE_PAYMENT
        return MainAct.MOVE if self.next_step else None

    @property
    def credit_to_apply(self) -> Decimal:
        """The store credit that could be applied to this order now, in US dollars."""
        if not self.can_take_payment or not may(self.reader, Right.APPLY_CREDIT) or self.customer is None:
            return ZERO
        return min(self.customer.store_credit or ZERO, self.order.balance or ZERO)

    @property
    def can_release(self) -> bool:
        """A manager may release a hold."""
        return self.order.on_hold and may(self.reader, Right.OVERRIDE_TERMS)

    @property
    def can_attend(self) -> bool:
        """Office roles may clear the attention."""
        return bool(self.order.attention) and may(self.reader, Right.ATTEND_ORDERS)

    @property
    def can_delete(self) -> bool:
        """Only an order that is not in progress can be deleted."""
        return (
            may(self.reader, Right.DELETE_ORDERS)
            and self.order.status in {OrderStatus.PENDING, OrderStatus.CANCELLED}
            and not self.payments
            and not self.is_being_paid
            and not self.order.tracking_number
        )


async def get_order_page(db: AsyncSession, order_number: str, *, visible_to: Actor) -> OrderPage:
    """Return one order with the data of its page. Raises NotFound if the reader may not see it."""
    order = await get_order(db, order_number, visible_to=visible_to)
    newer, older = await _find_neighbours(db, order, visible_to)
    return OrderPage(
        order=order,
        items=(await list_page_items(db, [order.id], visible_to=visible_to)).get(order.id, []),
        payments=await _list_payments(db, order.id, visible_to) if sees_money(visible_to) else [],
        events=await list_events(db, order.id, visible_to=visible_to),
        customer=await _find_customer_summary(db, order, visible_to),
        next_states=choose_next_states(order, visible_to),
        is_being_paid=await has_payment_under_way(db, order.id),
        newer=newer,
        older=older,
        ships_to_last_address=await _ships_to_last_address(db, order),
        reader=visible_to,
    )


def choose_next_states(order: OrderRow, actor: Actor) -> tuple[OrderStatus, ...]:
    """Return the statuses that this actor may set now; an order on hold can only be cancelled."""
    status = OrderStatus(order.status)
    allowed = allowed_next(status, actor.role)
    if order.on_hold:
        allowed = tuple(state for state in allowed if state is OrderStatus.CANCELLED)
    is_paid = bool(order.amount_paid and order.amount_paid > 0)
    if not may(actor, Right.CANCEL_PAID_ORDERS if is_paid else Right.CANCEL_ORDERS):
        allowed = tuple(state for state in allowed if state is not OrderStatus.CANCELLED)
    return allowed


async def list_page_items(
    db: AsyncSession, order_ids: list[int], *, visible_to: Actor, in_bin_order: bool = False
) -> dict[int, list[PageItem]]:
    """Return the lines of several orders with bins and weights, in one statement; for a picker in walking order."""
    walking = (func.nullif(PRODUCTS.bin_location, "").asc().nulls_last(),) if in_bin_order else ()
    statement = _SELECT_ITEMS.where(ITEMS.order_id.in_(order_ids)).order_by(ITEMS.order_id, *walking, ITEMS.position)
    shows_money = sees_money(visible_to)
    found: dict[int, list[PageItem]] = {}
    for order_id, *values in await db.execute(statement):
        item = PageItem(*values)
        found.setdefault(order_id, []).append(item if shows_money else replace(item, unit_price=None, line_total=None))
    return found


async def _list_payments(db: AsyncSession, order_id: int, reader: Actor) -> list[PaymentRow]:
    columns = (
        PAYMENTS.id, PAYMENTS.method, PAYMENTS.state, PAYMENTS.amount, PAYMENTS.reference, PAYMENTS.note,
        PAYMENTS.given_for, PAYMENTS.actor_name, PAYMENTS.created_at,
    )  # fmt: skip
    statement = select(*columns).where(PAYMENTS.order_id == order_id).order_by(PAYMENTS.id.desc())
    rows = (await db.execute(statement)).all()
    may_refund = bool(rows) and may(reader, Right.REFUND_PAYMENTS)
    refundable = await list_with_waiting(db, Payment.order_id == order_id) if may_refund else []
    back = {found.payment.id: (found.left, found.waiting) for found in refundable}
    return [PaymentRow(*row, *back.get(row.id, (ZERO, ZERO))) for row in rows]


async def _find_customer_summary(db: AsyncSession, order: OrderRow, reader: Actor) -> CustomerSummary | None:
    if order.customer_id is None or not may(reader, Right.SEE_CUSTOMERS):
        return None
    theirs = ORDERS.customer_id == order.customer_id
    newest_credit = (
        select(CREDIT.balance_after).where(CREDIT.customer_id == order.customer_id).order_by(CREDIT.id.desc()).limit(1)
    )
    statement = select(
        func.trim(CUSTOMERS.first_name + " " + CUSTOMERS.last_name).label("name"),
        CUSTOMERS.company_name,
        CUSTOMERS.phone,
        CUSTOMERS.email,
        select(func.count()).select_from(table_of(Order)).where(theirs).scalar_subquery().label("order_count"),
        select(func.min(ORDERS.created_at)).where(theirs).scalar_subquery().label("first_order_at"),
        newest_credit.scalar_subquery().label("store_credit"),
    ).where(CUSTOMERS.id == order.customer_id)
    row = (await db.execute(statement)).one()
    connection = await raw_connection(db)
    customer = await find_customer(connection, order.customer_id)
    assert customer is not None  # guaranteed by the foreign key
    return CustomerSummary(
        id=order.customer_id,
        name=row.name,
        company=row.company_name,
        phone=row.phone,
        email=row.email,
        order_count=row.order_count,
        first_order_at=row.first_order_at,
        standing=await calculate_exposure(connection, customer),
        store_credit=row.store_credit or ZERO,
    )


async def _ships_to_last_address(db: AsyncSession, order: OrderRow) -> bool | None:
    """Return whether the customer's previous order went to the same address; None for a first order and for guests."""
    if order.customer_id is None:
        return None
    before = (
        select(ORDERS.delivery_address, ORDERS.delivery_zip)
        .where(
            ORDERS.customer_id == order.customer_id,
            tuple_(ORDERS.created_at, ORDERS.id) < tuple_(order.created_at, order.id),
        )
        .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
        .limit(1)
    )
    last = (await db.execute(before)).one_or_none()
    if last is None:
        return None
    here = (order.delivery_address, order.delivery_zip)
    return [text.strip().lower() for text in last] == [text.strip().lower() for text in here]


async def _find_neighbours(db: AsyncSession, order: OrderRow, reader: Actor) -> tuple[str | None, str | None]:
    """Return the numbers of the next newer and the next older order that the reader may see."""
    here = tuple_(order.created_at, order.id)
    place = tuple_(ORDERS.created_at, ORDERS.id)
    own = may_be_seen_by(reader)
    newer = select(ORDERS.order_number).where(place > here if own is None else and_(place > here, own))
    older = select(ORDERS.order_number).where(place < here if own is None else and_(place < here, own))
    row = (
        await db.execute(
            select(
                newer.order_by(ORDERS.created_at.asc(), ORDERS.id.asc()).limit(1).scalar_subquery(),
                older.order_by(ORDERS.created_at.desc(), ORDERS.id.desc()).limit(1).scalar_subquery(),
            )
        )
    ).one()
    return row[0], row[1]
