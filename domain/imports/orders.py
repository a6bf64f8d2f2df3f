"""Imports historical orders: date, rep and customer are kept; no stock, emails or terms are involved.

Rows with the same number are one order. A number that already exists is skipped, so that a file can be imported again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.typed import read_phone
from domain.imports.customers import read_email
from domain.imports.kinds import BadRow, Cells, Field, ImportKind, Outcome, Record, Setting, register_kind
from domain.imports.order_rows import OrderToWrite, write_orders
from domain.imports.read_cells import EARLIEST, drop_decimals, read_amount, read_day, read_moment
from domain.kernel.clock import business_date, now, start_of_business_day
from domain.kernel.money import MOST_MONEY, ZERO, round_half_up
from domain.kernel.texts import clean_text
from domain.kernel.whole_numbers import read_whole
from models import OrderStatus, PaymentStatus

LONGEST_NUMBER = 40
MOST_QUANTITY = 100_000
# Only characters that need no encoding in a URL.
_NUMBER = re.compile(rf"[A-Z0-9](?:[A-Z0-9 ._-]{{0,{LONGEST_NUMBER - 2}}}[A-Z0-9._-])?", re.ASCII)
_PAID = {PaymentStatus.PAID, PaymentStatus.UNPAID}
FIELDS = (
    Field("order_number", "Order number", ("order", "number", "order_no", "invoice"), True, "A-1001"),
    Field("order_date", "Order date", ("date", "ordered", "ordered_at", "created_at"), True, "2024-03-18"),
    Field("customer_email", "Customer: email", ("email", "e_mail"), example="kim@kitchen.example"),
    Field("customer_phone", "Customer: phone", ("phone", "tel", "telephone"), example="(216) 555-0148"),
    Field("customer_name", "Customer: name", ("name", "contact"), example="Kim Okafor"),
    Field("company", "Company", ("company_name", "business"), example="Kim’s Kitchen"),
    Field("sku", "SKU", ("product_sku", "item", "article"), example=""),
    Field("description", "Description", ("product", "product_name", "item_name"), example="Sheet pan, full size"),
    Field("quantity", "Quantity", ("qty", "units", "amount"), True, "12"),
    Field("unit_price", "Unit price", ("price", "rate"), True, "16.50"),
    Field("discount", "Discount", ("discount_amount",), example="0.00"),
    Field("delivery_fee", "Delivery fee", ("delivery", "shipping", "freight"), example="25.00"),
    Field("rep_username", "Sales rep", ("rep", "sales_rep"), example=""),
    Field("status", "Status", ("order_status",), example="delivered"),
    Field("payment_status", "Payment", ("paid",), example="paid"),
)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row: a line, with its data about the order."""

    order_number: str
    placed_at: datetime
    email: str | None
    phone: str | None
    phone_raw: str
    name: str
    company: str
    sku: str
    description: str
    quantity: int
    unit_price: Decimal
    discount: Decimal | None
    delivery_fee: Decimal | None
    rep: str
    status: OrderStatus
    payment_status: PaymentStatus


def _read_placed(cell: str, timezone: tzinfo) -> datetime | None:
    """Return when an order was placed: for a date, noon of that day, or for today before noon the start of the day."""
    at, present = read_moment(cell, timezone), now()
    today = business_date(present, timezone)
    if at is not None and at > present and read_day(cell.strip()) == today:
        return start_of_business_day(today, timezone)
    return at


def read_order_row(cells: Cells, setting: Setting) -> OrderRow:
    """Read one row of the file. Raises BadRow naming everything that is wrong."""
    cells = {name: clean_text(cell) for name, cell in cells.items()}
    faults: dict[str, str] = {}
    number = cells.get("order_number", "").upper()
    if not _NUMBER.fullmatch(number):
        faults["order_number"] = f"must have 1 to {LONGEST_NUMBER} letters, digits, spaces, dots and hyphens"
    placed_at = _read_placed(cells.get("order_date", ""), setting.timezone)
    if placed_at is None or placed_at.date() < EARLIEST:
        faults["order_date"] = "must be a date like 2024-03-18"
    elif placed_at > now():
        faults["order_date"] = "is in the future"
    email = read_email(cells.get("customer_email", ""), faults, "customer_email")
    phone, raw = read_phone(drop_decimals(cells["customer_phone"])) if cells.get("customer_phone") else (None, "")
    if not cells.get("sku") and not cells.get("description"):
        faults["description"] = "is required if there is no SKU"
    quantity = _read_quantity(cells.get("quantity", ""), faults)
    money = {name: _read_money(cells, name, faults) for name in ("unit_price", "discount", "delivery_fee")}
    if money["unit_price"] is None and "unit_price" not in faults:
        faults["unit_price"] = "is missing"
    status = _read_word(cells, "status", OrderStatus, OrderStatus.DELIVERED, faults)
    payment = _read_word(cells, "payment_status", PaymentStatus, PaymentStatus.PAID, faults)
    if payment not in _PAID:
        faults["payment_status"] = "must be paid or unpaid"
    if faults or placed_at is None:
        raise BadRow(faults)
    return OrderRow(
        number, placed_at, email, phone, raw, cells.get("customer_name", "")[:200], cells.get("company", "")[:200],
        cells.get("sku", ""), cells.get("description", "")[:200], quantity, money["unit_price"] or ZERO,
        money["discount"], money["delivery_fee"], cells.get("rep_username", ""), status, payment,
    )  # fmt: skip


