"""Writes a new order: one statement for the order, its lines, the stock it takes, the stock ledger and its first event.

Every door that creates an order uses this. The products must already be locked (`price_lines(lock=True)`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

import asyncpg
import orjson

from domain.access.tokens import new_order_number
from domain.kernel.actor import Actor
from domain.kernel.live import Topic, announce
from domain.kernel.raw_values import write_array
from domain.kernel.sql import NamedSql
from domain.orders.calling_totals import note_new_order
from domain.orders.commission import fix_commission, settle_commissions
from domain.orders.lines import Line
from domain.orders.totals import Totals
from models import OrderSource, OrderStatus, PaymentMethod, PaymentStatus
from models.session import Transaction, raw_connection

# Each column of a new order with its value. A parameter with the name of a field of `NewOrder` or `Delivery` is that
# field.
_ORDER = {
    "order_number": ":order_number::text",
    "customer_id": ":customer_id",
    "source": ":source::text",
    "status": ":status::text",
    "on_hold": ":hold_reason::text <> ''",
    "hold_reason": ":hold_reason::text",
    "attention": ":attention",
    "takes_stock": ":takes_stock",
    "sales_rep_id": ":sales_rep_id",
    "assigned_to": ":assigned_to",
    "delivery_name": ":delivery_name",
    "delivery_first_name": ":delivery_first_name",
    "delivery_last_name": ":delivery_last_name",
    "delivery_company": ":delivery_company",
    "delivery_email": ":delivery_email",
    "delivery_phone": ":delivery_phone",
    "delivery_phone_raw": ":delivery_phone_raw",
    "delivery_address": ":delivery_address",
    "delivery_city": ":delivery_city",
    "delivery_state": ":delivery_state",
    "delivery_zip": ":delivery_zip",
    "delivery_country": ":delivery_country",
    "billing_address": ":billing_address",
    "po_number": ":po_number",
    "special_notes": ":special_notes",
    "staff_notes": ":staff_notes",
    "item_count": ":item_count",
    "unit_count": ":unit_count",
    "subtotal": ":subtotal",
    "discount_amount": ":discount_amount",
    "delivery_fee": ":delivery_fee",
    "total_amount": ":total_amount",
    "amount_paid": ":amount_paid",
    "payment_method": ":payment_method::text",
    "payment_status": ":payment_status::text",
    "actor_kind": ":actor_kind::text",
    "actor_id": ":actor_id::bigint",
    "actor_name": ":actor_name::text",
    "created_at": "coalesce(:created_at::timestamptz, now())",
    "updated_at": "now()",
    "confirmed_at": "CASE WHEN :step::int >= 1 THEN coalesce(:created_at::timestamptz, now()) END",
    "packed_at": "CASE WHEN :step::int >= 2 THEN coalesce(:created_at::timestamptz, now()) END",
    "shipped_at": "CASE WHEN :step::int >= 3 THEN coalesce(:created_at::timestamptz, now()) END",
    "delivered_at": "CASE WHEN :step::int >= 4 THEN coalesce(:created_at::timestamptz, now()) END",
    "cancelled_at": "CASE WHEN :status::text = 'cancelled' THEN coalesce(:created_at::timestamptz, now()) END",
    "on_terms": ":payment_method::text = 'net30'",
    "released_total": ":released_total::numeric",
}
# Each column of a line that is a field of `Line`, with its type. The lines are sent as one JSON text, and arrays as
# text: otherwise they would take the driver twice as long, because it checks every element for being an array.
_LINES = {
    "product_id": "bigint",
    "product_name": "text",
    "product_sku": "text",
    "product_brand": "text",
    "product_unit_size": "text",
    "quantity": "int",
    "unit_price": "numeric",
    "is_bulk_price": "bool",
    "line_total": "numeric",
    "unit_cost": "numeric",
}
# If the number is already taken, nothing is written, and another number is tried.
_WRITE = NamedSql(f"""
WITH made AS (
  INSERT INTO orders ({", ".join(_ORDER)}) VALUES ({", ".join(_ORDER.values())})
  ON CONFLICT (order_number) DO NOTHING RETURNING id, created_at
),
lines AS (
  INSERT INTO order_item (order_id, {", ".join(_LINES)}, position)
  SELECT made.id, l.* FROM made, ROWS FROM (
    json_to_recordset(:lines::text::json) AS ({", ".join(f"{name} {kind}" for name, kind in _LINES.items())})
  ) WITH ORDINALITY AS l
),
taken AS (
  UPDATE product AS p SET stock_quantity = p.stock_quantity - t.quantity
  FROM made, unnest(:taken_product_ids::text::bigint[], :taken_quantities::text::int[]) AS t(id, quantity)
  WHERE p.id = t.id RETURNING p.id, t.quantity, p.stock_quantity, made.id AS order_id
),
ledger AS (
  INSERT INTO stock_movement (product_id, delta, level_after, reason, order_id, actor_kind, actor_id, actor_name)
  SELECT id, -quantity, stock_quantity, 'order_placed', order_id, :actor_kind::text, :actor_id::bigint,
    :actor_name::text
  FROM taken
),
events AS (
  INSERT INTO order_event (order_id, kind, to_status, note, actor_kind, actor_id, actor_name)
  SELECT id, 'placed', :status::text, :note::text, :actor_kind::text, :actor_id::bigint, :actor_name::text FROM made
)
SELECT id, created_at, EXISTS (SELECT FROM calling_entry WHERE customer_id = :customer_id) AS is_on_calling_list
FROM made
""")  # noqa: S608 -- the names are constants of this module.
_STEP = {
    OrderStatus.PENDING: 0,
    OrderStatus.CONFIRMED: 1,
    OrderStatus.PACKED: 2,
    OrderStatus.SHIPPED: 3,
    OrderStatus.DELIVERED: 4,
    OrderStatus.CANCELLED: 0,
}


_TOTALS = ("subtotal", "discount_amount", "delivery_fee", "total_amount")


class NumberTaken(Exception):
    """The order number chosen by staff belongs to another order."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The recipient and the address, in its parts."""

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
    """A priced and checked order that is about to be written."""

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
        """An order of $0 has nothing to pay and counts as paid, whatever was sent."""
        if self.totals.total_amount == 0:
            object.__setattr__(self, "payment_status", PaymentStatus.PAID)


