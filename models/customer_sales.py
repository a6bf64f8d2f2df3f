"""What customers bought and when they were last called, summed up for the outbound call queue, and which products are
bought by the same customers.

Triggers note the customers whose orders or calls changed, in the change's own transaction and without a lock. Readers
recalculate those customers; a job folds the changes in. The pairs of products are refreshed nightly.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ARRAY, DDL, BigInteger, Column, Computed, Date, Double, Index, Integer, Numeric, event
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import VACUUMED_SOON, Table, count, key, moment, text

# In days; null with only one order day.
OWN_CYCLE = "CASE WHEN order_days > 1 THEN greatest((last_day - first_day)::float8 / (order_days - 1), 1) END"
WORTH = "lifetime_value::float8"


class CustomerSales(Table, table=True):
    """One customer's orders that count and their newest logged call, as of the last fold. Days are business days.

    The newest call is the newest one to the account or to its phone number. `call_back_on` is its callback date, if
    any. `is_barred` marks customers who must not be called at all. Where it is null, nothing is known of their calls,
    and readers read the calls themselves. `hours_key` names the zones and the state whose calling hours apply; it is
    null until the fold has computed it.
    """

    __tablename__ = "customer_sales"
    # Lists sort customers by the day of their last order and count by that of the first one. The call queue reads the
    # cycles of customers due on a day, and ranks all customers by cycle and by worth.
    __table_args__ = (
        Index("ix_customer_sales_cycle", "own_cycle", "customer_id"),
        Index(
            "ix_customer_sales_due",
            "last_day",
            "own_cycle",
            postgresql_include=["customer_id", "order_count", "worth", "called_at", "call_back_on", "hours_key"],
            postgresql_where=sql("NOT is_barred"),
        ),
        Index(
            "ix_customer_sales_called",
            "called_at",
            postgresql_include=["last_day", "order_count", "call_back_on"],
            postgresql_where=sql("NOT is_barred"),
        ),
        Index("ix_customer_sales_first_day", "first_day"),
        Index("ix_customer_sales_last_day", "last_day", "customer_id"),
        Index("ix_customer_sales_hours", "hours_key"),
        Index("ix_customer_sales_unknown", "customer_id", postgresql_where=sql("is_barred IS NULL")),
        Index("ix_customer_sales_worth", "worth", "customer_id"),
        VACUUMED_SOON,
    )

    customer_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    order_count: int = count()
    order_days: int = count()
    first_day: date
    last_day: date
    # Wide enough for the sum of many orders of the greatest amount.
    lifetime_value: Decimal = Field(default=Decimal(0), sa_type=Numeric(18, 2), nullable=False)
    is_barred: bool | None = Field(default=None, nullable=True)
    called_at: datetime | None = moment()
    call_back_on: date | None = Field(default=None, nullable=True)
    hours_key: str | None = text(nullable=True)
    # Values that the call queue uses for every customer in each query: the mean days between orders, and the lifetime
    # value as a double.
    own_cycle: float | None = Field(default=None, sa_column=Column(Double, Computed(OWN_CYCLE, persisted=True)))
    worth: float = Field(default=None, sa_column=Column(Double, Computed(WORTH, persisted=True), nullable=False))


class CustomerSalesChange(Table, table=True):
    """A customer whose orders changed since the last refresh. Several rows may name the same customer."""

    __tablename__ = "customer_sales_change"

    id: int = key()
    # Not a foreign key: triggers write the row while customers are merged and deleted, and it is deleted within
    # minutes.
    customer_id: int = Field(sa_type=BigInteger, nullable=False)


class CustomerCallChange(Table, table=True):
    """A customer or phone number whose calls, suppression or place changed since the last fold; several rows may name
    the same one.

    Readers look up the owner of the number, because a concurrent transaction may assign it to a customer.
    """

    __tablename__ = "customer_call_change"

    id: int = key()
    # Not a foreign key: triggers write the row while customers are merged and deleted, and it is deleted within
    # minutes.
    customer_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    phone: str | None = text(nullable=True)


class CustomerSalesSteps(Table, table=True):
    """Quantiles of `customer_sales`: every n-th worth and cycle in order, and the number of customers up to and
    including it; also the number of callable customers by the day of their last order.

    There is one row or none: any write to `customer_sales` deletes it, and the fold writes a new one. `worths` are
    negated, so that both arrays ascend. At most `apart` customers are between two steps, or after the last one.
    """

    __tablename__ = "customer_sales_steps"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    apart: int
    customers: int
    known_cycles: int
    worths: list[float] = Field(sa_type=ARRAY(Double), nullable=False)
    worths_through: list[int] = Field(sa_type=ARRAY(Integer), nullable=False)
    cycles: list[float] = Field(sa_type=ARRAY(Double), nullable=False)
    cycles_through: list[int] = Field(sa_type=ARRAY(Integer), nullable=False)
    # Null in a row of the release before: readers count then.
    days: list[date] | None = Field(default=None, sa_type=ARRAY(Date), nullable=True)
    customers_of_days: list[int] | None = Field(default=None, sa_type=ARRAY(Integer), nullable=True)


class ProductPair(Table, table=True):
    """Two products bought by at least three of the same customers. `lift` is how often, relative to chance."""

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
# Triggers for calls by account and by phone number, for the owners of numbers, and for suppression.
NOTE_CALLS_OF_CUSTOMERS = (
    """
