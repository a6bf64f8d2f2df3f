"""Precalculated commission sums per rep and month, so that the list of months costs the same for any number of orders.

Triggers insert a row for what each ledger entry adds or subtracts, in its own transaction and without a lock. The sum
of all rows is always exact; a job folds them.
"""

from datetime import date
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Numeric, event
from sqlmodel import Field

from models.base import Table, key


class CommissionSum(Table, table=True):
    """The change of a rep's month since the last fold, in US dollars; after a fold, one row holds the total so far."""

    __tablename__ = "commission_sum"

    id: int = key()
    month: date
    # Not a foreign key: colleagues with entries are never deleted, and the entries have the foreign key.
    staff_id: int = Field(sa_type=BigInteger, nullable=False)
    earned: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    taken_back: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    # The part of `earned` and `taken_back` that is marked as paid.
    paid: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    entries: int = Field(sa_type=BigInteger, nullable=False)


_ADD_UP = """
INSERT INTO commission_sum (month, staff_id, earned, taken_back, paid, entries)
    SELECT month, staff_id, coalesce({sign}sum(amount) FILTER (WHERE kind = 'earned'), 0),
      coalesce({sign}sum(amount) FILTER (WHERE kind = 'taken_back'), 0),
      coalesce({sign}sum(amount) FILTER (WHERE paid_at IS NOT NULL), 0), {sign}count(*)
    FROM {source} GROUP BY month, staff_id;
"""
_WRITTEN = _ADD_UP.format(sign="", source="written").strip()
_DROPPED = _ADD_UP.format(sign="-", source="dropped").strip()
NOTE_COMMISSIONS = f"""
CREATE FUNCTION note_commission_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM commission_sum;
  END IF;
  IF TG_OP IN ('DELETE', 'UPDATE') THEN
    {_DROPPED}
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    {_WRITTEN}
  END IF;
  RETURN NULL;
END $body$
"""  # noqa: S608 - constants of ours
NOTE_COMMISSIONS_TRIGGERS = (
    """
CREATE TRIGGER commission_sum_inserted AFTER INSERT ON commission_entry REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_commission_sum()
""",
    """
CREATE TRIGGER commission_sum_deleted AFTER DELETE ON commission_entry REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION note_commission_sum()
""",
    """
CREATE TRIGGER commission_sum_updated AFTER UPDATE ON commission_entry
REFERENCING OLD TABLE AS dropped NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION note_commission_sum()
""",
    """
CREATE TRIGGER commission_sum_emptied AFTER TRUNCATE ON commission_entry FOR EACH STATEMENT
EXECUTE FUNCTION note_commission_sum()
""",
)
for _statement in (NOTE_COMMISSIONS, *NOTE_COMMISSIONS_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
