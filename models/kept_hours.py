"""Figures of reports kept by the hour, each of them a count of the rows themselves.

Triggers note which hours a change is about, in its own transaction and without a lock. A reader counts those hours
again and takes the rest as kept, so that figures are exact at any time; a job counts them for good. What is kept never
comes from adding to what was kept before, and so cannot drift.

Hours are UTC's. Where a business's day begins within one, readers count that hour again in two parts.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Index, Numeric, event
from sqlmodel import Field

from models.base import Table, key, required_moment


class HourChange(Table, table=True):
    """An hour that a report has to count again since something of it changed; several rows may name one."""

    __tablename__ = "hour_change"

    id: int = key()
    report: str
    hour: datetime = required_moment()


class TradeHour(Table, table=True):
    """What orders, goods, allowances and labels of one hour come to, US dollars; cancelled orders are left out.

    `sales` are lines less discounts. `bare_lines` know no cost, and were sold for `bare_sales`.
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


class ProductHour(Table, table=True):
    """The units of a product sold in one hour; of the last 90 days alone."""

    __tablename__ = "product_hour"
    __table_args__ = (Index("ix_product_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    # Not a foreign key: it goes with the order's lines, which name the product by one.
    product_id: int = Field(sa_type=BigInteger, nullable=False)
    units: int = Field(sa_type=BigInteger, nullable=False)


class ProductPace(Table, table=True):
    """The sum of a product's hours as of the last count."""

    __tablename__ = "product_pace"

    product_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    units: int = Field(sa_type=BigInteger, nullable=False)


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


def note_hours(report: str, table: str, hours: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The statements that let a report hear of a table's changes.

    `hours` selects the report's name and the hours that rows are about, from `{rows}`; `columns` are those whose
    change matters, where a column's name may go on to what matters of it.
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
    return (function, *(trigger.format(**names) for trigger in _TRIGGERS))


_OF_ROW = f"SELECT DISTINCT 'trade', {_HOUR.format(moment='r.{moment}')} FROM {{{{rows}}}}{{where}}"  # noqa: S608 - ours
# Whatever its order's state: it may be changing beside this.
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
    *note_hours(
        "trade",
        "label",
        _OF_ROW.format(moment="bought_at", where=" WHERE r.bought_at IS NOT NULL"),
        ("bought_at", "state", "rate", "insurance", "refund_status"),
    ),
)  # fmt: skip
for _statement in NOTE_TRADE:
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
