"""keep who asked for a label's refund, and to which date a renewal moved its subscription

Revision ID: 5b8e0c72d4f1
Revises: d27f60b81c95
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "5b8e0c72d4f1"
down_revision = "d27f60b81c95"
branch_labels = None
depends_on = None


def upgrade() -> None:
    lock_tables("label", "renewal")
    op.add_column("label", sa.Column("void_actor_kind", sa.Text(), server_default="", nullable=False))
    op.add_column("label", sa.Column("void_actor_id", sa.BigInteger(), nullable=True))
    op.add_column("label", sa.Column("void_actor_name", sa.Text(), server_default="", nullable=False))
    for column in ("moved_from", "moved_to", "rhythm_from"):
        op.add_column("renewal", sa.Column(column, sa.Date(), nullable=True))


def downgrade() -> None:
    for column in ("rhythm_from", "moved_to", "moved_from"):
        op.drop_column("renewal", column)
    for column in ("name", "id", "kind"):
        op.drop_column("label", f"void_actor_{column}")
