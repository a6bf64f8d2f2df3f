"""keep the journal by the hour

Revision ID: a7c3d95e1f48
Revises: d1f86b42c057
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "a7c3d95e1f48"
down_revision = "d1f86b42c057"
branch_labels = None
depends_on = None

TABLES = ("payment", "invoice", "credit_memo")
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


# Where money lies in the journal depends on when its order's invoice was sent and voided.
_OF_PAYMENTS = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.created_at UNION SELECT b.at FROM invoice AS i, LATERAL (VALUES (i.sent_at), (i.voided_at)) AS b(at)
      WHERE i.order_id = r.order_id AND b.at > r.created_at
    ) AS m(at) WHERE r.state = 'succeeded' AND m.at IS NOT NULL
"""  # noqa: S608 - ours
_OF_INVOICES = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.sent_at UNION SELECT r.voided_at
      UNION SELECT p.created_at FROM payment AS p WHERE p.order_id = r.order_id AND p.created_at >= r.sent_at
    ) AS m(at) WHERE r.sent_at IS NOT NULL AND m.at IS NOT NULL
"""  # noqa: S608 - ours
_OF_MEMOS = f"""
SELECT DISTINCT 'books', {_HOUR.format(moment="m.at")} FROM {{rows}}, LATERAL (
      SELECT r.created_at UNION SELECT i.voided_at FROM invoice AS i WHERE i.id = r.invoice_id
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
)  # fmt: skip


def upgrade() -> None:
    money = sa.Numeric(precision=18, scale=2)
    op.create_table(
        "journal_hour",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("debit", money, nullable=False),
        sa.Column("credit", money, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_hour")),
    )
    op.create_index("ix_journal_hour_hour", "journal_hour", ["hour"])
    op.create_table(
        "month_proof",
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("receivables_before", money, nullable=False),
        sa.Column("receivables", money, nullable=False),
        sa.Column("open_invoices", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("first", name=op.f("pk_month_proof")),
    )
    lock_tables("orders", *TABLES)
    op.create_index(
        "ix_orders_shipped_owed",
        "orders",
        ["shipped_at", "id"],
        postgresql_where=sa.text("on_terms AND status IN ('shipped', 'delivered') AND balance > 0"),
    )
    op.create_index("ix_orders_overpaid", "orders", ["created_at", "id"], postgresql_where=sa.text("overpaid > 0"))
    op.create_index("ix_invoice_voided", "invoice", ["voided_at"], postgresql_where=sa.text("voided_at IS NOT NULL"))
    for statement in NOTE_BOOKS:
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        for trigger in ("inserted", "deleted", "updated"):
            op.execute(f"DROP TRIGGER note_books_of_{table}_{trigger} ON {table}")
        op.execute(f"DROP FUNCTION note_books_of_{table}()")
    op.drop_index("ix_invoice_voided", table_name="invoice")
    op.drop_index("ix_orders_overpaid", table_name="orders")
    op.drop_index("ix_orders_shipped_owed", table_name="orders")
    op.drop_table("month_proof")
    op.drop_table("journal_hour")
