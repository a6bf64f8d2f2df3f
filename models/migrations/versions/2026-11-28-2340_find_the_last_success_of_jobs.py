"""When a job of the timetable last succeeded is read by an index.

Revision ID: timetable_age
Revises: seal_message_secrets
"""

import sqlalchemy as sa
from alembic import op

revision = "timetable_age"
down_revision = "seal_message_secrets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_job_run_done", "job_run", ["name", "finished_at"], postgresql_where=sa.text("state = 'done'"))


def downgrade() -> None:
    op.drop_index("ix_job_run_done", table_name="job_run")
