"""vacuum sooner and keep counts in place

Revision ID: 2f9a6d13c874
Revises: e85b2f60d71c
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "2f9a6d13c874"
down_revision = "e85b2f60d71c"
branch_labels = None
depends_on = None

# Tables whose lists and sums are read from indexes alone.
TABLES = (
    "orders", "invoice", "customer", "customer_sales", "customer_standing", "subscription", "calling_entry",
    "outbound_call_log", "call_log",
)  # fmt: skip
LOCKED = ("customer", "outbound_call_log", "calling_count")
SOONER = ("autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor")


def upgrade() -> None:
    lock_tables(*LOCKED)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = 0.02' for name in SOONER)})")
    op.add_column("calling_count", sa.Column("is_kept", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    # The call queue alone read them.
    op.drop_index("ix_customer_uncallable", table_name="customer")
    op.drop_index("ix_outbound_call_log_callback", table_name="outbound_call_log")


def downgrade() -> None:
    lock_tables(*LOCKED)
    op.create_index(
        "ix_outbound_call_log_callback",
        "outbound_call_log",
        ["created_at"],
        postgresql_where=sa.text("outcome IN ('interested_callback', 'busy_callback')"),
    )
    op.create_index(
        "ix_customer_uncallable",
        "customer",
        ["id"],
        postgresql_where=sa.text("NOT (is_active AND phone IS NOT NULL AND NOT do_not_call)"),
    )
    op.drop_column("calling_count", "is_kept")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(SOONER)})")