def _read_quantity(text: str, faults: dict[str, str]) -> int:
    whole = read_whole(text.removesuffix(".0").removesuffix(".00").replace(",", ""), most=MOST_QUANTITY)
    if not whole:
        faults["quantity"] = f"must be a whole number from 1 to {MOST_QUANTITY:,}"
        return 0
    return whole


def _read_money(cells: Cells, name: str, faults: dict[str, str]) -> Decimal | None:
    text = cells.get(name, "")
    if not text:
        return None
    amount = read_amount(text)
    if amount is None:
        faults[name] = "must be an amount like 16.50"
    return amount


def _read_word(cells: Cells, name: str, words: Any, default: Any, faults: dict[str, str]) -> Any:
    text = cells.get(name, "").lower().replace(" ", "_")
    if not text:
        return default
    if text not in set(words):
        faults[name] = f"must be one of {', '.join(words)}"
        return default
    return words(text)


async def write_historical_orders(db: AsyncSession, records: Sequence[Record], setting: Setting) -> Outcome:
    """Write the orders whose number is new, with customers, lines and payments, in a fixed number of statements."""
    orders: list[OrderToWrite] = []
    bad: dict[int, dict[str, str]] = {}
    for record in records:
        made = _put_together(record)
        if isinstance(made, dict):
            bad[record.lines[0]] = made
        else:
            orders.append(made)
    skipped, refused = await write_orders(db, orders, setting)
    return Outcome(skipped=frozenset(skipped), bad=bad | refused)


def _put_together(record: Record) -> OrderToWrite | dict[str, str]:
    """Return the order that the rows describe; data about the whole order is taken from the first row that has it.

    Otherwise return what is wrong with it.
    """
    rows: Sequence[OrderRow] = record.rows
    first = rows[0]
    if not any(row.email or row.phone or row.name or row.company for row in rows):
        return {"customer_name": "or a company, an email or a valid phone is needed"}
    totals = [round_half_up(row.unit_price * row.quantity) for row in rows]
    subtotal = sum(totals, ZERO)
    discount = next((row.discount for row in rows if row.discount is not None), ZERO)
    fee = next((row.delivery_fee for row in rows if row.delivery_fee is not None), ZERO)
    if discount > subtotal:
        return {"discount": "is more than the total of the lines"}
    if subtotal + fee > MOST_MONEY:
        return {"unit_price": "makes the order exceed the largest possible amount"}
    return OrderToWrite(
        line=record.lines[0],
        order_number=first.order_number,
        placed_at=first.placed_at,
        email=next((row.email for row in rows if row.email), None),
        phone=next((row.phone for row in rows if row.phone), None),
        phone_raw=first.phone_raw,
        name=next((row.name for row in rows if row.name), ""),
        company=next((row.company for row in rows if row.company), ""),
        rep=next((row.rep for row in rows if row.rep), ""),
        status=first.status,
        is_paid=first.payment_status is PaymentStatus.PAID,
        subtotal=subtotal,
        discount=discount,
        fee=fee,
        lines=[
            (row.sku, row.description, row.quantity, row.unit_price, total)
            for row, total in zip(rows, totals, strict=True)
        ],
    )


ORDERS = register_kind(
    ImportKind(
        name="orders",
        noun="historical orders",
        fields=FIELDS,
        read=read_order_row,
        write=write_historical_orders,
        group_by="order_number",
        batch=300,
        back_url="/portal/orders",
    )
)
