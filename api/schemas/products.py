"""Answers about products for the office; prices and costs are null for callers who may not see them."""

from api.schemas.base import Answer, MoneyOut
from domain.catalogue.staff_products import StaffProduct
from domain.kernel.paging import Page


class StaffProductOut(Answer):
    id: int
    name: str
    description: str
    category_id: int
    sku: str
    unit_price: MoneyOut | None
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    unit_size: str
    brand: str
    image_url: str | None
    in_stock: bool
    stock_quantity: int | None
    cost_per_item: MoneyOut | None
    ship_weight_oz: MoneyOut | None
    ship_box_name: str
    ship_box_length: MoneyOut | None
    ship_box_width: MoneyOut | None
    ship_box_height: MoneyOut | None
    is_customizable: bool
    is_active: bool
    reorder_level: int | None
    barcode: str
    bin_location: str
    version: int


class StaffProductListOut(Answer):
    products: list[StaffProductOut]
    total: int
    pages: int
    current_page: int
    per_page: int


class SavedStaffProductOut(Answer):
    success: bool = True
    product: StaffProductOut


class SavedImageOut(SavedStaffProductOut):
    image_url: str | None


class GalleryPictureOut(Answer):
    id: int
    image_url: str
    sort_order: int
    is_primary: bool
    width: int
    height: int


class GalleryOut(Answer):
    images: list[GalleryPictureOut]


class AddedGalleryImageOut(SavedStaffProductOut):
    image: GalleryPictureOut


class SavedRowOut(Answer):
    id: int
    sku: str
    is_changed: bool


class RefusedRowOut(Answer):
    index: int
    id: int | None
    error: str
    fields: dict[str, str]


class SavedProductsOut(Answer):
    saved: list[SavedRowOut]
    errors: list[RefusedRowOut]


class DeletedProductOut(Answer):
    success: bool = True
    message: str


class UploadedImageOut(Answer):
    success: bool = True
    image_url: str


def show_staff_products(page: Page[StaffProduct]) -> dict[str, object]:
    """A page with the contract's key names."""
    return {
        "products": page.rows,
        "total": page.total,
        "pages": page.pages,
        "current_page": page.page,
        "per_page": page.per_page,
    }