@dataclass(frozen=True, slots=True)
class WrittenOrder:
    """The values that the database assigned to a new order."""

    id: int
    order_number: str
    created_at: datetime


_DELIVERY = tuple(part.name for part in fields(Delivery))
_SAME = tuple(
    part.name for part in fields(NewOrder) if part.name in _WRITE.names and part.name not in {"order_number", "lines"}
)
_NAMES = (*_SAME, *(f"delivery_{name}" for name in _DELIVERY), *_TOTALS)
_read = attrgetter(*_SAME, *(f"delivery.{name}" for name in _DELIVERY), *(f"totals.{name}" for name in _TOTALS))


async def write_order(db: Transaction, order: NewOrder) -> WrittenOrder:
    """Write the order, take its stock and notify live pages. Raises NumberTaken if its number is in use."""
    connection, values = await raw_connection(db), _values(order)
    while True:
        number = order.order_number or new_order_number()
        row = await connection.fetchrow(_WRITE.text, *_WRITE.args(values | {"order_number": number}))
        if row is not None:
            await _follow(connection, order, row)
            await announce(db, Topic.ORDERS, row["id"])
            return WrittenOrder(row["id"], number, row["created_at"])
        if order.order_number is not None:
            raise NumberTaken(order.order_number)


async def _follow(connection: asyncpg.Connection, order: NewOrder, row: asyncpg.Record) -> None:
    """Update the rep's commission and the calling list for a new order."""
    if order.sales_rep_id is not None:
        await fix_commission(connection, row["id"])
        if order.payment_status is PaymentStatus.PAID:
            await settle_commissions(connection, row["id"])
    if order.customer_id is not None and row["is_on_calling_list"]:
        await note_new_order(connection, order.customer_id, order.status, row["created_at"])


def _values(order: NewOrder) -> dict[str, Any]:
    """Return all parameters of the statement by name, except the order's number."""
    takes = order.takes_stock and order.status is not OrderStatus.CANCELLED
    taken = defaultdict[int, int](int)
    for line in order.lines:
        if takes and line.is_tracked:
            taken[line.product_id] += line.quantity
    return {
        **dict(zip(_NAMES, _read(order), strict=True)),
        **order.by.columns,
        "step": _STEP[order.status],
        "item_count": len(order.lines),
        "unit_count": sum(line.quantity for line in order.lines),
        "lines": orjson.dumps(order.lines, default=str).decode(),
        "taken_product_ids": write_array(taken.keys()),
        "taken_quantities": write_array(taken.values()),
    }
