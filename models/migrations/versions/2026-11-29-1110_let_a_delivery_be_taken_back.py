"""let a delivery be taken back

Revision ID: da74013bc807
Revises: 5c7e1d90ab34
"""

import sqlalchemy as sa
from alembic import op

revision = "da74013bc807"
down_revision = "5c7e1d90ab34"
branch_labels = None
depends_on = None

TABLE, KEY = "stock_movement", "fk_stock_movement_undoes_id"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("cost_before", sa.Numeric(precision=12, scale=2), nullable=True))
    op.add_column(TABLE, sa.Column("starts_count", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column(TABLE, sa.Column("undoes_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "uq_stock_movement_undoes", TABLE, ["undoes_id"], unique=True, postgresql_where=sa.text("undoes_id IS NOT NULL")
    )
    op.create_foreign_key(op.f(KEY), TABLE, TABLE, ["undoes_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f(KEY), TABLE, type_="foreignkey")
    op.drop_index("uq_stock_movement_undoes", table_name=TABLE)
    op.drop_column(TABLE, "undoes_id")
    op.drop_column(TABLE, "starts_count")
    op.drop_column(TABLE, "cost_before")
