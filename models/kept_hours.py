"""Precalculated figures of reports by hour, each counted from the rows themselves.

Triggers note which hours a change affects, in its own transaction and without a lock. A reader recounts those hours and
uses the stored figures of the others, so that figures are always exact. A job stores the new counts. Stored figures are
always recounted, never incremented, and so cannot drift.

Hours are in UTC. If a business day begins within an hour, readers count that hour again in two parts.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Index, Numeric, event
from sqlmodel import Field

from models.base import Table, key, moment, required_moment


class HourChange(Table, table=True):
    """An hour that a report must recount because its data changed. Several rows may name the same hour."""

    __tablename__ = "hour_change"

    id: int = key()
    report: str
    hour: datetime = required_moment()


class TradeHour(Table, table=True):
    """Totals of orders, goods, allowances and labels of one hour, in US dollars, without cancelled orders.

    `sales` are lines less discounts. `bare_lines` is the number of lines without a cost; they were sold for
    `bare_sales`.
    """

    __tablename__ = "trade_hour"
    __table_args__ = (Index("ix_trade_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    orders: int = Field(sa_type=BigInteger, nullable=False)
    sales: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    fees: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    goods: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    bare_lines: int = Field(sa_type=BigInteger, nullable=False)
    bare_sales: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    allowances: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    shipping: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)


class RepHour(Table, table=True):
    """The commissions of the orders of one hour and rep, without cancelled orders, in US dollars.

    `paid` is the part that is marked as paid.
    """

    __tablename__ = "rep_hour"
    __table_args__ = (Index("ix_rep_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    # Not a foreign key: it is updated with the orders, which have the foreign key to the rep.
    sales_rep_id: int = Field(sa_type=BigInteger, nullable=False)
    earned: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    paid: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)


class ProductHour(Table, table=True):
    """The units of a product sold in one hour, with their orders and amount, only of the last 90 days.

    The release before this one stores neither orders nor revenue: readers recount such hours.
    """

    __tablename__ = "product_hour"
    __table_args__ = (
        Index("ix_product_hour_hour", "hour"),
        Index(
            "ix_product_hour_product",
            "product_id",
            "hour",
            postgresql_include=["units", "orders", "revenue"],
        ),
    )

    id: int = key()
    hour: datetime = required_moment()
    # Not a foreign key: it is updated with the order's lines, which have the foreign key to the product.
    product_id: int = Field(sa_type=BigInteger, nullable=False)
    units: int = Field(sa_type=BigInteger, nullable=False)
    orders: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    # In US dollars, before discounts on whole orders.
    revenue: Decimal | None = Field(default=None, sa_type=Numeric(18, 2), nullable=True)


class ProductPace(Table, table=True):
    """The sum of a product's hours, as of the last count."""

    __tablename__ = "product_pace"

    product_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    units: int = Field(sa_type=BigInteger, nullable=False)


