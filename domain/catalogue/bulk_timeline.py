"""The timeline entries of thousands of changed products, as rows for COPY."""

from collections.abc import Sequence
from typing import Any

import orjson

# The columns of an entry: first those that differ by product, then those shared by the request.
ENTRY = (
    "record_id", "record_name", "before", "after", "action", "record_kind", "actor_kind", "actor_id", "actor_name",
    "request_id",
)  # fmt: skip
# Stock levels are in the ledger, and an image hash is not readable.
_NOT_WORDED = frozenset({"stock_quantity", "image_hash"})


def write_entry(
    product_id: int, was: dict[str, Any], now: dict[str, Any], names: Sequence[str]
) -> tuple[int, str, str, str]:
    """Return the product, its name, and the old and new values as JSON; amounts as text, exactly as stored."""
    before, after = {}, {}
    for name in names:
        if was[name] != now[name] and name not in _NOT_WORDED:
            before[name], after[name] = was[name], now[name]
    if "image_hash" in was and was["image_hash"] != now["image_hash"]:
        after["picture"] = "changed"
    name = f"{now['name']} ({now['sku']})"
    return product_id, name, orjson.dumps(before, default=str).decode(), orjson.dumps(after, default=str).decode()
