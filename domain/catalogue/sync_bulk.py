"""Change thousands of products in one request of an external system: each row succeeds or fails on its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict, cast

from pydantic import Field, model_validator

from domain.access.rights import Right, may, require
from domain.catalogue.bulk import changing_products
from domain.catalogue.bulk_rows import ComingRows, WantedChange, find_sent_id
from domain.catalogue.fields import ImageUrlIn, ProductFields
from domain.catalogue.sync_create import create_unknown
from domain.kernel.actor import Actor
from domain.kernel.input_errors import bad_field
from domain.kernel.input_rows import STANDS_ALONE, BadRow, LaterRows, read_later
from domain.kernel.inputs import Id, Input, Text60
from domain.kernel.turns import in_turns
from domain.kernel.whole_numbers import is_possible_id
from models import StockReason
from models.session import Transaction

MOST_ROWS = 5_000
CHANGEABLE = (
    "name", "description", "brand", "unit_size", "unit_price", "bulk_price", "bulk_quantity", "in_stock", "image_url",
)  # fmt: skip
# What a row may change before the other rows are read: a picture is prepared before its product is locked.
_CHANGEABLE_AT_ONCE = frozenset(CHANGEABLE) - {"image_url"}
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

    products: Annotated[list[Annotated[SyncRow, STANDS_ALONE]], read_later(SyncRow), Field(max_length=MOST_ROWS)]


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


async def sync_bulk_update(db: Transaction, data: SyncBulkUpdate, *, by: Actor) -> BulkResult:
    """Change many products, and create those with unknown SKUs if the key may do so.

    An invalid row is reported and does not prevent the others from being applied.
    """
    require(by, Right.EDIT_PRODUCTS, "This key does not change the catalogue.")
    may_create = may(by, Right.CREATE_PRODUCTS)
    names = (*CHANGEABLE, "category_id") if may_create else CHANGEABLE
    sent, rows = cast(LaterRows, data.products), list[WantedChange]()

    async def read(start: int, end: int) -> Sequence[WantedChange]:
        async for turn in in_turns(range(start, end)):
            rows.extend(_want(row, names) for row in sent.read(turn[0], turn[-1] + 1))
        return rows[start:]

    named = _find_ahead(sent.sent, names)
    changing = ComingRows(*named, read) if named else await read(0, len(sent))
    async with changing_products(db, changing, reason=StockReason.SYNCED, with_archived=False, by=by):
        result = _sum_up(rows, set() if may_create else None)
        if not may_create:
            rows.clear()  # Freeing thousands of rows takes a millisecond, in which the database still writes.
    if may_create and result.errors:
        result = _sum_up(rows, await create_unknown(db, rows, by=by))
    return result


def _find_ahead(sent: Sequence[Any], names: Iterable[str]) -> tuple[list[int], frozenset[str]] | None:
    """Return the ids and the columns that the rows name, if the products can be locked before the rows are read."""
    if not all(type(row) is dict for row in sent):
        return None
    ids = [row.get("id") for row in sent]
    if not (set(map(type, ids)) == {int} and all(map(is_possible_id, ids)) and len(set(ids)) == len(ids)):
        return None
    columns = frozenset(names) & set[str]().union(*sent)
    return (ids, columns) if columns <= _CHANGEABLE_AT_ONCE else None


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
