"""Precalculated counts of calling entries, so that the tabs of the calling list need not count them.

Triggers insert a row for what each change adds or subtracts, in its own transaction and without a lock. The sum of all
rows is always the exact count. A job folds the rows into the kept ones (`is_kept`), which are updated in place.
`domain/calling/counts.py` is the only reader.
"""

from datetime import date

from sqlalchemy import DDL, BigInteger, event
from sqlmodel import Field

from models.base import Table, flag, key


class CallingCount(Table, table=True):
    """The number of open entries of one caller (0: unassigned) added since the last fold, negative if removed; in a row
    with `is_kept`, the total up to the last fold.

    `kind` says what is counted: `open` all open entries; `phone` those with a phone number; `ordered` those whose last
    order was on `day` (in UTC, so that it does not depend on the business time zone); `window` those whose window
    begins on `day`, with a negative number on the day after it ends. Each kind with `suppressed` before it subtracts
    those entries of it that must not be called.
    """

    __tablename__ = "calling_count"

    id: int = key()
    # Not a foreign key: when a caller is deleted, a trigger moves their entries to unassigned.
    assigned_to: int = Field(sa_type=BigInteger, nullable=False)
    kind: str
    day: date | None = Field(default=None, nullable=True)
    entries: int = Field(sa_type=BigInteger, nullable=False)
    is_kept: bool = flag(False)


# What one entry is counted under; `{e}` is the entry.
_PARTS = """
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, {e}.phone IS NOT NULL),
    ('ordered', ({e}.last_order_at AT TIME ZONE 'UTC')::date, 1, {e}.last_order_at IS NOT NULL),
    ('window', {e}.window_from, 1, {e}.window_from IS NOT NULL),
    ('window', {e}.window_until + 1, -1, {e}.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND {e}.status <> 'closed'"""
_NOTE = """INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce({e}.assigned_to, 0), {kind}, p.day, {entries} FROM{rows}{parts}"""


def _note(e: str, sign: str, *, rows: str = "") -> str:
    """Return the statement that adds or subtracts the entry `e`, or each of `rows`."""
    return _write(e, "p.kind", sign, rows)


def _note_suppressed(e: str, sign: str, *, rows: str = "") -> str:
    """Return the same with the opposite sign for an entry that must not be called, or those of `rows`."""
    return _write(e, "'suppressed ' || p.kind", "" if sign else "-", rows, f" AND {e}.is_suppressed" if rows else "")


def _write(e: str, kind: str, sign: str, rows: str, which: str = "") -> str:
    parts = _PARTS.format(e=e) + which
    if not rows:
        return _NOTE.format(e=e, kind=kind, entries=f"{sign}p.entries", rows="", parts=parts)
    return (
        _NOTE.format(
            e=e, kind=kind, entries=f"{sign}sum(p.entries)", rows=f" {rows} AS {e} CROSS JOIN LATERAL", parts=parts
        )
        + "\n    GROUP BY 1, 2, 3"
    )


NOTE_ENTRIES = f"""
CREATE FUNCTION note_calling_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    {_note("e", "", rows="written")};
    {_note_suppressed("e", "", rows="written")};
  ELSIF TG_OP = 'DELETE' THEN
    {_note("e", "-", rows="dropped")};
    {_note_suppressed("e", "-", rows="dropped")};
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM calling_count;
  ELSE
    {_note("OLD", "-")};
    {_note("NEW", "")};
    IF OLD.is_suppressed THEN
      {_note_suppressed("OLD", "-")};
    END IF;
    IF NEW.is_suppressed THEN
      {_note_suppressed("NEW", "")};
    END IF;
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
AFTER UPDATE OF assigned_to, status, phone, is_suppressed, last_order_at, window_from, window_until ON calling_entry
FOR EACH ROW WHEN (
  (OLD.assigned_to, OLD.status = 'closed', OLD.phone IS NULL, OLD.is_suppressed, OLD.last_order_at, OLD.window_from,
    OLD.window_until)
  IS DISTINCT FROM
  (NEW.assigned_to, NEW.status = 'closed', NEW.phone IS NULL, NEW.is_suppressed, NEW.last_order_at, NEW.window_from,
    NEW.window_until))
EXECUTE FUNCTION note_calling_count()
""",
)
for _statement in (NOTE_ENTRIES, *NOTE_ENTRIES_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement.replace("%", "%%")))  # type: ignore[no-untyped-call]
