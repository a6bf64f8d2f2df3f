"""The fields of a product as input, defined once: forms, staff, sync, CSV files.

Each input model is composed of these groups. All fields are optional here; an input that requires one redefines it.
"""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from domain.boxes.measures import MOST_INCHES, MOST_OUNCES, measure_schema
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Code60, Count, Filled200, FilledCode60, Id, Input, MoneyIn, Text60, Text20000
from domain.kernel.texts import is_unseen

LONGEST_URL = 2_000
# An image of 12 MB in base64, and the prefix of the data URL.
LONGEST_DATA_URL = 16_000_100
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

BulkQuantity = Annotated[int, Field(ge=1, le=100_000)]

_OWN_PICTURE = re.compile(r"/api/products/\d{1,19}/image(?:\?v=[0-9a-f]{1,64})?")


def _check_sku(sku: str) -> str:
    """Refuse a SKU that can't be part of a URL, as paths contain it, and one that looks like another SKU."""
    if _CONTROLS.search(sku) or sku.startswith("/") or sku.endswith("/"):
        raise bad_field("must be one line that does not begin or end with a slash")
    return _check_seen(sku)


def _check_seen(code: str) -> str:
    """Refuse a code with an invisible character: people type it from a label and must get the same code."""
    if code.isascii() and code.isprintable():
        return code
    if hidden := next((letter for letter in code if letter != " " and is_unseen(letter)), ""):
        raise bad_field(f"has a character that can't be seen (U+{ord(hidden):04X}); type it again")
    return code


def _check_image_url(value: object) -> object:
    """Accept the https address of an image, the address of a product's own image here, or the image as a data URL."""
    if not isinstance(value, str) or not value.strip():
        return None if isinstance(value, str) else value
    address = value.strip()
    if is_data_url(address):
        return address
    if len(address) > LONGEST_URL:
        raise bad_field(f"must have at most {LONGEST_URL:,} characters")
    if not (_OWN_PICTURE.fullmatch(address) or _is_web_address(address)) or _CONTROLS.search(address):
        raise bad_field("must begin with https://, or be a data URL with a picture")
    return address


def is_data_url(address: str) -> bool:
    """True for an address that contains the file itself."""
    return address[:5].lower() == "data:"


def _is_web_address(address: str) -> bool:
    """True for https with a host: our pages do not show images that are sent unencrypted."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) and not set(parts.netloc) & set(" \\")
    except ValueError:
        return False


Sku = Annotated[FilledCode60, AfterValidator(_check_sku)]
Barcode = Annotated[Code60, AfterValidator(_check_seen)]
_PictureAddress = Annotated[
    str,
    StringConstraints(max_length=LONGEST_DATA_URL),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_DATA_URL, "pattern": "^(https://|data:|/api/products/|$)"}),
]
ImageUrlIn = Annotated[_PictureAddress | None, BeforeValidator(_check_image_url)]

# Measures are parsed like amounts: exactly, from a JSON number with at most two decimals.
Weight = Annotated[MoneyIn, Field(gt=0, le=MOST_OUNCES), WithJsonSchema(measure_schema(MOST_OUNCES, step=0.01))]
Inches = Annotated[MoneyIn, Field(gt=0, le=MOST_INCHES), WithJsonSchema(measure_schema(MOST_INCHES, step=0.01))]


class TextFields(Input):
    """The texts about a product for customers."""

    name: Filled200 | None = None
    description: Text20000 | None = None
    brand: Text60 | None = None
    unit_size: Text60 | None = None


class PriceFields(Input):
    """The prices for the customer."""

    unit_price: MoneyIn | None = None
    bulk_price: MoneyIn | None = None
    bulk_quantity: BulkQuantity | None = None


class ProductFields(PriceFields, TextFields):
    """The fields of every list of products. The last base class comes first in answers and refusals."""


class ListedFields(ProductFields):
    """A product and its place in the catalogue; `image_url` may be the image itself as a data URL."""

    category_id: Id | None = None
    sku: Sku | None = None
    image_url: ImageUrlIn = None


class ShelfFields(Input):
    """The fields for the office and the warehouse."""

    cost_per_item: MoneyIn | None = None
    reorder_level: Count | None = None
    barcode: Barcode | None = None
    bin_location: Text60 | None = None


class OfficeFields(ShelfFields):
    """All fields for the office besides those for customers."""

    in_stock: bool | None = None
    ship_weight_oz: Weight | None = None
    ship_box_name: Text60 | None = None
    ship_box_length: Inches | None = None
    ship_box_width: Inches | None = None
    ship_box_height: Inches | None = None
    is_customizable: bool | None = None
