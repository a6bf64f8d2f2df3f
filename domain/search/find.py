"""Finds orders, customers, phone numbers and SKUs by a few letters, for the search field and the new order page.

Three or more letters match anywhere in the text, fewer only at its beginning. Every lookup uses an index.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from domain.access.own_orders import may_be_seen_by
from domain.access.rights import Right, may
from domain.access.tokens import spell_order_number
from domain.catalogue.barcodes import match_barcode
from domain.kernel.actor import Actor
from domain.kernel.texts import as_search_pattern
from domain.orders.filters import ORDERS, OrderFilters
from domain.orders.queries import OrderRow, Reader, find_conditions, list_rows, sees_money
from models import Customer, Product, columns_of

CUSTOMERS = columns_of(Customer)
PRODUCTS = columns_of(Product)
MOST_FOUND = 8
# Candidates read before sorting: enough to find the best, few enough to be quick.
MOST_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """A customer in search results."""

    id: int
    company_name: str
    name: str
    phone: str | None
    email: str | None
    city: str
    state: str
    payment_terms: str


@dataclass(frozen=True, slots=True)
class FoundProduct:
    """A product in search results. Prices are None for readers who may not see money."""

    id: int
    name: str
    sku: str
    brand: str
    unit_size: str
    unit_price: Decimal | None
    bulk_price: Decimal | None
    bulk_quantity: int | None
    stock_quantity: int | None
    is_in_stock: bool
    bin_location: str
    image_hash: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a search, a few of each kind."""

    orders: Sequence[OrderRow]
    customers: Sequence[FoundCustomer]
    products: Sequence[FoundProduct]


_IS_IN_STOCK = and_(PRODUCTS.in_stock, func.coalesce(PRODUCTS.stock_quantity, 1) > 0)
_SELECT_PRODUCTS = select(
    *(_IS_IN_STOCK if part.name == "is_in_stock" else PRODUCTS[part.name] for part in fields(FoundProduct))
)
_PRICES = ("unit_price", "bulk_price", "bulk_quantity")


async def search_everything(db: Reader, text: str, *, visible_to: Actor, timezone: tzinfo) -> Found:
    """Return orders, customers and products that match the text, among those the actor may see."""
    text = text.strip()
    if not text:
        return Found([], [], [])
    filters = OrderFilters(search=text[:200], per_page=MOST_FOUND)
    conditions = await find_conditions(db, filters, visible_to=visible_to, timezone=timezone)
    return Found(
        orders=await list_rows(db, filters, conditions, visible_to=visible_to),
        customers=await find_customers(db, text, visible_to=visible_to),
        products=await find_products(db, text, visible_to=visible_to),
    )


async def find_order_number(db: Reader, text: str, *, visible_to: Actor) -> str | None:
    """Return the order number if the text is exactly one, with or without its hyphens; otherwise None."""
    if not text.strip() or len(text) > 60:
        return None
    own = may_be_seen_by(visible_to)
    which = ORDERS.order_number.in_(spell_order_number(text))
    found = await db.execute(select(ORDERS.order_number).where(which if own is None else and_(which, own)).limit(1))
    return found.scalar_one_or_none()


async def find_customers(db: Reader, text: str, *, visible_to: Actor, most: int = MOST_FOUND) -> list[FoundCustomer]:
    """Return active customers by company, name, phone or email; those that begin with the text come first."""
    if not may(visible_to, Right.SEE_CUSTOMERS) or not text.strip():
        return []
    condition, begins = _matches(CUSTOMERS.search_text, func.lower(CUSTOMERS.company_name), text)
    candidates = (
        select(CUSTOMERS.id, CUSTOMERS.company_name, begins.label("begins"))
        .where(condition, CUSTOMERS.is_active)
        .limit(MOST_CANDIDATES)
        .subquery()
    )
    best = (
        select(candidates.c.id)
        .order_by(candidates.c.begins.desc(), func.lower(candidates.c.company_name), candidates.c.id)
        .limit(most)
    )
    rows = await db.execute(
        select(
            CUSTOMERS.id,
            CUSTOMERS.company_name,
            func.trim(CUSTOMERS.first_name + " " + CUSTOMERS.last_name),
            CUSTOMERS.phone,
            CUSTOMERS.email,
            CUSTOMERS.shipping_city,
            CUSTOMERS.shipping_state,
            CUSTOMERS.payment_terms,
        )
        .where(CUSTOMERS.id.in_(best))
        .order_by(begins.desc(), func.lower(CUSTOMERS.company_name), CUSTOMERS.id)
    )
    return [FoundCustomer(*row) for row in rows]


async def find_products(db: Reader, text: str, *, visible_to: Actor, most: int = MOST_FOUND) -> list[FoundProduct]:
    """Return active products by SKU, barcode or words of the name; an exact SKU first, then those beginning with it."""
    wanted = text.strip().lower()
    if not wanted:
        return []
    condition, begins = _matches(PRODUCTS.search_text, func.lower(PRODUCTS.name), text)
    is_code = or_(func.lower(PRODUCTS.sku) == wanted, match_barcode(wanted))
    sku_begins = func.lower(PRODUCTS.sku).startswith(wanted, autoescape=True)
    rank = case((is_code, 0), (sku_begins, 1), (begins, 2), else_=3)
    if len(wanted) < 3:
        condition = or_(condition, sku_begins)
    statement = (
        _SELECT_PRODUCTS.where(or_(condition, is_code), PRODUCTS.is_active)
        .order_by(rank, PRODUCTS.name, PRODUCTS.id)
        .limit(most)
    )
    return await _read_products(db, statement, visible_to)


async def list_first_products(db: Reader, *, visible_to: Actor, most: int = MOST_FOUND) -> list[FoundProduct]:
    """Return the first active products by name, to choose from before a search."""
    statement = _SELECT_PRODUCTS.where(PRODUCTS.is_active).order_by(PRODUCTS.name, PRODUCTS.id).limit(most)
    return await _read_products(db, statement, visible_to)


async def list_products_by_sku(db: Reader, skus: Sequence[str], *, visible_to: Actor) -> dict[str, FoundProduct]:
    """Return the active products with these SKUs, by their SKU in lower case."""
    wanted = {sku.strip().lower() for sku in skus}
    if not wanted:
        return {}
    statement = _SELECT_PRODUCTS.where(func.lower(PRODUCTS.sku).in_(sorted(wanted)), PRODUCTS.is_active)
    return {product.sku.lower(): product for product in await _read_products(db, statement, visible_to)}


async def _read_products(db: Reader, statement: Select[Any], reader: Actor) -> list[FoundProduct]:
    found = [FoundProduct(*row) for row in await db.execute(statement)]
    if sees_money(reader):
        return found
    hidden: dict[str, Any] = dict.fromkeys(_PRICES)
    return [replace(product, **hidden) for product in found]


def _matches(
    searched: ColumnElement[str], first: ColumnElement[str], text: str
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the condition that a text matches, and the condition that it matches at the beginning."""
    wanted = text.strip().lower()
    begins = first.startswith(wanted, autoescape=True)
    digits = re.sub(r"\D", "", wanted)
    if len(digits) >= 3 and re.fullmatch(r"[\d\s().+-]+", wanted):
        return searched.like(f"%{digits.removeprefix('1') if len(digits) == 11 else digits}%"), begins
    if len(re.sub(r"\W", "", wanted)) < 3:
        return begins, begins
    words = as_search_pattern(wanted).split()
    return and_(*(searched.like(f"%{word}%") for word in words)), begins
