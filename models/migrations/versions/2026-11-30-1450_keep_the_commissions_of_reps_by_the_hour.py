"""keep the commissions of reps by the hour

Revision ID: 91d6f3b8e25c
Revises: f2b94d6e1a70
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "91d6f3b8e25c"
down_revision = "f2b94d6e1a70"
branch_labels = None
depends_on = None

NOTE_REPS = (
    """
CREATE FUNCTION note_reps_of_trade_hour() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'reps', r.hour FROM written AS r;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'reps', r.hour FROM dropped AS r;
  ELSE
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'reps', r.hour FROM (SELECT OLD.*) AS r UNION SELECT DISTINCT 'reps', r.hour FROM (SELECT NEW.*) AS r;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER note_reps_of_trade_hour_inserted AFTER INSERT ON trade_hour REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_reps_of_trade_hour()
""",
    """
CREATE TRIGGER note_reps_of_trade_hour_deleted AFTER DELETE ON trade_hour REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_reps_of_trade_hour()
""",
    """
CREATE TRIGGER note_reps_of_trade_hour_updated AFTER UPDATE OF hour, orders, sales, fees, goods, bare_lines, bare_sales, allowances, shipping ON trade_hour
FOR EACH ROW WHEN ((OLD.hour, OLD.orders, OLD.sales, OLD.fees, OLD.goods, OLD.bare_lines, OLD.bare_sales, OLD.allowances, OLD.shipping) IS DISTINCT FROM (NEW.hour, NEW.orders, NEW.sales, NEW.fees, NEW.goods, NEW.bare_lines, NEW.bare_sales, NEW.allowances, NEW.shipping)) EXECUTE FUNCTION note_reps_of_trade_hour()
""",
    """
CREATE FUNCTION note_reps_of_orders() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'reps', date_trunc('hour', r.created_at, 'UTC') FROM written AS r;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'reps', date_trunc('hour', r.created_at, 'UTC') FROM dropped AS r;
  ELSE
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'reps', date_trunc('hour', r.created_at, 'UTC') FROM (SELECT OLD.*) AS r UNION SELECT DISTINCT 'reps', date_trunc('hour', r.created_at, 'UTC') FROM (SELECT NEW.*) AS r;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER note_reps_of_orders_updated AFTER UPDATE OF sales_rep_id, commission_amount, commission_paid ON orders
FOR EACH ROW WHEN ((OLD.sales_rep_id, OLD.commission_amount, OLD.commission_paid) IS DISTINCT FROM (NEW.sales_rep_id, NEW.commission_amount, NEW.commission_paid)) EXECUTE FUNCTION note_reps_of_orders()
""",
)


def upgrade() -> None:
    op.create_table(
        "rep_hour",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sales_rep_id", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("paid", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rep_hour")),
    )
    op.create_index("ix_rep_hour_hour", "rep_hour", ["hour"])
    lock_tables("orders", "trade_hour")
    for statement in NOTE_REPS:
        op.execute(statement)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER note_reps_of_trade_hour_{trigger} ON trade_hour")
    op.execute("DROP TRIGGER note_reps_of_orders_updated ON orders")
    for table in ("trade_hour", "orders"):
        op.execute(f"DROP FUNCTION note_reps_of_{table}()")
    op.execute("DELETE FROM hour_change WHERE report = 'reps'")
    op.drop_table("rep_hour")
