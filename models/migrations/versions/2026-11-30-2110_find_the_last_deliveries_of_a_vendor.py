"""find the last deliveries of a vendor

Revision ID: 3c81f5d7a046
Revises: b7d40c92e1fa
"""

import sqlalchemy as sa
from alembic import op

revision = "3c81f5d7a046"
down_revision = "b7d40c92e1fa"
branch_labels = None
depends_on = None

HAS_VENDOR = sa.text("vendor_id IS NOT NULL")


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_index("ix_stock_movement_vendor", "stock_movement", ["vendor_id", "id"], postgresql_where=HAS_VENDOR)
    op.drop_index("ix_stock_movement_vendor_id", "stock_movement")


def downgrade() -> None:
    op.create_index("ix_stock_movement_vendor_id", "stock_movement", ["vendor_id"], postgresql_where=HAS_VENDOR)
    op.drop_index("ix_stock_movement_vendor", "stock_movement")
