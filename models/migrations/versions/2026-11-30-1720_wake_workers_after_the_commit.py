"""A transaction can leave it to its process to wake the workers after the commit.

Revision ID: 5d8e3c17a9b4
Revises: c40ae7d15b92

The trigger is pgqueuer's own, with a condition: an upgrade of pgqueuer that makes it again must give it the same.
"""

from alembic import op

revision = "5d8e3c17a9b4"
down_revision = "c40ae7d15b92"
branch_labels = None
depends_on = None

# The same notification as the trigger sends.
WAKE_WORKERS = """
CREATE FUNCTION wake_workers() RETURNS void LANGUAGE sql AS $body$
SELECT pg_notify('ch_pgqueuer', json_build_object(
  'channel', 'ch_pgqueuer', 'operation', 'insert', 'sent_at', now(), 'table', 'pgqueuer', 'type', 'table_changed_event'
)::text)
$body$
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER tg_pgqueuer_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgqueuer
{}EXECUTE FUNCTION fn_pgqueuer_changed()
"""


def upgrade() -> None:
    op.execute(WAKE_WORKERS)
    op.execute(TRIGGER.format("WHEN (current_setting('ladle.wakes', true) IS DISTINCT FROM 'afterwards')\n"))


def downgrade() -> None:
    op.execute(TRIGGER.format(""))
    op.execute("DROP FUNCTION wake_workers()")
