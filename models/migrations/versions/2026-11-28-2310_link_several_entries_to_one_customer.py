"""A customer with two numbers may stand on the calling list twice; orders know whose commission it is.

Revision ID: 5928ba5b4392
Revises: vendors_of_requests
"""

import sqlalchemy as sa
from alembic import op

revision = "5928ba5b4392"
down_revision = "vendors_of_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("uq_calling_entry_customer", table_name="calling_entry")
    op.create_index("ix_calling_entry_customer", "calling_entry", ["customer_id"])
    op.create_index(
        "ix_calling_event_called",
        "calling_event",
        ["actor_id", sa.literal_column("created_at DESC")],
        postgresql_where=sa.text("kind = 'called'"),
    )
    op.add_column("orders", sa.Column("commission_rep_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_orders_commission_rep_id"), "orders", ["commission_rep_id"])
    op.create_foreign_key(
        op.f("fk_orders_commission_rep_id"), "orders", "staff", ["commission_rep_id"], ["id"], ondelete="SET NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_orders_commission_rep_id"), "orders", type_="foreignkey")
    op.drop_index(op.f("ix_orders_commission_rep_id"), table_name="orders")
    op.drop_column("orders", "commission_rep_id")
    op.drop_index("ix_calling_event_called", table_name="calling_event")
    op.drop_index("ix_calling_entry_customer", table_name="calling_entry")
    op.create_index("uq_calling_entry_customer", "calling_entry", ["customer_id"], unique=True)