class JournalHour(Table, table=True):
    """What an hour's journal events post to an account, in US dollars. The row without account has their number."""

    __tablename__ = "journal_hour"
    __table_args__ = (Index("ix_journal_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    kind: str
    account: str
    entries: int = Field(sa_type=BigInteger, nullable=False)
    postings: int = Field(sa_type=BigInteger, nullable=False)
    debit: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    credit: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)


class CallHour(Table, table=True):
    """The calls that a colleague made in one hour to people in one time zone.

    Without a zone, or in a zone whose offset from UTC is not a whole hour, the row covers a quarter of an hour. `at` is
    the beginning of that hour or quarter.
    """

    __tablename__ = "call_hour"
    __table_args__ = (Index("ix_call_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    at: datetime = required_moment()
    # Not a foreign key: it is updated with the calls, which have the foreign key to the caller.
    staff_id: int = Field(sa_type=BigInteger, nullable=False)
    zone: str
    calls: int = Field(sa_type=BigInteger, nullable=False)
    sales: int = Field(sa_type=BigInteger, nullable=False)


class CallDay(Table, table=True):
    """The sum of a colleague's `call_hour` rows of one UTC day, by the local hour of the called people.

    Calls without a zone have no local hour and keep `at`.
    """

    __tablename__ = "call_day"
    __table_args__ = (Index("ix_call_day_day", "day"),)

    id: int = key()
    day: datetime = required_moment()
    # Not a foreign key: it is updated with the calls, which have the foreign key to the caller.
    staff_id: int = Field(sa_type=BigInteger, nullable=False)
    local_hour: int | None = None
    at: datetime | None = moment()
    calls: int = Field(sa_type=BigInteger, nullable=False)
    sales: int = Field(sa_type=BigInteger, nullable=False)


class MonthProof(Table, table=True):
    """The last check of a month: when its journal was compared with the month's events, and receivables with the
    invoices, and whether they agreed. `changed_at` is when something up to its end was last recounted. `checked_at` is
    -infinity during the first check."""

    __tablename__ = "month_proof"

    first: date = Field(primary_key=True)
    ends_at: datetime = required_moment()
    checked_at: datetime = required_moment()
    changed_at: datetime | None = moment()
    agrees: bool
    receivables_before: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    receivables: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    open_invoices: int = Field(sa_type=BigInteger, nullable=False)


_HOUR = "date_trunc('hour', {moment}, 'UTC')"
_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) {inserted};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) {deleted};
  ELSE
    INSERT INTO hour_change (report, hour) {was} UNION {becomes};
  END IF;
  RETURN NULL;
END $body$
"""
_TRIGGERS = (
    """
CREATE TRIGGER {name}_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION {name}()
""",
    """
CREATE TRIGGER {name}_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION {name}()
""",
    """
CREATE TRIGGER {name}_updated AFTER UPDATE OF {columns} ON {table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {name}()
""",
)


def note_hours(
    report: str, table: str, hours: str, columns: tuple[str, ...], *, only_updates: bool = False
) -> tuple[str, ...]:
    """Return the statements that create the triggers which note the changes of a table for a report.

    `hours` selects the report's name and the affected hours from `{rows}`. `columns` are the columns whose changes
    matter; after a column's name there may be an expression that limits the change to what matters.
    """
    name = f"note_{report}_of_{table}"
    function = _FUNCTION.format(
        name=name,
        inserted=hours.format(rows="written AS r").strip(),
        deleted=hours.format(rows="dropped AS r").strip(),
        was=hours.format(rows="(SELECT OLD.*) AS r").strip(),
        becomes=hours.format(rows="(SELECT NEW.*) AS r").strip(),
    )
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    of = ", ".join(column.split()[0] for column in columns)
    names = {"name": name, "table": table, "columns": of, "old": old, "new": new}
    return (function, *(trigger.format(**names) for trigger in _TRIGGERS[2 if only_updates else 0 :]))


_OF_ROW = f"SELECT DISTINCT 'trade', {_HOUR.format(moment='r.{moment}')} FROM {{{{rows}}}}{{where}}"  # noqa: S608 - ours
# Regardless of the order's state, which may be changing concurrently.
_OF_LINES = f"""
SELECT DISTINCT 'trade', {_HOUR.format(moment="o.created_at")} FROM {{rows}} JOIN orders AS o ON o.id = r.order_id
"""  # noqa: S608 - ours
NOTE_TRADE = (
    *note_hours(
        "trade",
        "orders",
        _OF_ROW.format(moment="created_at", where=" WHERE r.status <> 'cancelled'"),
        ("created_at", "status = 'cancelled'", "subtotal", "discount_amount", "delivery_fee"),
    ),
    *note_hours(
        "trade", "order_item", _OF_LINES, ("order_id", "product_id", "quantity", "unit_cost", "line_total")
    ),
    *note_hours(
        "trade",
        "payment",
        _OF_ROW.format(moment="created_at", where=" WHERE r.given_back = 'allowance'"),
        ("created_at", "given_back", "given_for", "state", "note", "applied_amount"),
    ),
    *note_hours("trade", "credit_memo", _OF_ROW.format(moment="created_at", where=""), ("created_at", "amount")),
    *note_hours("trade", "order_allowance", _OF_ROW.format(moment="created_at", where=""), ("created_at", "amount")),
    *note_hours(
        "trade",
        "label",
        _OF_ROW.format(moment="bought_at", where=" WHERE r.bought_at IS NOT NULL"),
        ("bought_at", "state", "rate", "insurance", "refund_status"),
    ),
)  # fmt: skip
# The accounts of payments and allowances in the journal depend on when an invoice was sent and voided.
_MOMENTS = "LATERAL (VALUES (i.sent_at), (i.voided_at)) AS b(at)"
_OF_PAYMENTS = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.created_at UNION SELECT b.at FROM invoice AS i, {_MOMENTS}
      WHERE i.order_id = r.order_id AND b.at > r.created_at
      UNION SELECT i.voided_at FROM invoice AS i WHERE i.id = r.invoice_id AND i.voided_at > r.created_at
    ) AS m(at) WHERE r.state = 'succeeded' AND m.at IS NOT NULL
"""  # noqa: S608 - ours
_OF_INVOICES = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.sent_at UNION SELECT r.voided_at
      UNION SELECT p.created_at FROM payment AS p WHERE p.order_id = r.order_id AND p.created_at >= r.sent_at
      UNION SELECT p.created_at FROM payment AS p WHERE p.invoice_id = r.id AND p.created_at >= r.voided_at
      UNION SELECT a.created_at FROM order_allowance AS a WHERE a.order_id = r.order_id AND a.created_at >= r.sent_at
      UNION SELECT b.at FROM invoice AS i, {_MOMENTS} WHERE i.order_id = r.order_id AND r.voided_at IS NOT NULL
    ) AS m(at) WHERE r.sent_at IS NOT NULL AND m.at IS NOT NULL
"""  # noqa: S608 - ours
_OF_MEMOS = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.created_at UNION SELECT i.voided_at FROM invoice AS i WHERE i.id = r.invoice_id
      UNION SELECT b.at FROM invoice AS v JOIN invoice AS i ON i.order_id = v.order_id, {_MOMENTS}
      WHERE v.id = r.invoice_id AND v.status = 'void'
    ) AS m(at) WHERE m.at IS NOT NULL
"""  # noqa: S608 - ours
_OF_ALLOWANCES = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.created_at UNION SELECT b.at FROM invoice AS i, {_MOMENTS}
      WHERE i.order_id = r.order_id AND b.at > r.created_at
    ) AS m(at) WHERE m.at IS NOT NULL
