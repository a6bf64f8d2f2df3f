"""keep coming renewals

Revision ID: d27f60b81c95
Revises: 4d229be94e88

The first pass of the job counts everything, since what a renewal comes to depends on the settings.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "d27f60b81c95"
down_revision = "4d229be94e88"
branch_labels = None
depends_on = None

# The product and the one that may stand in; which of both is sold is looked at when they are counted.
NOTE_RENEWALS = (
    """
CREATE FUNCTION note_renewals_of_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO renewal_day_change (product_id)
    SELECT id FROM (VALUES (OLD.product_id), (OLD.substitute_id)) AS sold(id) WHERE id IS NOT NULL;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO renewal_day_change (product_id)
    SELECT id FROM (VALUES (NEW.product_id), (NEW.substitute_id)) AS sold(id) WHERE id IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE FUNCTION note_renewals_of_products() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO renewal_day_change (product_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER renewals_inserted AFTER INSERT ON subscription FOR EACH ROW
EXECUTE FUNCTION note_renewals_of_subscriptions()
""",
    """
CREATE TRIGGER renewals_deleted AFTER DELETE ON subscription FOR EACH ROW
EXECUTE FUNCTION note_renewals_of_subscriptions()
""",
    """
CREATE TRIGGER renewals_updated AFTER UPDATE OF product_id, substitute_id, substitute_agreed, status, retry_on,
  next_renewal_date, quantity, discount_pct ON subscription
FOR EACH ROW WHEN ((OLD.product_id, OLD.substitute_id, OLD.substitute_agreed, OLD.status, OLD.retry_on,
  OLD.next_renewal_date, OLD.quantity, OLD.discount_pct)
  IS DISTINCT FROM (NEW.product_id, NEW.substitute_id, NEW.substitute_agreed, NEW.status, NEW.retry_on,
  NEW.next_renewal_date, NEW.quantity, NEW.discount_pct))
EXECUTE FUNCTION note_renewals_of_subscriptions()
""",
    """
CREATE TRIGGER renewals_priced AFTER UPDATE OF unit_price, bulk_price, bulk_quantity ON product
FOR EACH ROW WHEN ((OLD.unit_price, OLD.bulk_price, OLD.bulk_quantity)
  IS DISTINCT FROM (NEW.unit_price, NEW.bulk_price, NEW.bulk_quantity))
EXECUTE FUNCTION note_renewals_of_products()
""",
)
NOTE_ALL = """
INSERT INTO renewal_day_change (product_id)
SELECT product_id FROM subscription UNION SELECT substitute_id FROM subscription WHERE substitute_id IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "renewal_day",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("renewals", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("free_from", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("fee", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_day")),
    )
    op.create_table(
        "renewal_day_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_day_change")),
    )
    op.create_index("ix_renewal_day_product", "renewal_day", ["product_id"])
    op.create_index("ix_renewal_day_rules", "renewal_day", ["free_from", "fee"])
    lock_tables("subscription", "product")
    for statement in NOTE_RENEWALS:
        op.execute(statement)
    op.execute(NOTE_ALL)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER renewals_{trigger} ON subscription")
    op.execute("DROP TRIGGER renewals_priced ON product")
    for rows in ("subscriptions", "products"):
        op.execute(f"DROP FUNCTION note_renewals_of_{rows}()")
    op.drop_table("renewal_day_change")
    op.drop_table("renewal_day")
