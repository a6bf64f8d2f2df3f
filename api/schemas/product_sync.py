"""Answers for outside systems that sync the catalogue."""

import orjson

from api.schemas.base import Answer, MoneyOut
from domain.catalogue.sync_bulk import BulkResult
from domain.catalogue.sync_reads import SyncProduct
from domain.kernel.paging import Page


class SyncProductOut(Answer):
    id: int
    name: str
    description: str
    category_id: int
    sku: str
    unit_price: MoneyOut
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    unit_size: str
    brand: str
    image_url: str | None
    in_stock: bool
    stock_quantity: int | None
    is_active: bool


class SyncProductListOut(Answer):
    total: int
    page: int
    per_page: int
    pages: int
    products: list[SyncProductOut]


class SyncOneProductOut(Answer):
    product: SyncProductOut


class SyncSavedProductOut(Answer):
    success: bool = True
    product: SyncProductOut


class SyncCreatedProductOut(SyncSavedProductOut):
    """The same for a created product."""


class SyncSavedImageOut(SyncSavedProductOut):
    image_url: str | None


class SyncUpdatedRowOut(Answer):
    id: int
    sku: str


class SyncSkippedRowOut(SyncUpdatedRowOut):
    reason: str


class SyncFailedRowOut(Answer):
    index: int
    id: int | None
    sku: str | None
    error: str


class SyncBulkOut(Answer):
    success: bool = True
    updated_count: int
    skipped_count: int
    error_count: int
    updated: list[SyncUpdatedRowOut]
    skipped: list[SyncSkippedRowOut]
    errors: list[SyncFailedRowOut]
    created_count: int | None = None
    """Number of created products; omitted for keys that may not create."""
    created: list[SyncUpdatedRowOut] | None = None
    """The created products; omitted for keys that may not create."""


def show_sync_page(page: Page[SyncProduct]) -> dict[str, object]:
    """A page with the contract's key names."""
    return {
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "pages": page.pages,
        "products": page.rows,
    }


def show_bulk_result(result: BulkResult) -> bytes:
    """The results of thousands of rows, written in one pass."""
    created = {} if result.created is None else {"created_count": len(result.created), "created": result.created}
    return orjson.dumps(
        {
            "success": True,
            "updated_count": len(result.updated),
            "skipped_count": len(result.skipped),
            "error_count": len(result.errors),
            "updated": result.updated,
            "skipped": result.skipped,
            "errors": result.errors,
            **created,
        }
    )
