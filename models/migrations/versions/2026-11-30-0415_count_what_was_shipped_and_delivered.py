"""count what was shipped and delivered from indexes alone

Revision ID: 4d229be94e88
Revises: 9c41e7d05ab3
"""

import sqlalchemy as sa
from alembic import op

revision = "4d229be94e88"
down_revision = "9c41e7d05ab3"
branch_labels = None
depends_on = None

COUNTED = {"shipped_at": ["status"], "delivered_at": ["status", "shipped_at", "created_at"]}


def make_indexes(*, hold_counted: bool) -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    for column, counted in COUNTED.items():
        name = f"ix_orders_{column.removesuffix('_at')}"
        op.drop_index(name, table_name="orders")
        op.create_index(
            name,
            "orders",
            [column],
            postgresql_include=counted if hold_counted else None,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def upgrade() -> None:
    make_indexes(hold_counted=True)


def downgrade() -> None:
    make_indexes(hold_counted=False)
