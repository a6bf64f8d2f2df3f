"""find whose call is due by indexes

Revision ID: c41d7a90be52
Revises: f20b8c6e4d91
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "c41d7a90be52"
down_revision = "f20b8c6e4d91"
branch_labels = None
depends_on = None

TABLES = ("customer", "customer_sales", "outbound_call_log")
NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]
CALLABLE = "is_active AND phone IS NOT NULL AND NOT do_not_call"


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    lock_tables(*TABLES)
    op.create_index("ix_customer_sales_cycle", "customer_sales", ["own_cycle", "customer_id"])
    op.create_index(
        "ix_customer_sales_due",
        "customer_sales",
        ["last_day", "own_cycle"],
        postgresql_include=["customer_id", "order_count", "worth"],
    )
    op.create_index("ix_customer_sales_worth", "customer_sales", ["worth", "customer_id"])
    op.create_index("ix_customer_uncallable", "customer", ["id"], postgresql_where=sa.text(f"NOT ({CALLABLE})"))
    op.drop_index("ix_customer_phone", table_name="customer")
    op.create_index("ix_customer_phone", "customer", ["phone"], postgresql_include=["id"])
    op.drop_index("ix_outbound_call_log_created", table_name="outbound_call_log")
    op.create_index(
        "ix_outbound_call_log_created", "outbound_call_log", NEWEST, postgresql_include=["customer_id", "phone"]
    )
    op.create_index(
        "ix_outbound_call_log_callback",
        "outbound_call_log",
        ["created_at"],
        postgresql_where=sa.text("outcome IN ('interested_callback', 'busy_callback')"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    lock_tables(*TABLES)
    op.drop_index("ix_outbound_call_log_callback", table_name="outbound_call_log")
    op.drop_index("ix_outbound_call_log_created", table_name="outbound_call_log")
    op.create_index("ix_outbound_call_log_created", "outbound_call_log", NEWEST)
    op.drop_index("ix_customer_phone", table_name="customer")
    op.create_index("ix_customer_phone", "customer", ["phone"])
    op.drop_index("ix_customer_uncallable", table_name="customer")
    for name in ("worth", "due", "cycle"):
        op.drop_index(f"ix_customer_sales_{name}", table_name="customer_sales")
