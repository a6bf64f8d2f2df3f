"""What a barcode means, in any spelling: a UPC-A of twelve digits is also written as an EAN-13, with a zero before it,
and letters in either case. `Product.barcode_key` is the same for a stored barcode; no two products have the same."""

import re

from sqlalchemy import ColumnElement, and_

from models import Product

_UPC_AS_EAN = re.compile(r"0[0-9]{12}")


def read_barcode_key(code: str) -> str:
    """Return the key of a scanned or typed code, equal for all its spellings."""
    return code[1:] if _UPC_AS_EAN.fullmatch(code) else code.lower()


def match_barcode(*codes: str) -> ColumnElement[bool]:
    """Return the condition for products with one of the barcodes, as the index knows it."""
    return and_(Product.barcode_key != "", Product.barcode_key.in_([read_barcode_key(code) for code in codes]))


def names_product(code: str, *, sku: str, barcode: str) -> bool:
    """Return True if a scanned code is the product's SKU or barcode, in any spelling."""
    if code.casefold() == sku.casefold():
        return True
    return bool(barcode) and read_barcode_key(barcode) == read_barcode_key(code)
