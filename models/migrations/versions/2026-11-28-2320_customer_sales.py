"""Customers' sales are added up for the outbound call queue, and pairs of products are counted.

Revision ID: customer_sales
Revises: read_one_history
"""

import sqlalchemy as sa
from alembic import op

revision = "customer_sales"
down_revision = "read_one_history"
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    op.create_table(
        "customer_sales",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("order_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("lifetime_value", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_sales")),
    )
    op.create_table(
        "customer_sales_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_sales_change")),
    )
    op.create_table(
        "product_pair",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("other_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shared", sa.Integer(), nullable=False),
        sa.Column("lift", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", "other_id", name=op.f("pk_product_pair")),
    )
    op.create_index(
        "ix_product_pair_best",
        "product_pair",
        ["product_id", sa.literal_column("lift DESC"), sa.literal_column("shared DESC"), "other_id"],
        unique=False,
    )
    for statement in (NOTE_SALES, *NOTE_SALES_TRIGGERS):
        op.execute(statement)
    # What was sold before is added up by the next refresh; until then readers do it themselves.
    op.execute(
        "INSERT INTO customer_sales_change (customer_id) "
        "SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL"
    )


def downgrade() -> None:
    for trigger in ("customer_sales_inserted", "customer_sales_deleted", "customer_sales_updated"):
        op.execute(f"DROP TRIGGER {trigger} ON orders")
    op.execute("DROP FUNCTION note_customer_sales()")
    op.drop_index("ix_product_pair_best", table_name="product_pair")
    for table in ("product_pair", "customer_sales_change", "customer_sales"):
        op.drop_table(table)
