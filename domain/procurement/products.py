"""The products that vendors sell us, with price range and lead time; prices are only for readers who may see costs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may, require
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled200, Id, Input, MoneyIn, Text60, Text200, Text2000
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.procurement.vendors import All, get_vendor, note_change
from models import AuditAction, Product, Vendor, VendorProduct

Reader = AsyncSession | AsyncConnection
Days = Annotated[float, Field(ge=0, le=3_650)]


class ListVendorProducts(NewestPageInput):
    """The filters of one vendor's list."""

    all: All = "0"
    """1 includes archived ones."""

    @property
    def shows_archived(self) -> bool:
        """True if archived ones are included."""
        return self.all in {"1", "true"}


class ListProcurementProducts(ListVendorProducts):
    """The filters of the list for all vendors."""

    category: Text200 | None = None
    """Only this category, ignoring case."""


class VendorProductFields(Input):
    """The fields of a vendor's product except its name."""

    category: Text200 | None = None
    description: Text2000 | None = None
    model_number: Text60 | None = None
    est_price_min: MoneyIn | None = None
    """The lowest price, in US dollars."""
    est_price_max: MoneyIn | None = None
    """The highest price, in US dollars."""
    lead_time_days: Days | None = None
    """Days from order to delivery, rounded to one decimal."""
    notes: Text2000 | None = None
    active: bool | None = None
    """False archives the product."""

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """Report a lowest price above the highest; a value that is not a number is a separate error."""
        prices = (sent.get("est_price_min"), sent.get("est_price_max"))
        numbers: list[Any] = [price for price in prices if isinstance(price, int | float | Decimal)]
        is_above = len(numbers) == len(prices) and numbers[0] > numbers[1]
        return super().find_faults(sent) | ({"est_price_min": "must not be above est_price_max"} if is_above else {})


class AddVendorProduct(VendorProductFields):
    """A new product of a vendor."""

    name: Filled200
    product_id: Id | None = None
    """The product of ours that it is, if any."""


class UpdateProcurementProduct(VendorProductFields):
    """The fields to change; missing ones stay unchanged."""

    name: Filled200 | None = None
    vendor_id: Id | None = None
    """The vendor to which it moves."""
    product_id: Id | None = None
    """The product of ours that it is."""
    version: int | None = None
    """The version that was read; the change is refused if it is no longer the current one."""


@dataclass(frozen=True, slots=True)
class VendorProductRow:
    """One product of a vendor. Prices are None for readers who may not see costs."""

    id: int
    vendor_id: int
    vendor_name: str
    product_id: int | None
    sku: str | None
    name: str
    category: str
    description: str
    model_number: str
    est_price_min: Decimal | None
    est_price_max: Decimal | None
    lead_time_days: Decimal | None
    notes: str
    active: bool
    version: int


_OTHER: dict[str, Any] = {"vendor_name": Vendor.name, "sku": Product.sku}
_COLUMNS: list[Any] = [
    _OTHER[field.name] if field.name in _OTHER else getattr(VendorProduct, field.name)
    for field in fields(VendorProductRow)
]
_SELECT: Select[Any] = (
    select(*_COLUMNS)
    .select_from(VendorProduct)
    .join(Vendor, Vendor.id == VendorProduct.vendor_id)
    .outerjoin(Product, Product.id == VendorProduct.product_id)
)


async def list_products(
    db: Reader, query: ListVendorProducts, *, visible_to: Actor, vendor_id: int | None = None
) -> Page[VendorProductRow]:
    """Return a page of products by name, of all vendors or one. Raises NotFound for an unknown vendor."""
    conditions: list[Any] = [] if query.shows_archived else [VendorProduct.active]
    if vendor_id is not None:
        await get_vendor(db, vendor_id)
        conditions.append(VendorProduct.vendor_id == vendor_id)
    elif not query.shows_archived:
        conditions.append(Vendor.active)
    if isinstance(query, ListProcurementProducts) and query.category:
        conditions.append(func.lower(VendorProduct.category) == query.category.lower())
    statement = _SELECT.where(*conditions).order_by(func.lower(VendorProduct.name), VendorProduct.id)
    rows = await db.execute(statement.limit(query.per_page).offset(query.offset))
    counted = select(func.count()).select_from(VendorProduct).join(Vendor).where(*conditions)
    total = await db.scalar(counted)
    return make_page([_show(VendorProductRow(*row), visible_to) for row in rows], total or 0, query)


