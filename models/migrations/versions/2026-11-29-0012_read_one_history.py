"""Order events and audit entries are read together, newest first and by person.

Revision ID: read_one_history
Revises: ship_short
"""

import sqlalchemy as sa
from alembic import op

revision = "read_one_history"
down_revision = "ship_short"
branch_labels = None
depends_on = None


def upgrade() -> None:
    newest: list[sa.ColumnElement[object]] = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index("ix_order_event_newest", "order_event", newest)
    op.create_index(
        "ix_order_event_actor", "order_event", ["actor_kind", "actor_id", sa.literal_column("created_at DESC")]
    )
    op.create_index("ix_audit_entry_latest", "audit_entry", newest)


def downgrade() -> None:
    op.drop_index("ix_audit_entry_latest", table_name="audit_entry")
    op.drop_index("ix_order_event_actor", table_name="order_event")
    op.drop_index("ix_order_event_newest", table_name="order_event")
