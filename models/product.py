"""Products and their images. The bytes of images are in a separate table that no read of products touches."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Column, Computed, Index, LargeBinary, Text
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import (
    Table,
    count,
    created,
    flag,
    key,
    link,
    moment,
    money,
    number,
    prefix_index,
    search_index,
    searched,
    text,
)

# Equal for all spellings of a barcode, as in domain/catalogue/barcodes.py.
BARCODE_KEY = "CASE WHEN barcode ~ '^0[0-9]{12}$' THEN substr(barcode, 2) ELSE lower(barcode) END"
SEARCHED = "lower(name || ' ' || sku || ' ' || brand || ' ' || description)"


class Product(Table, table=True):
    """A product. `stock_quantity` is null if stock is untracked, otherwise never negative."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("stock_quantity >= 0", name="stock_not_negative"),
        CheckConstraint("unit_price >= 0", name="unit_price_not_negative"),
        CheckConstraint("bulk_price >= 0", name="bulk_price_not_negative"),
        CheckConstraint("bulk_quantity > 0", name="bulk_quantity_positive"),
        CheckConstraint("cost_per_item >= 0", name="cost_not_negative"),
        Index("uq_product_sku_lower", sql("lower(sku)"), unique=True),
        Index("uq_product_barcode", "barcode_key", unique=True, postgresql_where=sql("barcode_key <> ''")),
        Index("ix_product_name_active", "name", "id", postgresql_where=sql("is_active")),
        Index("ix_product_category_name_active", "category_id", "name", "id", postgresql_where=sql("is_active")),
        Index("ix_product_updated_active", sql("updated_at DESC"), sql("id DESC"), postgresql_where=sql("is_active")),
        Index("ix_product_name", "name", "id"),
        Index("ix_product_category_name", "category_id", "name", "id"),
        # For the tab and the count of products without a picture, and of those without a cost.
        Index(
            "ix_product_no_picture",
            "name",
            "id",
            postgresql_where=sql("image_hash IS NULL AND coalesce(image_url, '') = ''"),
        ),
        Index("ix_product_no_cost", "name", "id", postgresql_where=sql("cost_per_item IS NULL")),
        # Small, so that counting the active products on every page of the shop reads few blocks.
        Index("ix_product_category_active", "category_id", postgresql_where=sql("is_active")),
        Index("ix_product_price", "unit_price", "id"),
        prefix_index("ix_product_name_prefix", "name"),
        prefix_index("ix_product_sku_prefix", "sku"),
        prefix_index("ix_product_bin_prefix", "bin_location"),
        search_index("ix_product_search"),
    )

    id: int = key()
    name: str
    description: str = text()
    category_id: int = link("category.id", index=False)
    sku: str
    brand: str = text()
    unit_size: str = text()
    unit_price: Decimal = money()
    bulk_price: Decimal | None = money(nullable=True)
    bulk_quantity: int | None = None
    cost_per_item: Decimal | None = money(nullable=True)
    in_stock: bool = flag(True)
    stock_quantity: int | None = None
    reorder_level: int | None = None
    image_url: str | None = text(nullable=True)
    image_hash: str | None = text(nullable=True)
    barcode: str = text()
    barcode_key: str = Field(default=None, sa_column=Column(Text, Computed(BARCODE_KEY, persisted=True)))
    bin_location: str = text()
    ship_weight_oz: Decimal | None = number(8, 2)
    ship_box_name: str = text()
    ship_box_length: Decimal | None = number(6, 2)
    ship_box_width: Decimal | None = number(6, 2)
    ship_box_height: Decimal | None = number(6, 2)
    is_customizable: bool = flag(False)
    is_active: bool = flag(True)
    archived_at: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()
    search_text: str = searched(SEARCHED, skips_ascii=True)
    version: int = count(1)


class ProductImage(Table, table=True):
    """An image in a product's gallery. The product also has the hash of the primary one."""

    __tablename__ = "product_image"
    __table_args__ = (
        Index("ix_product_image_product_order", "product_id", "sort_order", "id"),
        Index("uq_product_image_primary", "product_id", unique=True, postgresql_where=sql("is_primary")),
    )

    id: int = key()
    product_id: int = link("product.id", index=False, ondelete="CASCADE")
    sort_order: int = count()
    is_primary: bool = flag(False)
    content_type: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    created_at: datetime = created()


class ProductImageData(Table, table=True):
    """The bytes of one image and of its thumbnail (JPEG), which is made once."""

    __tablename__ = "product_image_data"

    image_id: int = Field(primary_key=True, foreign_key="product_image.id", ondelete="CASCADE")
    original: bytes = Field(sa_type=LargeBinary, nullable=False)
    thumbnail: bytes = Field(sa_type=LargeBinary, nullable=False)
