"""What lies in a bin is found by an index.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_product_bin_prefix",
        "product",
        [sa.literal_column("lower(bin_location)").label("lowered")],
        postgresql_ops={"lowered": "text_pattern_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_product_bin_prefix", table_name="product")
