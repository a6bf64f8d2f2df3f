"""What customers bought, added up for the outbound call queue, and which products are bought by the same customers.

Triggers note whose orders changed, in the order's own transaction and without a lock; readers add those up again, and
a job folds them in. The pairs of products are refreshed at night.
"""

from datetime import date
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Column, Computed, Double, Index, Numeric, event
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, count, key

# None with one order day.
OWN_CYCLE = "CASE WHEN order_days > 1 THEN greatest((last_day - first_day)::float8 / (order_days - 1), 1) END"
WORTH = "lifetime_value::float8"


class CustomerSales(Table, table=True):
    """One customer's orders that count, as of the last refresh; days are the business's."""

    __tablename__ = "customer_sales"
    # By the day of the last order customers are listed, by that of the first one counted. The call queue reads those of
    # a day by their cycles, and all by cycle and by worth.
    __table_args__ = (
        Index("ix_customer_sales_cycle", "own_cycle", "customer_id"),
        Index(
            "ix_customer_sales_due",
            "last_day",
            "own_cycle",
            postgresql_include=["customer_id", "order_count", "worth"],
        ),
        Index("ix_customer_sales_first_day", "first_day"),
        Index("ix_customer_sales_last_day", "last_day", "customer_id"),
        Index("ix_customer_sales_worth", "worth", "customer_id"),
    )

    customer_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    order_count: int = count()
    order_days: int = count()
    first_day: date
    last_day: date
    # Many orders of the greatest size must fit.
    lifetime_value: Decimal = Field(default=Decimal(0), sa_type=Numeric(18, 2), nullable=False)
    # What the call queue computes with for everybody at each look: the days between orders, and the value as a double.
    own_cycle: float | None = Field(default=None, sa_column=Column(Double, Computed(OWN_CYCLE, persisted=True)))
    worth: float = Field(default=None, sa_column=Column(Double, Computed(WORTH, persisted=True), nullable=False))


class CustomerSalesChange(Table, table=True):
    """A customer whose orders changed since the last refresh; several rows may name one."""

    __tablename__ = "customer_sales_change"

    id: int = key()
    # Not a foreign key: the row is written by triggers while customers are merged and deleted, and lives for minutes.
    customer_id: int = Field(sa_type=BigInteger, nullable=False)


class ProductPair(Table, table=True):
    """Two products bought by at least three of the same customers, and how often against chance (the lift)."""

    __tablename__ = "product_pair"
    __table_args__ = (Index("ix_product_pair_best", "product_id", sql("lift DESC"), sql("shared DESC"), "other_id"),)

    product_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    other_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    shared: int
    lift: float = Field(sa_type=Double, nullable=False)


NOTE_SALES = """
CREATE FUNCTION note_customer_sales() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO customer_sales_change (customer_id)
    SELECT DISTINCT customer_id FROM written WHERE customer_id IS NOT NULL;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO customer_sales_change (customer_id)
    SELECT DISTINCT customer_id FROM dropped WHERE customer_id IS NOT NULL;
  ELSE
    INSERT INTO customer_sales_change (customer_id)
    SELECT DISTINCT id FROM unnest(ARRAY[OLD.customer_id, NEW.customer_id]) AS id WHERE id IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_SALES_TRIGGERS = (
    """
CREATE TRIGGER customer_sales_inserted AFTER INSERT ON orders REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_customer_sales()
""",
    """
CREATE TRIGGER customer_sales_deleted AFTER DELETE ON orders REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_customer_sales()
""",
    """
CREATE TRIGGER customer_sales_updated AFTER UPDATE OF customer_id, status, total_amount, created_at ON orders
FOR EACH ROW WHEN ((OLD.customer_id, OLD.status = 'cancelled', OLD.total_amount, OLD.created_at)
  IS DISTINCT FROM (NEW.customer_id, NEW.status = 'cancelled', NEW.total_amount, NEW.created_at))
EXECUTE FUNCTION note_customer_sales()
""",
)
for _statement in (NOTE_SALES, *NOTE_SALES_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