CREATE FUNCTION note_calls_of_customers() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO customer_call_change (customer_id, phone) SELECT DISTINCT customer_id, phone FROM written;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO customer_call_change (customer_id, phone) SELECT DISTINCT customer_id, phone FROM dropped;
  ELSE
    INSERT INTO customer_call_change (customer_id, phone)
    VALUES (OLD.customer_id, OLD.phone), (NEW.customer_id, NEW.phone);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_call_inserted AFTER INSERT ON outbound_call_log REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_calls_of_customers()
""",
    """
CREATE TRIGGER customer_call_deleted AFTER DELETE ON outbound_call_log REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION note_calls_of_customers()
""",
    """
CREATE TRIGGER customer_call_updated AFTER UPDATE OF customer_id, phone, outcome, callback_date, created_at
ON outbound_call_log
FOR EACH ROW WHEN ((OLD.customer_id, OLD.phone, OLD.outcome, OLD.callback_date, OLD.created_at)
  IS DISTINCT FROM (NEW.customer_id, NEW.phone, NEW.outcome, NEW.callback_date, NEW.created_at))
EXECUTE FUNCTION note_calls_of_customers()
""",
    """
CREATE FUNCTION note_reach_of_customer() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO customer_call_change (customer_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_reach_updated
AFTER UPDATE OF phone, phone2, is_active, do_not_call, shipping_zip, shipping_state ON customer
FOR EACH ROW WHEN (
  (OLD.phone, OLD.phone2, OLD.is_active, OLD.do_not_call, OLD.shipping_zip, OLD.shipping_state) IS DISTINCT FROM
  (NEW.phone, NEW.phone2, NEW.is_active, NEW.do_not_call, NEW.shipping_zip, NEW.shipping_state))
EXECUTE FUNCTION note_reach_of_customer()
""",
    """
CREATE FUNCTION note_reach_of_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO customer_call_change (phone) VALUES (OLD.phone);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO customer_call_change (phone) VALUES (NEW.phone);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_reach_inserted AFTER INSERT ON suppressed_number
FOR EACH ROW WHEN (NEW.do_not_call) EXECUTE FUNCTION note_reach_of_number()
""",
    """
CREATE TRIGGER customer_reach_deleted AFTER DELETE ON suppressed_number
FOR EACH ROW WHEN (OLD.do_not_call) EXECUTE FUNCTION note_reach_of_number()
""",
    """
CREATE TRIGGER customer_reach_updated AFTER UPDATE OF phone, do_not_call ON suppressed_number
FOR EACH ROW WHEN ((OLD.phone, OLD.do_not_call) IS DISTINCT FROM (NEW.phone, NEW.do_not_call))
EXECUTE FUNCTION note_reach_of_number()
""",
)
# Steps are valid only for the rows from which they were calculated. Only one transaction at a time changes those rows,
# so that no other transaction writes steps concurrently.
DROP_STEPS = (
    """
CREATE FUNCTION drop_customer_sales_steps() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('customer_sales'));
  DELETE FROM customer_sales_steps;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_sales_steps_dropped BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON customer_sales
FOR EACH STATEMENT EXECUTE FUNCTION drop_customer_sales_steps()
""",
)
for _statement in (NOTE_SALES, *NOTE_SALES_TRIGGERS, *NOTE_CALLS_OF_CUSTOMERS, *DROP_STEPS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
