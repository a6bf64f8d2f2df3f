"""keep the counts of the calling list

Revision ID: 9a40d3e7c615
Revises: 4c7e19a02b5d
"""

import sqlalchemy as sa
from alembic import op

revision = "9a40d3e7c615"
down_revision = "4c7e19a02b5d"
branch_labels = None
depends_on = None

# The window of 0.8 to 1.3 of the customer's own gap, in days of the business: those that the orders were cut in.
WINDOWS = """
UPDATE calling_entry AS e SET
  window_from = t.last_day + (4 * greatest(t.last_day - t.first_day, t.gaps) + 5 * t.gaps - 1) / (5 * t.gaps),
  window_until = t.last_day + 13 * greatest(t.last_day - t.first_day, t.gaps) / (10 * t.gaps)
FROM (
  SELECT id, order_days - 1 AS gaps, (first_order_at AT TIME ZONE z.zone)::date AS first_day,
    (last_order_at AT TIME ZONE z.zone)::date AS last_day
  FROM calling_entry, (SELECT coalesce((SELECT zone FROM order_day LIMIT 1), 'UTC') AS zone) AS z
  WHERE order_days > 1 AND last_order_at IS NOT NULL
) AS t
WHERE t.id = e.id
"""
# What one entry is counted for; `{e}` is the entry.
_PARTS = """
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, {e}.phone IS NOT NULL),
    ('ordered', ({e}.last_order_at AT TIME ZONE 'UTC')::date, 1, {e}.last_order_at IS NOT NULL),
    ('window', {e}.window_from, 1, {e}.window_from IS NOT NULL),
    ('window', {e}.window_until + 1, -1, {e}.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND {e}.status <> 'closed'"""
_COLUMNS = (
    "INSERT INTO calling_count (assigned_to, kind, day, entries) SELECT coalesce({e}.assigned_to, 0), p.kind, p.day"
)
NOTE_ENTRIES = f"""
CREATE FUNCTION note_calling_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    {_COLUMNS.format(e="e")}, sum(p.entries) FROM written AS e CROSS JOIN LATERAL{_PARTS.format(e="e")}
    GROUP BY 1, 2, 3;
  ELSIF TG_OP = 'DELETE' THEN
    {_COLUMNS.format(e="e")}, -sum(p.entries) FROM dropped AS e CROSS JOIN LATERAL{_PARTS.format(e="e")}
    GROUP BY 1, 2, 3;
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM calling_count;
  ELSE
    {_COLUMNS.format(e="OLD")}, -p.entries FROM{_PARTS.format(e="OLD")};
    {_COLUMNS.format(e="NEW")}, p.entries FROM{_PARTS.format(e="NEW")};
  END IF;
  RETURN NULL;
END $body$
"""  # noqa: S608 - constants of ours
NOTE_ENTRIES_TRIGGERS = (
    """
CREATE TRIGGER calling_count_inserted AFTER INSERT ON calling_entry REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_calling_count()
""",
    """
CREATE TRIGGER calling_count_deleted AFTER DELETE ON calling_entry REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_calling_count()
""",
    """
CREATE TRIGGER calling_count_emptied AFTER TRUNCATE ON calling_entry FOR EACH STATEMENT
EXECUTE FUNCTION note_calling_count()
""",
    """
CREATE TRIGGER calling_count_updated
AFTER UPDATE OF assigned_to, status, phone, last_order_at, window_from, window_until ON calling_entry
FOR EACH ROW WHEN (
  (OLD.assigned_to, OLD.status = 'closed', OLD.phone IS NULL, OLD.last_order_at, OLD.window_from, OLD.window_until)
  IS DISTINCT FROM
  (NEW.assigned_to, NEW.status = 'closed', NEW.phone IS NULL, NEW.last_order_at, NEW.window_from, NEW.window_until))
EXECUTE FUNCTION note_calling_count()
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_table(
        "calling_count",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("assigned_to", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calling_count")),
    )
    op.add_column("calling_entry", sa.Column("window_from", sa.Date(), nullable=True))
    op.add_column("calling_entry", sa.Column("window_until", sa.Date(), nullable=True))
    op.execute(WINDOWS)
    op.create_index(
        "ix_calling_entry_phone2", "calling_entry", ["phone2"], postgresql_where=sa.text("phone2 IS NOT NULL")
    )
    # A trigger's lock keeps writers away to the end, so that none is counted twice.
    for statement in (NOTE_ENTRIES, *NOTE_ENTRIES_TRIGGERS):
        op.execute(statement)
    counted = f"{_COLUMNS.format(e='e')}, sum(p.entries) FROM calling_entry AS e CROSS JOIN LATERAL{_PARTS.format(e='e')} GROUP BY 1, 2, 3"
    op.execute(counted)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "emptied", "updated"):
        op.execute(f"DROP TRIGGER calling_count_{trigger} ON calling_entry")
    op.execute("DROP FUNCTION note_calling_count()")
    op.drop_index("ix_calling_entry_phone2", table_name="calling_entry")
    op.drop_column("calling_entry", "window_until")
    op.drop_column("calling_entry", "window_from")
    op.drop_table("calling_count")
