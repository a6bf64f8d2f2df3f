"""write the history at the end of its indexes

Revision ID: 3e5025f7bfc8
Revises: 9755d85a808e
"""

import sqlalchemy as sa
from alembic import op

revision = "3e5025f7bfc8"
down_revision = "9755d85a808e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The primary key is read backwards just as well.
    op.drop_index("ix_audit_entry_newest", table_name="audit_entry")
    op.drop_index("ix_audit_entry_latest", table_name="audit_entry")
    op.create_index("ix_audit_entry_latest", "audit_entry", ["created_at", "id"])
    op.drop_index("ix_audit_entry_actor", table_name="audit_entry")
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor_kind", "actor_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_entry_actor", table_name="audit_entry")
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor_kind", "actor_id", sa.literal_column("id DESC")])
    op.drop_index("ix_audit_entry_latest", table_name="audit_entry")
    newest: list[sa.ColumnElement[object]] = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index("ix_audit_entry_latest", "audit_entry", newest)
    op.create_index("ix_audit_entry_newest", "audit_entry", [sa.literal_column("id DESC")])
