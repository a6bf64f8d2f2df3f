"""A call keeps what it replaced on its entry, so that it can be taken back; a note is kept while it is written.

Revision ID: 5928ba5b4393
Revises: 5928ba5b4392
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5928ba5b4393"
down_revision = "5928ba5b4392"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbound_call_log", sa.Column("replaced", postgresql.JSONB(), nullable=True))
    op.add_column("calling_entry", sa.Column("draft_note", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("calling_entry", "draft_note")
    op.drop_column("outbound_call_log", "replaced")
