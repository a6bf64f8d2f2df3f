"""The statements that write a batch of historical orders of any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import new_code
from domain.imports.kinds import Setting
from models import OrderStatus
from models.session import raw_connection

# The same lock as for importing customers: both look up and create customers.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('import:customers', 0))"
_KNOWN_NUMBERS = "SELECT order_number FROM orders WHERE order_number = ANY($1::text[])"
_PRODUCTS = """
SELECT id, lower(sku) AS sku, name, sku AS own_sku, brand, unit_size FROM product WHERE lower(sku) = ANY($1::text[])
"""
_REPS = "SELECT id, lower(username) AS username FROM staff WHERE lower(username) = ANY($1::text[])"
_CUSTOMERS = """
SELECT id, lower(email) AS email, phone FROM customer
WHERE is_active AND (lower(email) = ANY($1::text[]) OR phone = ANY($2::text[])) ORDER BY id DESC
"""
_MAKE_CUSTOMERS = """
INSERT INTO customer (username, email, first_name, last_name, company_name, phone, phone_raw, created_at, do_not_call,
  do_not_text)
SELECT n.username, n.email, n.first_name, n.last_name, n.company_name, n.phone, n.phone_raw, n.placed_at,
  coalesce(s.do_not_call, false), coalesce(s.do_not_text, false)
FROM jsonb_to_recordset($1::jsonb) AS n(
  username text, email text, first_name text, last_name text, company_name text, phone text, phone_raw text,
  placed_at timestamptz
)
LEFT JOIN suppressed_number s ON s.phone = n.phone
RETURNING id, lower(email) AS email, phone
"""
_ORDERS = """
INSERT INTO orders (
  order_number, customer_id, source, status, takes_stock, sales_rep_id, delivery_name, delivery_company,
  delivery_email, delivery_phone, delivery_phone_raw, item_count, unit_count, subtotal, discount_amount, delivery_fee,
  total_amount, amount_paid, payment_method, payment_status, actor_kind, actor_id, actor_name, created_at, updated_at,
  confirmed_at, packed_at, shipped_at, delivered_at, cancelled_at
)
SELECT n.order_number, n.customer_id, 'import', n.status, false, n.sales_rep_id, n.name, n.company, n.email, n.phone,
  n.phone_raw, n.item_count, n.unit_count, n.subtotal, n.discount, n.fee, n.total, n.paid,
  CASE WHEN n.is_paid THEN 'cash' ELSE 'check' END, CASE WHEN n.is_paid THEN 'paid' ELSE 'unpaid' END,
  $2, $3, $4, n.placed_at, now(),
  CASE WHEN n.step >= 1 THEN n.placed_at END, CASE WHEN n.step >= 2 THEN n.placed_at END,
  CASE WHEN n.step >= 3 THEN n.placed_at END, CASE WHEN n.step >= 4 THEN n.placed_at END,
  CASE WHEN n.status = 'cancelled' THEN n.placed_at END
FROM jsonb_to_recordset($1::jsonb) AS n(
  order_number text, customer_id bigint, status text, sales_rep_id bigint, name text, company text, email text,
  phone text, phone_raw text, item_count int, unit_count int, subtotal numeric, discount numeric, fee numeric,
  total numeric, paid numeric, is_paid bool, placed_at timestamptz, step int
)
ON CONFLICT (order_number) DO NOTHING
RETURNING id, order_number
"""
_LINES = """
INSERT INTO order_item (order_id, position, product_id, product_name, product_sku, product_brand, product_unit_size,
  quantity, unit_price, line_total)
