"""Save many edits of the office at once: each row succeeds or fails on its own."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.bulk import change_products
from domain.catalogue.bulk_rows import WantedChange, find_sent_id
from domain.catalogue.staff_products import UpdateProduct
from domain.kernel.actor import Actor
from domain.kernel.input_rows import STANDS_ALONE, BadRow, read_together
from domain.kernel.inputs import Id, Input
from models import StockReason

MOST_ROWS = 1_000
_NO_VALUES = frozenset({"id", "version"})


class BulkSaveRow(UpdateProduct):
    """A product by its id and the values to change; fields that are not sent stay as they are."""

    id: Id


class BulkSaveProducts(Input):
    """Up to 1,000 rows."""

    ROWS_ALONE = frozenset({"products"})

    products: Annotated[
        list[Annotated[BulkSaveRow, STANDS_ALONE]], read_together(BulkSaveRow), Field(max_length=MOST_ROWS)
    ]


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A row whose values are now stored; `is_changed` is False if they already were."""

    id: int
    sku: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not saved: its index in the request, from 0, the reason, and the field that caused it."""

    index: int
    id: int | None
    error: str
    fields: dict[str, str]


@dataclass(slots=True)
class SavedProducts:
    """The result of each row."""

    saved: list[SavedRow] = field(default_factory=list)
    errors: list[RefusedRow] = field(default_factory=list)


async def bulk_save_products(db: AsyncSession, data: BulkSaveProducts, *, by: Actor) -> SavedProducts:
    """Save many edits; an invalid row is reported and does not prevent the others from being saved."""
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    sent = cast(list[BulkSaveRow | BadRow], data.products)
    rows = [_want(row) for row in sent]
    await change_products(db, rows, reason=StockReason.COUNTED, with_archived=True, by=by)
    result = SavedProducts()
    for index, (row, asked) in enumerate(zip(rows, sent, strict=True)):
        if not row.error:
            result.saved.append(SavedRow(row.product_id or 0, row.sku or "", row.is_changed))
            continue
        fields = asked.fields if isinstance(asked, BadRow) else {row.field: row.error} if row.field else {}
        result.errors.append(RefusedRow(index, row.product_id, row.error, fields))
    return result


def _want(row: BulkSaveRow | BadRow) -> WantedChange:
    if isinstance(row, BadRow):
        return WantedChange(find_sent_id(row), None, {}, error=row.sentence)
    values = {name: getattr(row, name) for name in row.model_fields_set - _NO_VALUES}
    return WantedChange(row.id, None, values, version=row.version)
