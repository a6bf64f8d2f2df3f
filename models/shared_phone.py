"""Phones that several customers have, kept so that lookalikes need not be counted from everybody.

Triggers note the phones that customers get or lose, in the change's own transaction and without a lock; readers count
those again and take the rest as kept, so that figures are exact at any time; a job folds the notes in.
`domain/customers/duplicates.py` is the only reader.
"""

from sqlalchemy import DDL, event
from sqlmodel import Field

from models.base import Table, key


class SharedPhone(Table, table=True):
    """A primary phone that `members` customers have, two at least, as of the last fold."""

    __tablename__ = "shared_phone"

    phone: str = Field(primary_key=True)
    members: int


class SharedPhoneChange(Table, table=True):
    """A phone that a customer got or lost since the last fold; several rows may name one."""

    __tablename__ = "shared_phone_change"

    id: int = key()
    phone: str


NOTE_PHONES = """
CREATE FUNCTION note_shared_phones() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO shared_phone_change (phone) SELECT DISTINCT phone FROM written WHERE phone IS NOT NULL;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO shared_phone_change (phone) SELECT DISTINCT phone FROM dropped WHERE phone IS NOT NULL;
  ELSE
    INSERT INTO shared_phone_change (phone)
    SELECT phone FROM (VALUES (OLD.phone), (NEW.phone)) AS r(phone) WHERE phone IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_PHONES_TRIGGERS = (
    """
CREATE TRIGGER shared_phones_inserted AFTER INSERT ON customer REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_shared_phones()
""",
    """
CREATE TRIGGER shared_phones_deleted AFTER DELETE ON customer REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_shared_phones()
""",
    """
CREATE TRIGGER shared_phones_updated AFTER UPDATE OF phone ON customer
FOR EACH ROW WHEN (OLD.phone IS DISTINCT FROM NEW.phone) EXECUTE FUNCTION note_shared_phones()
""",
)
for _statement in (NOTE_PHONES, *NOTE_PHONES_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
