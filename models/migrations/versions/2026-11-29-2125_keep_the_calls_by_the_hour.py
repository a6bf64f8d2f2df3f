"""keep the calls by the hour

Revision ID: f20b8c6e4d91
Revises: e94b20f7a613
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "f20b8c6e4d91"
down_revision = "e94b20f7a613"
branch_labels = None
depends_on = None

_HOUR = "date_trunc('hour', {moment}, 'UTC')"
_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) {inserted};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) {deleted};
  ELSE
    INSERT INTO hour_change (report, hour) {was} UNION {becomes};
  END IF;
  RETURN NULL;
END $body$
"""
_TRIGGERS = (
    """
CREATE TRIGGER {name}_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION {name}()
""",
    """
CREATE TRIGGER {name}_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION {name}()
""",
    """
CREATE TRIGGER {name}_updated AFTER UPDATE OF {columns} ON {table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {name}()
""",
)


def note_hours(
    report: str, table: str, hours: str, columns: tuple[str, ...], *, only_updates: bool = False
) -> tuple[str, ...]:
    """The statements that let a report hear of a table's changes.

    `hours` selects the report's name and the hours that rows are about, from `{rows}`; `columns` are those whose
    change matters, where a column's name may go on to what matters of it.
    """
    name = f"note_{report}_of_{table}"
    function = _FUNCTION.format(
        name=name,
        inserted=hours.format(rows="written AS r").strip(),
        deleted=hours.format(rows="dropped AS r").strip(),
        was=hours.format(rows="(SELECT OLD.*) AS r").strip(),
        becomes=hours.format(rows="(SELECT NEW.*) AS r").strip(),
    )
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    of = ", ".join(column.split()[0] for column in columns)
    names = {"name": name, "table": table, "columns": of, "old": old, "new": new}
    return (function, *(trigger.format(**names) for trigger in _TRIGGERS[2 if only_updates else 0 :]))


_OF_CALLS = f"""
SELECT DISTINCT 'calls', {_HOUR.format(moment="r.created_at")} FROM {{rows}} WHERE r.{{which}}
"""  # noqa: S608 - ours
_OF_ENTRIES = f"""
SELECT DISTINCT 'calls', {_HOUR.format(moment="c.created_at")} FROM {{rows}}, LATERAL (
      SELECT created_at FROM outbound_call_log WHERE entry_id = r.id
      UNION SELECT created_at FROM calling_event WHERE entry_id = r.id AND kind = 'called'
    ) AS c
"""  # noqa: S608 - ours
NOTE_CALLS = (
    *note_hours(
        "calls",
        "outbound_call_log",
        _OF_CALLS.replace("{which}", "staff_id IS NOT NULL"),
        ("created_at", "staff_id", "entry_id", "outcome"),
    ),
    *note_hours(
        "calls",
        "calling_event",
        _OF_CALLS.replace("{which}", "kind = 'called'"),
        ("created_at", "kind", "actor_kind", "actor_id", "entry_id"),
    ),
    # By whose clock a call rang; an entry that goes leaves its calls, which are noted then.
    *note_hours("calls", "calling_entry", _OF_ENTRIES, ("hours_key",), only_updates=True),
)  # fmt: skip

COUNT = """
WITH changed AS MATERIALIZED (
  SELECT DISTINCT date_trunc('hour', at, 'UTC') AS hour
  FROM (
    SELECT created_at AS at FROM outbound_call_log
    UNION ALL SELECT created_at FROM calling_event WHERE kind = 'called'
  ) AS each
)
INSERT INTO call_hour (hour, at, staff_id, zone, calls, sales)
SELECT date_trunc('hour', created_at, 'UTC'), CASE WHEN zone = '' THEN date_bin('15 minutes', created_at, 'epoch') ELSE date_trunc('hour', created_at, 'UTC') END, staff_id, zone, count(*), sum(sales) FROM (
SELECT c.created_at, c.staff_id, coalesce(split_part(e.hours_key, '|', 2), '') AS zone,
  (c.outcome = 'sale_made')::int AS sales
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT created_at, staff_id, entry_id, outcome FROM outbound_call_log WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND staff_id IS NOT NULL
  UNION ALL
  SELECT created_at, actor_id, entry_id, '' FROM calling_event
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND kind = 'called' AND actor_kind = 'staff' AND actor_id IS NOT NULL
) AS c LEFT JOIN LATERAL (SELECT hours_key FROM calling_entry WHERE id = c.entry_id OFFSET 0) AS e ON true
) AS each
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_table(
        "call_hour",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_hour")),
    )
    op.create_index("ix_call_hour_hour", "call_hour", ["hour"])
    lock_tables("calling_entry", "calling_event", "outbound_call_log")
    op.create_index(
        "ix_calling_event_called_at", "calling_event", ["created_at"], postgresql_where=sa.text("kind = 'called'")
    )
    for statement in NOTE_CALLS:
        op.execute(statement)
    op.execute(COUNT)


def downgrade() -> None:
    op.execute("DROP TRIGGER note_calls_of_calling_entry_updated ON calling_entry")
    for table in ("outbound_call_log", "calling_event"):
        for trigger in ("inserted", "deleted", "updated"):
            op.execute(f"DROP TRIGGER note_calls_of_{table}_{trigger} ON {table}")
    for table in ("calling_entry", "outbound_call_log", "calling_event"):
        op.execute(f"DROP FUNCTION note_calls_of_{table}()")
    op.drop_index("ix_calling_event_called_at", table_name="calling_event")
    op.drop_table("call_hour")
