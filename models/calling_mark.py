"""Precalculated answers to whether an entry must not be called, so that the calling list need not look up every mark.

Triggers note the marked numbers, customers and entries that a change affects, in its own transaction and without a
lock. Readers look at the entries of those and use the stored answer (`calling_entry.is_suppressed`) of all others, so
that the list is always exact. A job folds the changes in. `domain/calling/marks.py` is the only reader.
"""

from sqlalchemy import DDL, BigInteger, event
from sqlmodel import Field

from models.base import Table, key, text


class CallingMarkChange(Table, table=True):
    """A number, a customer or an entry for which do-not-call may have changed since the last fold; several rows may
    name the same one.

    Both the mark of a number and the entry that gets the number are noted: neither of two concurrent transactions sees
    what the other one writes.
    """

    __tablename__ = "calling_mark_change"

    id: int = key()
    phone: str | None = text(nullable=True)
    # Not foreign keys: triggers write the row while customers are merged and entries deleted, and it is deleted within
    # minutes.
    customer_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    entry_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)


NOTE_MARKS = (
    """
CREATE FUNCTION note_calling_mark_of_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO calling_mark_change (phone) VALUES (OLD.phone);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO calling_mark_change (phone) VALUES (NEW.phone);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE FUNCTION note_calling_mark_of_customer() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO calling_mark_change (customer_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE FUNCTION note_calling_mark_of_entry() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO calling_mark_change (entry_id) SELECT id FROM written;
  ELSE
    INSERT INTO calling_mark_change (entry_id) VALUES (NEW.id);
  END IF;
  RETURN NULL;
END $body$
""",
)
NOTE_MARKS_TRIGGERS = (
    """
CREATE TRIGGER calling_mark_inserted AFTER INSERT ON suppressed_number
FOR EACH ROW WHEN (NEW.do_not_call) EXECUTE FUNCTION note_calling_mark_of_number()
""",
    """
CREATE TRIGGER calling_mark_deleted AFTER DELETE ON suppressed_number
FOR EACH ROW WHEN (OLD.do_not_call) EXECUTE FUNCTION note_calling_mark_of_number()
""",
    """
CREATE TRIGGER calling_mark_updated AFTER UPDATE OF phone, do_not_call ON suppressed_number
FOR EACH ROW WHEN ((OLD.phone, OLD.do_not_call) IS DISTINCT FROM (NEW.phone, NEW.do_not_call))
EXECUTE FUNCTION note_calling_mark_of_number()
""",
    """
CREATE TRIGGER calling_mark_updated AFTER UPDATE OF do_not_call ON customer
FOR EACH ROW WHEN (OLD.do_not_call <> NEW.do_not_call) EXECUTE FUNCTION note_calling_mark_of_customer()
""",
    """
CREATE TRIGGER calling_mark_inserted AFTER INSERT ON calling_entry REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_calling_mark_of_entry()
""",
    """
CREATE TRIGGER calling_mark_updated AFTER UPDATE OF phone, phone2, customer_id ON calling_entry
FOR EACH ROW WHEN ((OLD.phone, OLD.phone2, OLD.customer_id) IS DISTINCT FROM (NEW.phone, NEW.phone2, NEW.customer_id))
EXECUTE FUNCTION note_calling_mark_of_entry()
""",
)
for _statement in (*NOTE_MARKS, *NOTE_MARKS_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
