"""The data of a product's page, in a fixed number of statements."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may
from domain.catalogue.categories import list_category_names
from domain.catalogue.product_sales import ProductSales, read_sales
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.money import format_money
from domain.kernel.paging import Page, PageInput
from domain.stock.ledger import MovementRow, list_movements
from models import AuditAction, AuditEntry, Category, Product

MOST_ENTRIES = 30
LEDGER_ROWS = 10

Reader = AsyncSession | AsyncConnection

FIELD_LABELS = {
    "name": "Name",
    "description": "Description",
    "category_id": "Category",
    "sku": "SKU",
    "brand": "Brand",
    "unit_size": "Unit size",
    "unit_price": "Unit price",
    "bulk_price": "Bulk price",
    "bulk_quantity": "Bulk from",
    "cost_per_item": "Cost",
    "in_stock": "Can be sold",
    "reorder_level": "Reorder level",
    "image_url": "Picture’s address",
    "barcode": "Barcode",
    "bin_location": "Bin",
    "ship_weight_oz": "Shipping weight",
    "ship_box_name": "Box",
    "ship_box_length": "Box length",
    "ship_box_width": "Box width",
    "ship_box_height": "Box height",
    "is_customizable": "Customizable",
    "is_active": "Shown in the shop",
    "picture": "Picture",
}
ADDED = "Product added"
_AMOUNTS = frozenset({"unit_price", "bulk_price", "cost_per_item"})


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """A product as colleagues see it; the cost is None for those who may not see costs."""

    id: int
    name: str
    description: str
    category_id: int
    category_name: str
    sku: str
    brand: str
    unit_size: str
    unit_price: Decimal
    bulk_price: Decimal | None
    bulk_quantity: int | None
    cost_per_item: Decimal | None
    in_stock: bool
    stock_quantity: int | None
    reorder_level: int | None
    image_url: str | None
    image_hash: str | None
    barcode: str
    bin_location: str
    ship_weight_oz: Decimal | None
    ship_box_name: str
    ship_box_length: Decimal | None
    ship_box_width: Decimal | None
    ship_box_height: Decimal | None
    is_customizable: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_available(self) -> bool:
        """True if the shop sells it now."""
        return self.is_active and self.in_stock and self.stock_quantity != 0


@dataclass(frozen=True, slots=True)
class ProductEvent:
    """One entry of the product's timeline: old and new value and who changed it; a new product has no values."""

    what: str
    before: Any
    after: Any
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ProductPage:
    """The data of a product's page."""

    product: ProductDetail
    categories: list[tuple[int, str]]
    movements: Page[MovementRow]
    sales: ProductSales
    timeline: list[ProductEvent]


_DETAIL = select(
    *(
        Category.name.label(name) if name == "category_name" else getattr(Product, name)
        for name in ProductDetail.__dataclass_fields__
    )
).join(Category, Category.id == Product.category_id)


async def get_product_page(
    db: Reader, product_id: int, *, visible_to: Actor, timezone: tzinfo, ledger_page: int = 1
) -> ProductPage:
    """Return the data of a product's page, active or not. Raises NotFound."""
    product = await get_product_detail(db, product_id, visible_to=visible_to)
    categories = await list_category_names(db)
    return ProductPage(
        product=product,
        categories=categories,
        movements=await list_movements(
            db, product_id, PageInput(page=ledger_page, per_page=LEDGER_ROWS), visible_to=visible_to
        ),
        sales=await read_sales(db, product_id, timezone=timezone),
        timeline=await _list_timeline(db, product_id, dict(categories), visible_to=visible_to),
    )


async def get_product_detail(db: Reader, product_id: int, *, visible_to: Actor) -> ProductDetail:
    """Return one product, active or not. Raises NotFound."""
    row = (await db.execute(_DETAIL.where(Product.id == product_id))).first()
    if row is None:
        raise NotFound("There is no such product.")
    values = dict(row._mapping)  # noqa: SLF001 -- the public name of a row's mapping begins with an underscore.
    if not may(visible_to, Right.SEE_COSTS):
        values["cost_per_item"] = None
    return ProductDetail(**values)


async def _list_timeline(
    db: Reader, product_id: int, categories: dict[int, str], *, visible_to: Actor
) -> list[ProductEvent]:
    rows = await db.execute(
        select(AuditEntry.action, AuditEntry.before, AuditEntry.after, AuditEntry.actor_name, AuditEntry.created_at)
        .where(AuditEntry.record_kind == "product", AuditEntry.record_id == product_id)
        .order_by(AuditEntry.id.desc())
        .limit(MOST_ENTRIES)
    )
    hidden = set() if may(visible_to, Right.SEE_COSTS) else {"cost_per_item"}
    timeline = []
    for action, before, after, who, at in rows:
        if action == AuditAction.PRODUCT_CREATED:
            timeline.append(ProductEvent(ADDED, None, None, who, at))
            continue
        old, new = before or {}, after or {}
        timeline += [
            ProductEvent(
                label, _in_words(name, old.get(name), categories), _in_words(name, new[name], categories), who, at
            )
            for name, label in FIELD_LABELS.items()
            if name in new and name not in hidden
        ]
    return timeline


def _in_words(name: str, value: Any, categories: dict[int, str]) -> Any:
    """Return a stored value as the timeline shows it; for long texts it only says that they changed."""
    if name == "description":
        return None
    if name == "category_id" and value is not None:
        return categories.get(value, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_money(Decimal(value)) if name in _AMOUNTS and value is not None else value
