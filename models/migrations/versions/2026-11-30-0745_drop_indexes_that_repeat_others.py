"""Indexes that repeat a primary key go; those of foreign keys that few rows have leave out the others.

Revision ID: 3c97a1e60b52
Revises: 8e41d7f3a90c
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "3c97a1e60b52"
down_revision = "8e41d7f3a90c"
branch_labels = None
depends_on = None

REPEATED = {
    "ix_import_run_newest": "import_run",
    "ix_job_run_newest": "job_run",
    "ix_outbox_message_created": "outbox_message",
    "ix_rfq_newest": "rfq",
    "ix_savings_request_newest": "savings_request",
    "ix_score_run_newest": "score_run",
    "ix_subscription_newest": "subscription",
}
SELDOM = {
    "ix_orders_commission_rep_id": ("orders", "commission_rep_id"),
    "ix_orders_subscription_id": ("orders", "subscription_id"),
    "ix_stock_movement_vendor_id": ("stock_movement", "vendor_id"),
}


def upgrade() -> None:
    lock_tables("orders", "stock_movement", *REPEATED.values())
    for name, table in REPEATED.items():
        op.drop_index(name, table_name=table)
    for name, (table, column) in SELDOM.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [column], postgresql_where=sa.text(f"{column} IS NOT NULL"))


def downgrade() -> None:
    lock_tables("orders", "stock_movement", *REPEATED.values())
    for name, (table, column) in SELDOM.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [column])
    for name, table in REPEATED.items():
        op.create_index(name, table, [sa.text("id DESC")])
