"""Precalculated renewals by product and day, with their amounts, so that few rows say what is due.

Triggers note the products that a change affects, in its own transaction and without a lock. Readers recalculate the
renewals of those products and use the stored values of all others, so that figures are always exact. A job stores the
new counts. `domain/subscriptions/renewal_days.py` is the only reader.
"""

from datetime import date
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Index, Numeric, event
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, key, money


class RenewalDay(Table, table=True):
    """The active subscriptions that renew a product on a day and have not failed, as of the last count.

    `amount` is in US dollars including delivery, calculated with the delivery rules in `free_from` and `fee`. `so_far`
    is the product's quantity up to and including this day, and `next_day` its next day with renewals. The release
    before this one stores rows without `so_far`: readers recalculate these products.
    """

    __tablename__ = "renewal_day"
    __table_args__ = (
        Index("ix_renewal_day_product", "product_id"),
        Index("ix_renewal_day_rules", "free_from", "fee"),
        Index("ix_renewal_day_without_sum", "product_id", postgresql_where=sql("so_far IS NULL")),
    )

    id: int = key()
    # Not a foreign key: it is updated with the subscriptions, which have the foreign key to the product.
    product_id: int = Field(sa_type=BigInteger, nullable=False)
    day: date
    renewals: int = Field(sa_type=BigInteger, nullable=False)
    quantity: int = Field(sa_type=BigInteger, nullable=False)
    # Wide enough for the sum of many orders of the greatest amount.
    amount: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    free_from: Decimal = money()
    fee: Decimal = money()
    so_far: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    next_day: date | None = None


class RenewalTotal(Table, table=True):
    """What changes of `renewal_day` added to a day since the last count, for all products together; after a count, one
    row of a day holds the total so far."""

    __tablename__ = "renewal_total"

    id: int = key()
    day: date
    renewals: int = Field(sa_type=BigInteger, nullable=False)
    amount: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)


class RenewalDayChange(Table, table=True):
    """A product whose renewals or prices changed since the last count. Several rows may name the same product."""

    __tablename__ = "renewal_day_change"

    id: int = key()
    product_id: int = Field(sa_type=BigInteger, nullable=False)


# Both the product and its possible substitute; the count decides which of the two is sold.
NOTE_RENEWALS = (
    """
CREATE FUNCTION note_renewals_of_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO renewal_day_change (product_id)
    SELECT id FROM (VALUES (OLD.product_id), (OLD.substitute_id)) AS sold(id) WHERE id IS NOT NULL;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO renewal_day_change (product_id)
    SELECT id FROM (VALUES (NEW.product_id), (NEW.substitute_id)) AS sold(id) WHERE id IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE FUNCTION note_renewals_of_products() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO renewal_day_change (product_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER renewals_inserted AFTER INSERT ON subscription FOR EACH ROW
EXECUTE FUNCTION note_renewals_of_subscriptions()
""",
    """
CREATE TRIGGER renewals_deleted AFTER DELETE ON subscription FOR EACH ROW
EXECUTE FUNCTION note_renewals_of_subscriptions()
""",
    """
CREATE TRIGGER renewals_updated AFTER UPDATE OF product_id, substitute_id, substitute_agreed, status, retry_on,
  next_renewal_date, quantity, discount_pct ON subscription
FOR EACH ROW WHEN ((OLD.product_id, OLD.substitute_id, OLD.substitute_agreed, OLD.status, OLD.retry_on,
  OLD.next_renewal_date, OLD.quantity, OLD.discount_pct)
  IS DISTINCT FROM (NEW.product_id, NEW.substitute_id, NEW.substitute_agreed, NEW.status, NEW.retry_on,
  NEW.next_renewal_date, NEW.quantity, NEW.discount_pct))
EXECUTE FUNCTION note_renewals_of_subscriptions()
""",
    """
CREATE TRIGGER renewals_priced AFTER UPDATE OF unit_price, bulk_price, bulk_quantity ON product
FOR EACH ROW WHEN ((OLD.unit_price, OLD.bulk_price, OLD.bulk_quantity)
  IS DISTINCT FROM (NEW.unit_price, NEW.bulk_price, NEW.bulk_quantity))
EXECUTE FUNCTION note_renewals_of_products()
""",
)
# The totals follow every change of the days; only the count changes them.
_ADD_UP = """
INSERT INTO renewal_total (day, renewals, amount)
    SELECT day, {sign}sum(renewals), {sign}sum(amount) FROM {rows} GROUP BY day;
"""
_WRITTEN, _DROPPED = _ADD_UP.format(sign="", rows="written").strip(), _ADD_UP.format(sign="-", rows="dropped").strip()
ADD_UP_RENEWALS = (
    f"""
CREATE FUNCTION add_up_renewals() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP IN ('DELETE', 'UPDATE') THEN
    {_DROPPED}
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    {_WRITTEN}
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER renewal_totals_inserted AFTER INSERT ON renewal_day REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION add_up_renewals()
""",
    """
CREATE TRIGGER renewal_totals_deleted AFTER DELETE ON renewal_day REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION add_up_renewals()
""",
    """
CREATE TRIGGER renewal_totals_updated AFTER UPDATE ON renewal_day
REFERENCING OLD TABLE AS dropped NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION add_up_renewals()
""",
)
for _statement in (*NOTE_RENEWALS, *ADD_UP_RENEWALS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
