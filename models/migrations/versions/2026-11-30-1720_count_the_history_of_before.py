"""count the history of before, hour by hour

Revision ID: 74b9d3e8a5f0
Revises: c2f6087b4e15

The triggers are there already. An hour is stored if no transaction is running that began less than an hour after it.
"""

import sqlalchemy as sa
from alembic import op

revision = "74b9d3e8a5f0"
down_revision = "c2f6087b4e15"
branch_labels = None
depends_on = None

OLDEST = "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database()"
COUNT = """
INSERT INTO trail_hour (hour, changes, events)
SELECT hour, sum(changes), sum(events) FROM (
  SELECT date_trunc('hour', created_at, 'UTC') AS hour, count(*) AS changes, 0 AS events FROM audit_entry GROUP BY 1
  UNION ALL
  SELECT date_trunc('hour', created_at, 'UTC'), 0, count(*) FROM order_event GROUP BY 1
) AS counted
WHERE hour < date_trunc('hour', CAST(:oldest AS timestamptz) - interval '1 hour', 'UTC') GROUP BY hour ORDER BY hour
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    # The job that counts hours waits: it would store hours that are stored here too.
    op.execute("SELECT pg_advisory_xact_lock(hashtext('trail_hour'))")
    op.execute("DELETE FROM trail_hour")
    connection = op.get_bind()
    connection.execute(sa.text(COUNT), {"oldest": connection.scalar(sa.text(OLDEST))})


def downgrade() -> None:
    op.execute("DELETE FROM trail_hour")
