"""keep how customers stand

Revision ID: 1a824882ee84
Revises: 3e5025f7bfc8
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "1a824882ee84"
down_revision = "3e5025f7bfc8"
branch_labels = None
depends_on = None

# An order's own customer, and for an invoice the customer of its order as well.
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


def upgrade() -> None:
    op.create_table(
        "customer_standing",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_rep_id", sa.BigInteger(), nullable=True),
        sa.Column("owes", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_terms", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_over_limit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_listed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_standing")),
    )
    op.create_table(
        "customer_standing_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_standing_change")),
    )
    op.create_index(
        "ix_customer_standing_first",
        "customer_standing",
        ["first_at"],
        postgresql_include=["customer_id", "first_rep_id"],
    )
    op.create_index(
        "ix_customer_standing_owing",
        "customer_standing",
        ["customer_id"],
        postgresql_include=["owes", "overdue_at", "on_terms", "is_over_limit", "is_listed"],
        postgresql_where=sa.text("owes > 0"),
    )
    lock_tables("orders", "invoice", "customer")
    for statement in NOTE_STANDINGS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("orders", "invoice"):
        for trigger in ("inserted", "deleted"):
            op.execute(f"DROP TRIGGER standing_{trigger} ON {table}")
    for table in ("orders", "invoice", "customer"):
        op.execute(f"DROP TRIGGER standing_updated ON {table}")
        op.execute(f"DROP FUNCTION note_standing_of_{table}()")
    op.drop_table("customer_standing_change")
    op.drop_table("customer_standing")
