"""keep what was traded by the hour

Revision ID: c5a1e0739d24
Revises: 5b1f0e7c93ad
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "c5a1e0739d24"
down_revision = "5b1f0e7c93ad"
branch_labels = None
depends_on = None

TABLES = ("order_item", "payment", "credit_memo", "label")
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


def _kept(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )


def upgrade() -> None:
    _kept("hour_change", sa.Column("report", sa.String(), nullable=False))
    _kept(
        "trade_hour",
        sa.Column("orders", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Numeric(precision=18, scale=2), nullable=False) for name in ("sales", "fees", "goods")),
        sa.Column("bare_lines", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Numeric(precision=18, scale=2), nullable=False)
            for name in ("bare_sales", "allowances", "shipping")
        ),
    )
    op.create_index("ix_trade_hour_hour", "trade_hour", ["hour"])
    _kept(
        "product_hour",
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_product_hour_hour", "product_hour", ["hour"])
    op.create_table(
        "product_pace",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product_pace")),
    )
    lock_tables("orders", *TABLES)
    op.create_index("ix_payment_created", "payment", ["created_at"])
    for statement in NOTE_TRADE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("orders", *TABLES):
        for trigger in ("inserted", "deleted", "updated"):
            op.execute(f"DROP TRIGGER note_trade_of_{table}_{trigger} ON {table}")
        op.execute(f"DROP FUNCTION note_trade_of_{table}()")
    op.drop_index("ix_payment_created", table_name="payment")
    for name in ("product_pace", "product_hour", "trade_hour", "hour_change"):
        op.drop_table(name)
