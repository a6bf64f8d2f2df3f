"""How many entries the calling list has, kept so that its tabs need not count them.

Triggers write what an entry adds or takes away, in its own transaction and without a lock; all rows together are the
counts at any time, and a job folds them into those that it keeps, which stay where they are in the table's file.
`domain/calling/counts.py` is the only reader.
"""

from datetime import date

from sqlalchemy import DDL, BigInteger, event
from sqlmodel import Field

from models.base import Table, flag, key


class CallingCount(Table, table=True):
    """Open entries of one caller (0 without one) that came since the last fold, below zero for those that went; where
    `is_kept`, all of before.

    `kind` is what they are counted for: `open` all of them, `phone` those with a number, `ordered` those whose last
    order was on `day` (of Greenwich, so that it needs no time zone of a business), and `window` those whose window
    begins on `day`, below zero where it is over.
    """

    __tablename__ = "calling_count"

    id: int = key()
    # Not a foreign key: a caller who is deleted gives their entries back by a trigger.
    assigned_to: int = Field(sa_type=BigInteger, nullable=False)
    kind: str
    day: date | None = Field(default=None, nullable=True)
    entries: int = Field(sa_type=BigInteger, nullable=False)
    is_kept: bool = flag(False)


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
for _statement in (NOTE_ENTRIES, *NOTE_ENTRIES_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement.replace("%", "%%")))  # type: ignore[no-untyped-call]
