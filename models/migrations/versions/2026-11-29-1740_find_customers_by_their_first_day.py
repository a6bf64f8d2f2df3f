"""find customers by their first day

Revision ID: 4c7e19a02b5d
Revises: 4e0ab7d15c92
"""

from alembic import op

revision = "4c7e19a02b5d"
down_revision = "4e0ab7d15c92"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_customer_sales_first_day", "customer_sales", ["first_day"])


def downgrade() -> None:
    op.drop_index("ix_customer_sales_first_day", table_name="customer_sales")