"""  # noqa: S608 - ours
NOTE_BOOKS = (
    *note_hours(
        "books",
        "payment",
        _OF_PAYMENTS,
        (
            "created_at", "order_id", "invoice_id", "given_back", "given_for", "method", "state", "amount",
            "applied_amount", "note",
        ),
    ),
    *note_hours(
        "books",
        "invoice",
        _OF_INVOICES,
        ("sent_at", "voided_at", "order_id", "total_amount", "shipping_fee", "tax_amount"),
    ),
    *note_hours("books", "credit_memo", _OF_MEMOS, ("created_at", "invoice_id", "amount")),
    *note_hours("books", "order_allowance", _OF_ALLOWANCES, ("created_at", "order_id", "amount")),
)  # fmt: skip
_OF_CALLS = f"""
SELECT DISTINCT 'calls', {_HOUR.format(moment="r.created_at")} FROM {{rows}} WHERE r.{{which}}
"""  # noqa: S608 - ours
_OF_ENTRIES = f"""
SELECT DISTINCT 'calls', {_HOUR.format(moment="c.created_at")} FROM {{rows}}, LATERAL (
      SELECT created_at FROM outbound_call_log WHERE entry_id = r.id
      UNION SELECT created_at FROM calling_event WHERE entry_id = r.id AND kind = 'called'
    ) AS c
"""  # noqa: S608 - ours
NOTE_CALLS = (
    *note_hours(
        "calls",
        "outbound_call_log",
        _OF_CALLS.replace("{which}", "staff_id IS NOT NULL"),
        ("created_at", "staff_id", "entry_id", "outcome"),
    ),
    *note_hours(
        "calls",
        "calling_event",
        _OF_CALLS.replace("{which}", "kind = 'called'"),
        ("created_at", "kind", "actor_kind", "actor_id", "entry_id"),
    ),
    # The time zone of the called person. If an entry is deleted, its calls lose it and are noted then.
    *note_hours("calls", "calling_entry", _OF_ENTRIES, ("hours_key",), only_updates=True),
)  # fmt: skip
# An hour of trade that was recounted counts for the reps again, so that placing an order notes only the trade.
NOTE_REPS = (
    *note_hours(
        "reps",
        "trade_hour",
        "SELECT DISTINCT 'reps', r.hour FROM {rows}",
        ("hour", "orders", "sales", "fees", "goods", "bare_lines", "bare_sales", "allowances", "shipping"),
    ),
    *note_hours(
        "reps",
        "orders",
        f"SELECT DISTINCT 'reps', {_HOUR.format(moment='r.created_at')} FROM {{rows}}",  # noqa: S608 - constants
        ("sales_rep_id", "commission_amount", "commission_paid"),
        only_updates=True,
    ),
)
# The days whose stored hours changed. Only the count of hours writes these.
_OF_HOURS = "SELECT DISTINCT 'call_days', date_trunc('day', r.hour, 'UTC') FROM {rows}"
NOTE_CALL_DAYS = note_hours("call_days", "call_hour", _OF_HOURS, ("hour", "at", "staff_id", "zone", "calls", "sales"))
for _statement in (*NOTE_TRADE, *NOTE_BOOKS, *NOTE_REPS, *NOTE_CALLS, *NOTE_CALL_DAYS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
