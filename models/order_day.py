"""Precalculated counts and sums of orders by business day, rep and status, so that figures cost the same for any number
of orders.

Triggers insert a row for what each order adds or subtracts, in its own transaction and without a lock; a job folds
those rows into the days. Both tables together are always exact. `domain/orders/days.py` is the only reader.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, DateTime, Numeric, event
from sqlmodel import Field

from models.base import Table, key


class OrderDay(Table, table=True):
    """The orders of one business day, rep (0: none) and status, as of the last fold.

    `zone` is the time zone of the business days; it is the same in all rows.
    """

    __tablename__ = "order_day"

    zone: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    sales_rep_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    status: str = Field(primary_key=True)
    orders: int = Field(sa_type=BigInteger, nullable=False)
    # Wide enough for the sum of many orders of the greatest amount.
    amount: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)


class OrderDayChange(Table, table=True):
    """What an order added to or subtracted from its day since the last fold. `orders` is 1 or -1."""

    __tablename__ = "order_day_change"

    id: int = key()
    created_at: datetime = Field(sa_type=DateTime(timezone=True), nullable=False)
    # Not a foreign key: the row is deleted within minutes, and the rep may be deleted before.
    sales_rep_id: int = Field(sa_type=BigInteger, nullable=False)
    status: str
    orders: int
    amount: Decimal = Field(sa_type=Numeric(12, 2), nullable=False)


NOTE_DAYS = """
CREATE FUNCTION note_order_days() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO order_day_change (created_at, sales_rep_id, status, orders, amount)
    SELECT created_at, coalesce(sales_rep_id, 0), status, 1, total_amount FROM written;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO order_day_change (created_at, sales_rep_id, status, orders, amount)
    SELECT created_at, coalesce(sales_rep_id, 0), status, -1, -total_amount FROM dropped;
  ELSE
    INSERT INTO order_day_change (created_at, sales_rep_id, status, orders, amount) VALUES
      (OLD.created_at, coalesce(OLD.sales_rep_id, 0), OLD.status, -1, -OLD.total_amount),
      (NEW.created_at, coalesce(NEW.sales_rep_id, 0), NEW.status, 1, NEW.total_amount);
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_DAYS_TRIGGERS = (
    """
CREATE TRIGGER order_days_inserted AFTER INSERT ON orders REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_order_days()
""",
    """
CREATE TRIGGER order_days_deleted AFTER DELETE ON orders REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_order_days()
""",
    """
CREATE TRIGGER order_days_updated AFTER UPDATE OF created_at, sales_rep_id, status, total_amount ON orders
FOR EACH ROW WHEN ((OLD.created_at, OLD.sales_rep_id, OLD.status, OLD.total_amount)
  IS DISTINCT FROM (NEW.created_at, NEW.sales_rep_id, NEW.status, NEW.total_amount))
EXECUTE FUNCTION note_order_days()
""",
)
for _statement in (NOTE_DAYS, *NOTE_DAYS_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
