"""Precalculated standing of each customer for lists: what they owe on terms, whether their terms allow it, and their
first order.

Triggers note the customers that a change affects, in its own transaction and without a lock. Readers recalculate those
customers from their rows and use the stored values of all others, so that figures are always exact. A job folds the
changes in. Stored values are always recalculated, never incremented. `domain/customers/standings.py` is the only
reader.

Acts that link an order to an invoice or a customer hold the order's lock, so that no trigger reads a link that another
transaction is changing.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Index, Numeric, event
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import VACUUMED_SOON, Table, flag, key, moment


class CustomerStanding(Table, table=True):
    """The standing of a customer who owes or has ordered, as of the last fold, in US dollars.

    `overdue_at` is the time from which some of the debt is overdue. The first order is the earliest one not cancelled;
    `first_rep_id` is the rep it counts for.
    """

    __tablename__ = "customer_standing"
    __table_args__ = (
        Index("ix_customer_standing_first", "first_at", postgresql_include=["customer_id", "first_rep_id"]),
        Index(
            "ix_customer_standing_owing",
            "customer_id",
            postgresql_include=["owes", "overdue_at", "on_terms", "is_over_limit", "is_listed"],
            postgresql_where=sql("owes > 0"),
        ),
        VACUUMED_SOON,
    )

    customer_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    first_at: datetime | None = moment()
    # Not a foreign key: it is updated with the order, which has the foreign key to the rep.
    first_rep_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    owes: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    overdue_at: datetime | None = moment()
    on_terms: bool = flag(False)
    is_over_limit: bool = flag(False)
    is_listed: bool = flag(False)


class CustomerStandingChange(Table, table=True):
    """A customer whose standing changed since the last fold. Several rows may name the same customer."""

    __tablename__ = "customer_standing_change"

    id: int = key()
    # Not a foreign key: triggers write the row while customers are merged and deleted, and it is deleted within
    # minutes.
    customer_id: int = Field(sa_type=BigInteger, nullable=False)


# An order affects its customer; an invoice affects its own customer and that of its order.
_OF_ORDERS = "SELECT r.customer_id FROM {rows}"
_OF_INVOICES = """
SELECT r.customer_id FROM {rows} UNION ALL SELECT o.customer_id FROM {rows} JOIN orders AS o ON o.id = r.order_id
"""
_NOTE = "INSERT INTO customer_standing_change (customer_id) SELECT DISTINCT customer_id FROM ({whom}) AS whom"
_FUNCTION = """
CREATE FUNCTION note_standing_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    {inserted} WHERE customer_id IS NOT NULL;
  ELSIF TG_OP = 'DELETE' THEN
    {deleted} WHERE customer_id IS NOT NULL;
  ELSE
    {updated} WHERE customer_id IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
"""


def _write_function(table: str, whom: str, *columns: str) -> str:
    both = ", ".join(f"({', '.join(f'{row}.{name}' for name in columns)})" for row in ("OLD", "NEW"))
    rows = {
        "inserted": "written AS r",
        "deleted": "dropped AS r",
        "updated": f"(VALUES {both}) AS r({', '.join(columns)})",
    }
    notes = {name: _NOTE.format(whom=whom.format(rows=source).strip()) for name, source in rows.items()}
    return _FUNCTION.format(table=table, **notes)


def _write_trigger(table: str, columns: tuple[str, ...], compared: tuple[str, ...]) -> str:
    old, new = (", ".join(value.format(row=row) for value in compared) for row in ("OLD", "NEW"))
    return f"""
CREATE TRIGGER standing_updated AFTER UPDATE OF {", ".join(columns)} ON {table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION note_standing_of_{table}()
"""


_WHOLE = (
    """
CREATE TRIGGER standing_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_standing_of_{table}()
""",
    """
CREATE TRIGGER standing_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_standing_of_{table}()
""",
)
NOTE_STANDINGS = (
    _write_function("orders", _OF_ORDERS, "customer_id"),
    *(trigger.format(table="orders") for trigger in _WHOLE),
    _write_trigger(
        "orders",
        ("customer_id", "sales_rep_id", "status", "created_at", "on_terms", "on_hold", "balance"),
        (
            "{row}.customer_id", "{row}.sales_rep_id", "{row}.status = 'cancelled'", "{row}.created_at",
            "CASE WHEN {row}.on_terms AND NOT {row}.on_hold THEN {row}.balance END",
        ),
    ),
    _write_function("invoice", _OF_INVOICES, "customer_id", "order_id"),
    *(trigger.format(table="invoice") for trigger in _WHOLE),
    _write_trigger(
        "invoice",
        ("customer_id", "order_id", "status", "balance", "overdue_from"),
        ("{row}.customer_id", "{row}.order_id", "{row}.status", "{row}.balance", "{row}.overdue_from"),
    ),
    """
CREATE FUNCTION note_standing_of_customer() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO customer_standing_change (customer_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    _write_trigger(
        "customer",
        ("payment_terms", "credit_limit", "is_active", "username", "email"),
        (
            "{row}.payment_terms", "{row}.credit_limit",
            "{row}.is_active OR {row}.username NOT LIKE 'deleted-%' OR {row}.email IS NOT NULL",
        ),
    ),
)  # fmt: skip
for _statement in NOTE_STANDINGS:
    event.listen(Table.metadata, "after_create", DDL(_statement.replace("%", "%%")))  # type: ignore[no-untyped-call]
