"""count marked rows of imports, and find customers by ZIP

Revision ID: 6c1f0d52e7ab
Revises: da74013bc807
"""

import sqlalchemy as sa
from alembic import op

revision = "6c1f0d52e7ab"
down_revision = "da74013bc807"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import_run", sa.Column("marked_rows", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_customer_zip", "customer", ["shipping_zip"], postgresql_ops={"shipping_zip": "text_pattern_ops"}
    )


def downgrade() -> None:
    op.drop_index("ix_customer_zip", table_name="customer")
    op.drop_column("import_run", "marked_rows")
