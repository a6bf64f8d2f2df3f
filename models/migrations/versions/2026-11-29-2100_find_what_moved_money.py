"""find what moved money in the trail

Revision ID: 7d3c90be41f2
Revises: claim_by_function
"""

import sqlalchemy as sa
from alembic import op

revision = "7d3c90be41f2"
down_revision = "claim_by_function"
branch_labels = None
depends_on = None

IS_MONEY = sa.text(
    "kind IN ('credit_used', 'credited', 'dispute_lost', 'dispute_won', 'disputed', 'paid', 'refunded', 'reversed')"
)


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("ix_order_event_money", "order_event", newest, postgresql_where=IS_MONEY)
    op.create_index(
        "ix_order_event_money_actor",
        "order_event",
        ["actor_kind", "actor_id", sa.text("created_at DESC")],
        postgresql_where=IS_MONEY,
    )


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.drop_index("ix_order_event_money_actor", table_name="order_event")
    op.drop_index("ix_order_event_money", table_name="order_event")
