"""Orders are counted and added up by business day, rep and state.

Revision ID: 5d0c8e71b9a4
Revises: 5b8e2d71c094
"""

import sqlalchemy as sa
from alembic import op

revision = "5d0c8e71b9a4"
down_revision = "5b8e2d71c094"
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    op.create_table(
        "order_day",
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sales_rep_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("zone", "day", "sales_rep_id", "status", name=op.f("pk_order_day")),
    )
    op.create_table(
        "order_day_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sales_rep_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_day_change")),
    )
    for statement in (NOTE_DAYS, *NOTE_DAYS_TRIGGERS):
        op.execute(statement)
    # What was placed before is folded in by the next pass; until then readers add it up themselves.
    op.execute(
        "INSERT INTO order_day_change (created_at, sales_rep_id, status, orders, amount) "
        "SELECT created_at, coalesce(sales_rep_id, 0), status, 1, total_amount FROM orders"
    )


def downgrade() -> None:
    for trigger in ("order_days_inserted", "order_days_deleted", "order_days_updated"):
        op.execute(f"DROP TRIGGER {trigger} ON orders")
    op.execute("DROP FUNCTION note_order_days()")
    for table in ("order_day_change", "order_day"):
        op.drop_table(table)