SELECT n.order_id, n.position, n.product_id, n.name, n.sku, n.brand, n.unit_size, n.quantity, n.unit_price, n.total
FROM jsonb_to_recordset($1::jsonb) AS n(
  order_id bigint, position int, product_id bigint, name text, sku text, brand text, unit_size text, quantity int,
  unit_price numeric, total numeric
)
"""
_EVENTS = """
WITH made AS (SELECT id, customer_id, status, amount_paid, created_at FROM orders WHERE id = ANY($1::bigint[])),
paid AS (
  INSERT INTO payment (order_id, customer_id, method, amount, applied_amount, note, actor_kind, actor_id, actor_name,
    created_at)
  SELECT id, customer_id, 'cash', amount_paid, amount_paid, 'imported as paid', $2, $3, $4, created_at
  FROM made WHERE amount_paid > 0
)
INSERT INTO order_event (order_id, kind, to_status, note, actor_kind, actor_id, actor_name, created_at)
SELECT id, 'placed', status, 'Imported', $2, $3, $4, created_at FROM made
"""
_STEP = {
    OrderStatus.CONFIRMED: 1,
    OrderStatus.PACKED: 2,
    OrderStatus.SHIPPED: 3,
    OrderStatus.DELIVERED: 4,
}


@dataclass(frozen=True, slots=True)
class OrderToWrite:
    """An order assembled from its rows. `lines` are SKU, description, quantity, unit price and total."""

    line: int
    order_number: str
    placed_at: datetime
    email: str | None
    phone: str | None
    phone_raw: str
    name: str
    company: str
    rep: str
    status: OrderStatus
    is_paid: bool
    subtotal: Decimal
    discount: Decimal
    fee: Decimal
    lines: Sequence[tuple[str, str, int, Decimal, Decimal]]


async def write_orders(
    db: AsyncSession, orders: Sequence[OrderToWrite], setting: Setting
) -> tuple[set[int], dict[int, dict[str, str]]]:
    """Write the orders. Returns the first lines of those that already exist, and of those with unknown names."""
    connection = await raw_connection(db)
    await connection.execute(_LOCK)
    rows = await connection.fetch(_KNOWN_NUMBERS, [order.order_number for order in orders])
    numbers = {row["order_number"] for row in rows}
    skipped = {order.line for order in orders if order.order_number in numbers}
    products, reps = await _find_named(connection, orders)
    bad = {
        order.line: faults
        for order in orders
        if order.line not in skipped and (faults := _find_unknown(order, products, reps))
    }
    wanted = [order for order in orders if order.line not in skipped and order.line not in bad]
    if not wanted:
        return skipped, bad
    owners = await _find_owners(connection, wanted, setting)
    actor = (setting.by.kind, setting.by.id, setting.by.name)
    shown = [_show(order, owners.get(order.line), reps) for order in wanted]
    made = await connection.fetch(_ORDERS, _json(shown), *actor)
    ids = {row["order_number"]: row["id"] for row in made}
    skipped |= {order.line for order in wanted if order.order_number not in ids}
    lines = [
        _show_line(ids[order.order_number], position, line, products)
        for order in wanted
        if order.order_number in ids
        for position, line in enumerate(order.lines, start=1)
    ]
    await connection.execute(_LINES, _json(lines))
    await connection.execute(_EVENTS, list(ids.values()), *actor)
    await connection.execute("SELECT announce('orders', $1)", str(max(ids.values(), default=0)))
    return skipped, bad


async def _find_named(
    connection: asyncpg.Connection, orders: Sequence[OrderToWrite]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the products by SKU and the colleagues by username that the orders name, in lower case."""
    skus = sorted({line[0].lower() for order in orders for line in order.lines if line[0]})
    names = sorted({order.rep.lower() for order in orders if order.rep})
    products = {row["sku"]: row for row in await connection.fetch(_PRODUCTS, skus)} if skus else {}
    reps = {row["username"]: row["id"] for row in await connection.fetch(_REPS, names)} if names else {}
    return products, reps


def _find_unknown(order: OrderToWrite, products: dict[str, Any], reps: dict[str, int]) -> dict[str, str]:
    faults = {}
    unknown = next((line[0] for line in order.lines if line[0] and line[0].lower() not in products), None)
    if unknown is not None:
        faults["sku"] = f"{unknown[:60]} is not one of our products"
    if order.rep and order.rep.lower() not in reps:
        faults["rep_username"] = f"{order.rep[:60]} is not one of our colleagues"
    return faults


