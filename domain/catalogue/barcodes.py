"""The spellings of one barcode: a UPC-A of twelve digits is also written as an EAN-13, with a zero before it."""

import re

_UPC_A = re.compile(r"[0-9]{12}")
_EAN_13 = re.compile(r"0[0-9]{12}")


def spell_code(code: str) -> frozenset[str]:
    """Return a scanned or stored code with its other spelling, if it has one."""
    if _UPC_A.fullmatch(code):
        return frozenset({code, f"0{code}"})
    if _EAN_13.fullmatch(code):
        return frozenset({code, code[1:]})
    return frozenset({code})


def names_product(code: str, *, sku: str, barcode: str) -> bool:
    """Return True if a scanned code is the product's SKU or barcode, in any spelling."""
    scanned = code.casefold()
    return scanned == sku.casefold() or barcode.casefold() in spell_code(scanned)
