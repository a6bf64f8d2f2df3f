"""The use of box rules: the products in recent orders, and those of them without a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select

from domain.boxes.rules import BoxRuleRow, Reader, list_box_rules
from domain.kernel.clock import now
from domain.kernel.paging import Page, PageInput, make_page
from domain.orders.filters import ITEMS, ORDERS
from models import BoxRule, OrderStatus, Product, columns_of

PRODUCTS, RULES = columns_of(Product), columns_of(BoxRule)
WEEK, MONTH = timedelta(days=7), timedelta(days=30)


class RuleTab(StrEnum):
    """The tabs of the list: the rules, and the products without one."""

    RULES = "rules"
    WEEK = "week"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class UnruledRow:
    """A product without a rule: one unit per box, in the box named on the product, if any."""

    product_id: int
    product_name: str
    product_sku: str
    box_name: str
    length_in: Decimal | None
    width_in: Decimal | None
    height_in: Decimal | None
    ship_weight_oz: Decimal | None


@dataclass(frozen=True, slots=True)
class RuleList:
    """One tab's page, each tab's number of rows, and how many orders of 30 days contain each product of the page."""

    tab: RuleTab
    page: Page[BoxRuleRow] | Page[UnruledRow]
    counts: dict[RuleTab, int]
    orders: dict[int, int]


async def list_rules(db: Reader, tab: RuleTab, page: PageInput) -> RuleList:
    """Return a page of the tab sorted by product name, in a fixed number of statements."""
    rows = await list_box_rules(db, page) if tab is RuleTab.RULES else await _list_unruled(db, tab, page)
    counts = await _count_tabs(db)
    return RuleList(tab, rows, counts, await _count_orders(db, [row.product_id for row in rows.rows]))


def holds_since(since: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions for lines of orders placed since then and not cancelled."""
    return [ITEMS.order_id == ORDERS.id, ORDERS.created_at >= since, ORDERS.status != OrderStatus.CANCELLED]


async def _list_unruled(db: Reader, tab: RuleTab, page: PageInput) -> Page[UnruledRow]:
    conditions = _unruled(_ordered_this_week() if tab is RuleTab.WEEK else None)
    statement = (
        select(
            PRODUCTS.id,
            PRODUCTS.name,
            PRODUCTS.sku,
            PRODUCTS.ship_box_name,
            PRODUCTS.ship_box_length,
            PRODUCTS.ship_box_width,
            PRODUCTS.ship_box_height,
            PRODUCTS.ship_weight_oz,
        )
        .where(*conditions)
        .order_by(PRODUCTS.name, PRODUCTS.id)
        .limit(page.per_page)
        .offset(page.offset)
    )
    rows = [UnruledRow(*row) for row in await db.execute(statement)]
    total = await db.scalar(select(func.count()).select_from(PRODUCTS.id.table).where(*conditions))
    return make_page(rows, total or 0, page)


async def _count_tabs(db: Reader) -> dict[RuleTab, int]:
    rules = select(func.count()).select_from(RULES.id.table).scalar_subquery()
    week, every = (
        select(func.count()).select_from(PRODUCTS.id.table).where(*_unruled(used)).scalar_subquery()
        for used in (_ordered_this_week(), None)
    )
    row: Any = (await db.execute(select(rules, week, every))).one()
    return dict(zip(RuleTab, row, strict=True))


async def _count_orders(db: Reader, products: Sequence[int]) -> dict[int, int]:
    """Return how many orders of the last 30 days contain each of the products."""
    if not products:
        return {}
    statement = (
        select(ITEMS.product_id, func.count(ITEMS.order_id.distinct()).label("orders"))
        .where(*holds_since(now() - MONTH), ITEMS.product_id.in_(products))
        .group_by(ITEMS.product_id)
    )
    rows: Any = await db.execute(statement)
    return {row.product_id: row.orders for row in rows}


def _unruled(used: Subquery | None) -> list[ColumnElement[bool]]:
    """Return the conditions for products for sale without a rule."""
    conditions = [
        PRODUCTS.archived_at.is_(None),
        PRODUCTS.is_active,
        ~select(RULES.id).where(RULES.product_id == PRODUCTS.id).exists(),
    ]
    return conditions if used is None else [*conditions, PRODUCTS.id.in_(select(used.c.product_id))]


def _ordered_this_week() -> Subquery:
    return select(ITEMS.product_id).where(*holds_since(now() - WEEK)).distinct().subquery()
