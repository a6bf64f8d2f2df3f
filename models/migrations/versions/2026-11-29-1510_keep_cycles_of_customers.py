"""keep cycles of customers

Revision ID: 7d21e90ab54c
Revises: 91b3c7d04f6e
"""

import sqlalchemy as sa
from alembic import op

revision = "7d21e90ab54c"
down_revision = "91b3c7d04f6e"
branch_labels = None
depends_on = None

CYCLE = "CASE WHEN order_days > 1 THEN greatest((last_day - first_day)::float8 / (order_days - 1), 1) END"
WORTH = "lifetime_value::float8"


def upgrade() -> None:
    op.execute(f"""
    ALTER TABLE customer_sales ADD COLUMN own_cycle float8 GENERATED ALWAYS AS ({CYCLE}) STORED,
      ADD COLUMN worth float8 NOT NULL GENERATED ALWAYS AS ({WORTH}) STORED
    """)
    op.create_index(
        "ix_customer_callable",
        "customer",
        ["id"],
        postgresql_include=["phone", "phone2"],
        postgresql_where=sa.text("is_active AND phone IS NOT NULL AND NOT do_not_call"),
    )


def downgrade() -> None:
    op.drop_index("ix_customer_callable", table_name="customer")
    op.drop_column("customer_sales", "worth")
    op.drop_column("customer_sales", "own_cycle")
