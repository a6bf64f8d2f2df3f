"""Writing a new order: one statement for the order, its lines, the stock it takes, the ledger and its first event.

Every door that makes an order ends here. The products must be locked already (`price_lines(lock=True)`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from domain.access.tokens import new_order_number
from domain.kernel.actor import Actor
from domain.kernel.live import CHANNEL
from domain.orders.calling_totals import note_new_order
from domain.orders.commission import fix_commission, settle_commission
from domain.orders.lines import Line
from domain.orders.totals import Totals
from models import OrderSource, OrderStatus, PaymentMethod, PaymentStatus

# A number that is taken already writes nothing, and another one is tried.
_WRITE = """
WITH made AS (
  INSERT INTO orders (
    order_number, customer_id, source, status, on_hold, hold_reason, attention, takes_stock, sales_rep_id,
    assigned_to, delivery_name, delivery_first_name, delivery_last_name, delivery_company, delivery_email,
    delivery_phone, delivery_phone_raw, delivery_address, delivery_city, delivery_state, delivery_zip,
    delivery_country, billing_address, po_number, special_notes, staff_notes, item_count, unit_count, subtotal,
    discount_amount, delivery_fee, total_amount, amount_paid, payment_method, payment_status, actor_kind, actor_id,
    actor_name, created_at, updated_at, confirmed_at, packed_at, shipped_at, delivered_at, cancelled_at, on_terms,
    released_total
  ) VALUES (
    $1::text, $2, $3::text, $4::text, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34::text, $35::text, $36::text, $37::int,
    $38::text, coalesce($39::timestamptz, now()), now(),
    CASE WHEN $40::int >= 1 THEN coalesce($39::timestamptz, now()) END,
    CASE WHEN $40::int >= 2 THEN coalesce($39::timestamptz, now()) END,
    CASE WHEN $40::int >= 3 THEN coalesce($39::timestamptz, now()) END,
    CASE WHEN $40::int >= 4 THEN coalesce($39::timestamptz, now()) END,
    CASE WHEN $4::text = 'cancelled' THEN coalesce($39::timestamptz, now()) END, $34::text = 'net30', $56::numeric
  ) ON CONFLICT (order_number) DO NOTHING RETURNING id, created_at
),
lines AS (
  INSERT INTO order_item (
    order_id, position, product_id, product_name, product_sku, product_brand, product_unit_size, quantity, unit_price,
    is_bulk_price, line_total, unit_cost
  )
  SELECT made.id, l.* FROM made, unnest(
    $41::int[], $42::bigint[], $43::text[], $44::text[], $45::text[], $46::text[], $47::int[], $48::numeric[],
    $49::bool[], $50::numeric[], $51::numeric[]
  ) AS l
),
taken AS (
  UPDATE product AS p SET stock_quantity = p.stock_quantity - t.quantity
  FROM made, unnest($52::bigint[], $53::int[]) AS t(id, quantity)
  WHERE p.id = t.id RETURNING p.id, t.quantity, p.stock_quantity, made.id AS order_id
),
ledger AS (
  INSERT INTO stock_movement (product_id, delta, level_after, reason, order_id, actor_kind, actor_id, actor_name)
  SELECT id, -quantity, stock_quantity, 'order_placed', order_id, $36::text, $37::int, $38::text FROM taken
),
events AS (
  INSERT INTO order_event (order_id, kind, to_status, note, actor_kind, actor_id, actor_name)
  SELECT id, 'placed', $4::text, $54::text, $36::text, $37::int, $38::text FROM made
)
SELECT id, created_at, pg_notify($55::text, 'orders:' || id),
  EXISTS (SELECT FROM calling_entry WHERE customer_id = $2) AS is_on_calling_list