async def _find_owners(
    connection: asyncpg.Connection, orders: Sequence[OrderToWrite], setting: Setting
) -> dict[int, int]:
    """Return the customer of each order by its first line: found by email, else by phone, else created."""
    emails = sorted({order.email for order in orders if order.email})
    phones = sorted({order.phone for order in orders if order.phone})
    by_email: dict[str, int] = {}
    by_phone: dict[str, int] = {}
    # The oldest customer of a shared phone comes last, and is used.
    for row in await connection.fetch(_CUSTOMERS, emails, phones):
        _remember(row, by_email, by_phone)
    new: dict[str, dict[str, Any]] = {}
    for order in orders:
        key = order.email or order.phone
        if key and _owner(order, by_email, by_phone) is None:
            first, _, last = order.name.partition(" ")
            new.setdefault(
                key,
                {
                    "username": order.email or f"{order.phone}-{new_code()}-{setting.run_id}-{order.line}",
                    "email": order.email, "first_name": first[:60], "last_name": last[:60],
                    "company_name": order.company, "phone": order.phone, "phone_raw": order.phone_raw,
                    "placed_at": min(each.placed_at for each in orders if (each.email or each.phone) == key),
                },
            )  # fmt: skip
    if new:
        for row in await connection.fetch(_MAKE_CUSTOMERS, _json(list(new.values()))):
            _remember(row, by_email, by_phone)
    owners = {order.line: _owner(order, by_email, by_phone) for order in orders}
    return {line: owner for line, owner in owners.items() if owner is not None}


def _remember(row: asyncpg.Record, by_email: dict[str, int], by_phone: dict[str, int]) -> None:
    if row["email"]:
        by_email[row["email"]] = row["id"]
    if row["phone"]:
        by_phone[row["phone"]] = row["id"]


def _owner(order: OrderToWrite, by_email: dict[str, int], by_phone: dict[str, int]) -> int | None:
    found = by_email.get(order.email) if order.email else None
    return found if found is not None or order.phone is None else by_phone.get(order.phone)


def _show(order: OrderToWrite, customer_id: int | None, reps: dict[str, int]) -> dict[str, Any]:
    total = max(order.subtotal - order.discount + order.fee, Decimal(0))
    is_cancelled = order.status is OrderStatus.CANCELLED
    is_paid = not is_cancelled and (order.is_paid or total == 0)
    return {
        "order_number": order.order_number, "customer_id": customer_id, "status": order.status,
        "sales_rep_id": reps.get(order.rep.lower()) if order.rep else None, "name": order.name or order.company,
        "company": order.company, "email": order.email, "phone": order.phone, "phone_raw": order.phone_raw,
        "item_count": len(order.lines), "unit_count": sum(line[2] for line in order.lines),
        "subtotal": order.subtotal, "discount": order.discount, "fee": order.fee, "total": total,
        "paid": total if is_paid else Decimal(0), "is_paid": is_paid, "placed_at": order.placed_at,
        "step": _STEP.get(order.status, 0),
    }  # fmt: skip


def _show_line(
    order_id: int, position: int, line: tuple[str, str, int, Decimal, Decimal], products: dict[str, Any]
) -> dict[str, Any]:
    sku, description, quantity, unit_price, total = line
    product = products.get(sku.lower()) if sku else None
    return {
        "order_id": order_id, "position": position, "product_id": product["id"] if product else None,
        "name": description or (product["name"] if product else ""), "sku": product["own_sku"] if product else "",
        "brand": product["brand"] if product else "", "unit_size": product["unit_size"] if product else "",
        "quantity": quantity, "unit_price": unit_price, "total": total,
    }  # fmt: skip


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()
