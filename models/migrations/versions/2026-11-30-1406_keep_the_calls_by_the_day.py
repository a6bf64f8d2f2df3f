"""keep the calls by the day

Revision ID: a6e2c47d9b03
Revises: e19d57a3f680

The program of the release before this one counts hours without their days: triggers note the days, and readers of such
days read the hours.
"""

import sqlalchemy as sa
from alembic import op

revision = "a6e2c47d9b03"
down_revision = "e19d57a3f680"
branch_labels = None
depends_on = None

NOTE_CALL_DAYS = (
    """
CREATE FUNCTION note_call_days_of_call_hour() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'call_days', date_trunc('day', r.hour, 'UTC') FROM written AS r;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'call_days', date_trunc('day', r.hour, 'UTC') FROM dropped AS r;
  ELSE
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'call_days', date_trunc('day', r.hour, 'UTC') FROM (SELECT OLD.*) AS r UNION SELECT DISTINCT 'call_days', date_trunc('day', r.hour, 'UTC') FROM (SELECT NEW.*) AS r;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER note_call_days_of_call_hour_inserted AFTER INSERT ON call_hour REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_call_days_of_call_hour()
""",
    """
CREATE TRIGGER note_call_days_of_call_hour_deleted AFTER DELETE ON call_hour REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_call_days_of_call_hour()
""",
    """
CREATE TRIGGER note_call_days_of_call_hour_updated AFTER UPDATE OF hour, at, staff_id, zone, calls, sales ON call_hour
FOR EACH ROW WHEN ((OLD.hour, OLD.at, OLD.staff_id, OLD.zone, OLD.calls, OLD.sales) IS DISTINCT FROM (NEW.hour, NEW.at, NEW.staff_id, NEW.zone, NEW.calls, NEW.sales)) EXECUTE FUNCTION note_call_days_of_call_hour()
""",
)
ADD_UP = """
INSERT INTO call_day (day, staff_id, local_hour, at, calls, sales)
SELECT date_trunc('day', hour, 'UTC'), staff_id,
  CASE WHEN zone <> '' THEN extract(hour FROM at AT TIME ZONE zone)::int END, CASE WHEN zone = '' THEN at END,
  sum(calls), sum(sales)
FROM call_hour GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def upgrade() -> None:
    op.create_table(
        "call_day",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("local_hour", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_day")),
    )
    op.create_index("ix_call_day_day", "call_day", ["day"])
    # The lock of a trigger makes the count of hours wait until the days are added up.
    for statement in NOTE_CALL_DAYS:
        op.execute(statement)
    op.execute(ADD_UP)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER note_call_days_of_call_hour_{trigger} ON call_hour")
    op.execute("DROP FUNCTION note_call_days_of_call_hour()")
    op.execute("DELETE FROM hour_change WHERE report = 'call_days'")
    op.drop_table("call_day")