FROM made
"""
_STEP = {
    OrderStatus.PENDING: 0,
    OrderStatus.CONFIRMED: 1,
    OrderStatus.PACKED: 2,
    OrderStatus.SHIPPED: 3,
    OrderStatus.DELIVERED: 4,
    OrderStatus.CANCELLED: 0,
}


class NumberTaken(Exception):
    """The order number that staff gave belongs to another order."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """To whom and where; the address in its parts."""

    name: str
    address: str
    city: str
    state: str
    zip: str
    country: str = "US"
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    email: str | None = None
    phone: str | None = None
    phone_raw: str = ""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order about to be written, priced and checked."""

    delivery: Delivery
    lines: Sequence[Line]
    totals: Totals
    source: OrderSource
    by: Actor
    customer_id: int | None = None
    order_number: str | None = None
    status: OrderStatus = OrderStatus.PENDING
    hold_reason: str = ""
    released_total: Decimal | None = None
    attention: str = ""
    takes_stock: bool = True
    sales_rep_id: int | None = None
    assigned_to: str = ""
    billing_address: str = ""
    po_number: str = ""
    special_notes: str = ""
    staff_notes: str = ""
    amount_paid: Decimal = field(default=Decimal("0.00"))
    payment_method: PaymentMethod = PaymentMethod.NET30
    payment_status: PaymentStatus = PaymentStatus.UNPAID
    created_at: datetime | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """An order of $0 has nothing to pay and is paid, however it was sent."""
        if self.totals.total_amount == 0:
            object.__setattr__(self, "payment_status", PaymentStatus.PAID)


@dataclass(frozen=True, slots=True)
class WrittenOrder:
    """What the database gave a new order."""

    id: int
    order_number: str
    created_at: datetime


async def write_order(connection: asyncpg.Connection, order: NewOrder) -> WrittenOrder:
    """Write the order and take its stock, in the current transaction; raises NumberTaken for a given number in use."""
    while True:
        number = order.order_number or new_order_number()
        row = await connection.fetchrow(_WRITE, number, *_values(order))
        if row is not None:
            await _follow(connection, order, row)
            return WrittenOrder(row["id"], number, row["created_at"])
        if order.order_number is not None:
            raise NumberTaken(order.order_number)


async def _follow(connection: asyncpg.Connection, order: NewOrder, row: asyncpg.Record) -> None:
    """What a new order means for its rep's commission and for the calling list."""
    if order.sales_rep_id is not None:
        await fix_commission(connection, row["id"])
        if order.payment_status is PaymentStatus.PAID:
            await settle_commission(connection, row["id"])
    if order.customer_id is not None and row["is_on_calling_list"]:
        await note_new_order(connection, order.customer_id, order.status, row["created_at"])


def _values(order: NewOrder) -> list[Any]:
    to, lines, totals = order.delivery, order.lines, order.totals
    takes = order.takes_stock and order.status is not OrderStatus.CANCELLED
    taken: Counter[int] = Counter()
    for line in lines:
        if takes and line.is_tracked:
            taken[line.product_id] += line.quantity
    return [
        order.customer_id,
        order.source,
        order.status,
        bool(order.hold_reason),
        order.hold_reason,
        order.attention,
        order.takes_stock,
        order.sales_rep_id,
        order.assigned_to,
        to.name,
        to.first_name,
        to.last_name,
        to.company,
        to.email,
        to.phone,
        to.phone_raw,
        to.address,
        to.city,
        to.state,
        to.zip,
        to.country,
        order.billing_address,
        order.po_number,
        order.special_notes,
        order.staff_notes,
        len(lines),
        sum(line.quantity for line in lines),
        totals.subtotal,
        totals.discount_amount,
        totals.delivery_fee,
        totals.total_amount,
        order.amount_paid,
        order.payment_method,
        order.payment_status,
        order.by.kind,
        order.by.id,
        order.by.name,
        order.created_at,
        _STEP[order.status],
        list(range(1, len(lines) + 1)),
        [line.product_id for line in lines],
        [line.product_name for line in lines],
        [line.product_sku for line in lines],
        [line.product_brand for line in lines],
        [line.product_unit_size for line in lines],
        [line.quantity for line in lines],
        [line.unit_price for line in lines],
        [line.is_bulk_price for line in lines],
        [line.line_total for line in lines],
        [line.unit_cost for line in lines],
        list(taken.keys()),
        list(taken.values()),
        order.note,
        CHANNEL,
        order.released_total,
    ]
