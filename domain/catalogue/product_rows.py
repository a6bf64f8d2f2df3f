"""Rows of products as staff and programs list them, read from columns into a dataclass.

`in_stock` of a row says whether it can be sold now; `image_url` is the address of its image, ours or an external one.
"""

from dataclasses import fields
from typing import Any

from sqlalchemy import Select, and_, func, literal, select

from domain.catalogue.get_product import make_image_url
from models import Product

IS_AVAILABLE = and_(Product.in_stock, func.coalesce(Product.stock_quantity > 0, literal(True)))


def select_rows(kind: type) -> Select[Any]:
    """Select the columns that a dataclass of products names, and the hash for the address of the image."""
    names = [field.name for field in fields(kind)]
    columns = (IS_AVAILABLE.label(name) if name == "in_stock" else getattr(Product, name) for name in names)
    return select(*columns, Product.image_hash)


def read_values(kind: type, row: Any) -> dict[str, Any]:
    """Return the fields of the dataclass by name, from a row of `select_rows`."""
    *values, image_hash = row
    product = dict(zip((field.name for field in fields(kind)), values, strict=True))
    product["image_url"] = make_image_url(product["id"], image_hash, product["image_url"])
    return product
