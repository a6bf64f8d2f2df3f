"""Answers about stock; prices and costs are null for callers who may not see them."""

from api.schemas.base import Answer, MoneyOut
from domain.inventory.stock_list import StockLine
from domain.kernel.paging import Page


class StockLineOut(Answer):
    id: int
    name: str
    sku: str
    brand: str
    unit_size: str
    in_stock: bool
    unit_price: MoneyOut | None
    bulk_price: MoneyOut | None
    stock_quantity: int | None
    reorder_level: int | None
    barcode: str
    bin_location: str


class InventoryOut(Answer):
    products: list[StockLineOut]
    total: int
    page: int
    per_page: int
    pages: int


class SavedStockOut(Answer):
    success: bool = True
    product: StockLineOut


class ReceivedLineOut(StockLineOut):
    cost_per_item: MoneyOut | None


class ReceivedStockOut(Answer):
    success: bool = True
    product: ReceivedLineOut
    quantity: int
    level_before: int | None
    level_after: int


def show_inventory(page: Page[StockLine]) -> dict[str, object]:
    """A page with the contract's key names."""
    return {
        "products": page.rows,
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "pages": page.pages,
    }
