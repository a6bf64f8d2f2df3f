"""Answers about the catalogue, and a fast way to write those that the shop requests most."""

from collections.abc import Iterable
from typing import Any

import asyncpg
import orjson
from pydantic import Field

from api.schemas.base import Answer, MoneyOut
from domain.catalogue.get_product import SHOWN
from domain.kernel.paging import Page


class ListedProductOut(Answer):
    id: int
    name: str
    sku: str
    brand: str
    unit_price: MoneyOut
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    unit_size: str
    in_stock: bool


class ProductListOut(Answer):
    products: list[ListedProductOut]
    total: int
    pages: int
    current_page: int
    per_page: int


class CreatedProductOut(Answer):
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
    image_url: str | None = Field(description="Our own address of the picture, or one on the web")


class ProductOut(CreatedProductOut):
    in_stock: bool


class CategoryOut(Answer):
    id: int
    name: str
    description: str


class ListedCategoryOut(CategoryOut):
    product_count: int


class CreatedCategoryOut(Answer):
    success: bool = True
    category: CategoryOut


def show_product_list(page: Page[asyncpg.Record]) -> bytes:
    """A page of products, written in one pass: this is the busiest read."""
    return orjson.dumps(
        {
            "products": name_listed(page.rows),
            "total": page.total,
            "pages": page.pages,
            "current_page": page.page,
            "per_page": page.per_page,
        }
    )


def name_listed(rows: Iterable[asyncpg.Record]) -> list[dict[str, Any]]:
    """Products as dicts with named columns; a row may be longer than LISTED because its total comes last."""
    # Written out, since a dict of known names is made in less than half the time of one that is zipped together.
    return [
        {
            "id": id_,
            "name": name,
            "sku": sku,
            "brand": brand,
            "unit_price": unit_price,
            "bulk_price": bulk_price,
            "bulk_quantity": bulk_quantity,
            "unit_size": unit_size,
            "in_stock": in_stock,
        }
        for id_, name, sku, brand, unit_price, bulk_price, bulk_quantity, unit_size, in_stock, *_ in rows
    ]


def show_product(row: asyncpg.Record) -> bytes:
    """One product."""
    return orjson.dumps(dict(zip(SHOWN, row, strict=True)))
