"""Precalculated phone numbers that several customers share, so that finding duplicates need not read all customers.

Triggers note the phone numbers that customers get or lose, in the change's own transaction and without a lock. Readers
recount those numbers and use the stored counts of all others, so that figures are always exact. A job folds the changes
in. `domain/customers/duplicates.py` is the only reader.
"""

from sqlalchemy import DDL, event
from sqlmodel import Field

from models.base import Table, key


class SharedPhone(Table, table=True):
    """A primary phone number that `members` customers have, at least two, as of the last fold."""

    __tablename__ = "shared_phone"

    phone: str = Field(primary_key=True)
    members: int


class SharedPhoneChange(Table, table=True):
    """A phone number that a customer got or lost since the last fold. Several rows may name the same number."""

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
