"""count the commissions of before, hour by hour

Revision ID: c40ae7d15b92
Revises: 91d6f3b8e25c

The triggers are there already: what changes in the meantime is noted and counted again.
"""

from alembic import op

revision = "c40ae7d15b92"
down_revision = "91d6f3b8e25c"
branch_labels = None
depends_on = None

COUNT = """
INSERT INTO rep_hour (hour, sales_rep_id, earned, paid)
SELECT date_trunc('hour', created_at, 'UTC'), sales_rep_id, sum(commission_amount),
  sum(CASE WHEN commission_paid THEN commission_amount ELSE 0 END)
FROM orders WHERE status <> 'cancelled' AND commission_amount IS NOT NULL AND sales_rep_id IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 2
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    # The job that counts hours waits: it would store hours that are stored here too.
    op.execute("SELECT pg_advisory_xact_lock(hashtext('hour_change'))")
    op.execute("DELETE FROM rep_hour")
    op.execute(COUNT)


def downgrade() -> None:
    op.execute("DELETE FROM rep_hour")
