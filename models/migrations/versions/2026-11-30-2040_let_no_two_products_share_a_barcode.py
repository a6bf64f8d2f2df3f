"""let no two products share a barcode in different spellings

Revision ID: b7d40c92e1fa
Revises: e5a2904c6b18

Where products share one, the first of them keeps it, before those that are archived; the timelines of the others say
what theirs was.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "b7d40c92e1fa"
down_revision = "e5a2904c6b18"
branch_labels = None
depends_on = None

BARCODE_KEY = "CASE WHEN barcode ~ '^0[0-9]{12}$' THEN substr(barcode, 2) ELSE lower(barcode) END"


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    lock_tables("product", "audit_entry")
    op.add_column("product", sa.Column("barcode_key", sa.Text(), sa.Computed(BARCODE_KEY, persisted=True)))
    op.execute(
        """
WITH sharing AS (
  SELECT id, name, sku, barcode, first_value(sku) OVER same AS kept_sku, row_number() OVER same AS place
  FROM product WHERE barcode_key <> '' WINDOW same AS (PARTITION BY barcode_key ORDER BY archived_at IS NOT NULL, id)
), emptied AS (
  UPDATE product SET barcode = '', version = version + 1, updated_at = now()
  FROM sharing WHERE sharing.id = product.id AND place > 1
)
INSERT INTO audit_entry (action, record_kind, record_id, record_name, before, after, note, actor_kind, actor_name)
SELECT 'product.updated', 'product', id, name || ' (' || sku || ')', jsonb_build_object('barcode', barcode),
  jsonb_build_object('barcode', ''), 'The product ' || kept_sku || ' has the same barcode.', 'system', 'System'
FROM sharing WHERE place > 1
"""
    )
    op.drop_index("uq_product_barcode", "product")
    op.create_index(
        "uq_product_barcode", "product", ["barcode_key"], unique=True, postgresql_where=sa.text("barcode_key <> ''")
    )


def downgrade() -> None:
    op.drop_index("uq_product_barcode", "product")
    op.create_index(
        "uq_product_barcode", "product", ["barcode"], unique=True, postgresql_where=sa.text("barcode <> ''")
    )
    op.drop_column("product", "barcode_key")
