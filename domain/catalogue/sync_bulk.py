"""Change thousands of products in one request of an external system: each row succeeds or fails on its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypedDict, cast

from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.catalogue.bulk import changing_products
from domain.catalogue.bulk_rows import WantedChange, find_sent_id
from domain.catalogue.fields import ImageUrlIn, ProductFields
from domain.catalogue.sync_create import create_unknown
from domain.kernel.actor import Actor
from domain.kernel.input_errors import bad_field
from domain.kernel.input_rows import STANDS_ALONE, BadRow, read_together
from domain.kernel.inputs import Id, Input, Text60
from domain.kernel.turns import in_turns
from models import StockReason

MOST_ROWS = 5_000
CHANGEABLE = (
    "name", "description", "brand", "unit_size", "unit_price", "bulk_price", "bulk_quantity", "in_stock", "image_url",
)  # fmt: skip
SAME = "nothing changed"


class SyncRow(ProductFields):
    """One product by its id or SKU, and the values to change; fields that are not sent stay as they are."""

    id: Id | None = None
    sku: Text60 | None = None
    in_stock: bool | None = None
    image_url: ImageUrlIn = None
    category_id: Id | None = None
    """Only used with keys that may create products, for which it is required; other keys do not change the category."""

    @model_validator(mode="after")
    def _check_named(self) -> "SyncRow":
        if self.id is None and not self.sku:
            raise bad_field("is required if there is no id", field="sku")
        return self


class SyncBulkUpdate(Input):
    """Up to 5,000 rows."""

    ROWS_ALONE = frozenset({"products"})

    products: Annotated[list[Annotated[SyncRow, STANDS_ALONE]], read_together(SyncRow), Field(max_length=MOST_ROWS)]


# The results of rows are dicts: thousands are created and written as JSON, which takes far longer for objects.
class NamedRow(TypedDict):
    """A row that was applied."""

    id: int
    sku: str


class SkippedRow(NamedRow):
    """A row whose values were already stored."""

    reason: str


class FailedRow(TypedDict):
    """A row that was refused, with its index in the request, from 0."""

    index: int
    id: int | None
    sku: str | None
    error: str


@dataclass(slots=True)
class BulkResult:
    """The result of each row; `created` is None for a key that may not create products."""

    created: list[NamedRow] | None = None
    updated: list[NamedRow] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)
    errors: list[FailedRow] = field(default_factory=list)


async def sync_bulk_update(db: AsyncSession, data: SyncBulkUpdate, *, by: Actor) -> BulkResult:
    """Change many products, and create those with unknown SKUs if the key may do so.

    An invalid row is reported and does not prevent the others from being applied.
    """
    require(by, Right.EDIT_PRODUCTS, "This key does not change the catalogue.")
    may_create = may(by, Right.CREATE_PRODUCTS)
    names = (*CHANGEABLE, "category_id") if may_create else CHANGEABLE
    sent = cast(list[SyncRow | BadRow], data.products)
    rows = [_want(row, names) async for piece in in_turns(sent) for row in piece]
    async with changing_products(db, rows, reason=StockReason.SYNCED, with_archived=False, by=by):
        result = _sum_up(rows, set() if may_create else None)
    if may_create and result.errors:
        result = _sum_up(rows, await create_unknown(db, rows, by=by))
    return result


def _sum_up(rows: Sequence[WantedChange], created: set[int] | None) -> BulkResult:
    """Return the result of each row; `created` has the indexes of rows that created a product, or is None."""
    result = BulkResult(created=None if created is None else [])
    for index, row in enumerate(rows):
        if row.error:
            result.errors.append({"index": index, "id": row.product_id, "sku": row.sku, "error": row.error})
        elif created and index in created and result.created is not None:
            result.created.append({"id": row.product_id or 0, "sku": row.sku or ""})
        elif row.is_changed:
            result.updated.append({"id": row.product_id or 0, "sku": row.sku or ""})
        else:
            result.skipped.append({"id": row.product_id or 0, "sku": row.sku or "", "reason": SAME})
    return result


def _want(row: SyncRow | BadRow, names: tuple[str, ...]) -> WantedChange:
    if isinstance(row, BadRow):
        return WantedChange(find_sent_id(row), row.get("sku", str), {}, error=row.sentence)
    read, sent = vars(row), row.model_fields_set
    return WantedChange(row.id, row.sku, {name: read[name] for name in names if name in sent})