async def get_product(db: Reader, product_id: int, *, visible_to: Actor) -> VendorProductRow:
    """Return one product of a vendor. Raises NotFound."""
    row = (await db.execute(_SELECT.where(VendorProduct.id == product_id))).first()
    if row is None:
        raise NotFound("There is no such procurement product.")
    return _show(VendorProductRow(*row), visible_to)


async def add_product(db: AsyncSession, vendor_id: int, data: AddVendorProduct, *, by: Actor) -> VendorProductRow:
    """Add a product to a vendor. Raises NotFound for an unknown vendor."""
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change vendors.")
    vendor = await get_vendor(db, vendor_id)
    await _check_links(db, None, data.product_id)
    product = VendorProduct(vendor_id=vendor_id, **_read(data))
    db.add(product)
    await db.flush()
    await note_change(
        db, AuditAction.VENDOR_PRODUCT_CREATED, vendor_id, vendor.name, {}, {"product": product.name}, by=by
    )
    return await get_product(db, product.id, visible_to=by)


async def update_product(
    db: AsyncSession, product_id: int, data: UpdateProcurementProduct, *, by: Actor
) -> VendorProductRow:
    """Change the fields that were sent, possibly moving it to another vendor.

    Raises NotFound, Refused with code `stale`, and InvalidInput if the lowest price would exceed the highest.
    """
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change vendors.")
    product = await _lock(db, product_id)
    if data.version is not None and data.version != product.version:
        raise await make_stale(
            db,
            "this product",
            record_kind="vendor",
            record_id=product.vendor_id,
            record_name=product.name,
            changed_at=product.updated_at,
            version=product.version,
        )
    await _check_links(db, data.vendor_id, data.product_id)
    changes = {name: value for name, value in _read(data).items() if getattr(product, name) != value}
    low = changes.get("est_price_min", product.est_price_min)
    high = changes.get("est_price_max", product.est_price_max)
    if low is not None and high is not None and low > high:
        field = "est_price_min" if "est_price_min" in changes else "est_price_max"
        raise refuse_fields({field: f"must not be {'above' if field.endswith('min') else 'below'} the other price"})
    if changes:
        before = {name: _plain(getattr(product, name)) for name in changes}
        for name, value in changes.items():
            setattr(product, name, value)
        product.updated_at, product.version = now(), product.version + 1
        await db.flush()
        after = {name: _plain(value) for name, value in changes.items()}
        await note_change(db, AuditAction.VENDOR_PRODUCT_UPDATED, product.vendor_id, product.name, before, after, by=by)
    return await get_product(db, product_id, visible_to=by)


async def delete_product(db: AsyncSession, product_id: int, *, by: Actor) -> None:
    """Delete a vendor's product. Raises NotFound."""
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change vendors.")
    product = await _lock(db, product_id)
    vendor_id, name = product.vendor_id, product.name
    await db.delete(product)
    await db.flush()
    await note_change(db, AuditAction.VENDOR_PRODUCT_DELETED, vendor_id, name, {"product": name}, {}, by=by)


def _show(row: VendorProductRow, reader: Actor) -> VendorProductRow:
    return row if may(reader, Right.SEE_COSTS) else replace(row, est_price_min=None, est_price_max=None)


def _read(data: VendorProductFields) -> dict[str, Any]:
    sent = data.model_dump(exclude_none=True, exclude={"version"})
    if "lead_time_days" in sent:
        sent["lead_time_days"] = Decimal(str(round(sent["lead_time_days"], 1)))
    return sent


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


async def _check_links(db: AsyncSession, vendor_id: int | None, product_id: int | None) -> None:
    """Raise InvalidInput for an unknown vendor or product."""
    wrong = {}
    if vendor_id is not None and await db.get(Vendor, vendor_id) is None:
        wrong["vendor_id"] = "is not one of our vendors"
    if product_id is not None and await db.get(Product, product_id) is None:
        wrong["product_id"] = "is not one of our products"
    if wrong:
        raise refuse_fields(wrong)


async def _lock(db: AsyncSession, product_id: int) -> VendorProduct:
    product = await db.get(VendorProduct, product_id, with_for_update=True, populate_existing=True)
    if product is None:
        raise NotFound("There is no such procurement product.")
    return product
