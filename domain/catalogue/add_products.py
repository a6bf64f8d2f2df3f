"""Add many products at once: one INSERT for the products and one for their timelines, regardless of their number."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import orjson

from domain.kernel.actor import Actor

_INSERT = """
INSERT INTO product (
  sku, name, category_id, description, brand, unit_size, unit_price, bulk_price, bulk_quantity, cost_per_item,
  reorder_level, barcode, bin_location, image_url, image_hash, in_stock, is_active
)
SELECT sku, name, category_id, coalesce(description, ''), coalesce(brand, ''), coalesce(unit_size, ''), unit_price,
  bulk_price, bulk_quantity, cost_per_item, reorder_level, coalesce(barcode, ''), coalesce(bin_location, ''),
  image_url, image_hash, coalesce(in_stock, true), coalesce(is_active, true)
FROM jsonb_to_recordset($1::jsonb) AS n(
  sku text, name text, category_id bigint, description text, brand text, unit_size text, unit_price numeric,
  bulk_price numeric, bulk_quantity int, cost_per_item numeric, reorder_level int, barcode text, bin_location text,
  image_url text, image_hash text, in_stock bool, is_active bool
)
ORDER BY lower(sku)
ON CONFLICT DO NOTHING
RETURNING id, sku
"""
_ENTRIES = """
INSERT INTO audit_entry
  (action, record_kind, record_id, record_name, after, note, actor_kind, actor_id, actor_name, request_id)
SELECT 'product.created', 'product', id, name || ' (' || sku || ')',
  jsonb_build_object('name', name, 'sku', sku, 'unit_price', unit_price::text), $6, $2, $3, $4, $5
FROM product WHERE id = ANY($1::bigint[])
"""


async def add_products(
    connection: asyncpg.Connection, rows: Sequence[Mapping[str, Any]], *, note: str, by: Actor
) -> dict[str, int]:
    """Add validated products and return their ids by SKU. A product whose SKU or barcode is taken is left out."""
    if not rows:
        return {}
    made = await connection.fetch(_INSERT, orjson.dumps(rows, default=str).decode())
    ids = [row["id"] for row in made]
    await connection.execute(_ENTRIES, ids, by.kind, by.id, by.name, by.request_id, note)
    return {row["sku"]: row["id"] for row in made}
