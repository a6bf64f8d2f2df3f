"""keep the order's number with an invoice

Revision ID: 6d41b7f09c2e
Revises: 06fd8a2c94e7

From now on a trigger copies it; the next migration does so for the invoices of before.
"""

import sqlalchemy as sa
from alembic import op

revision = "6d41b7f09c2e"
down_revision = "06fd8a2c94e7"
branch_labels = None
depends_on = None

COPY = """
CREATE FUNCTION invoice_copies_order_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  NEW.order_number := (SELECT order_number FROM orders WHERE id = NEW.order_id);
  RETURN NEW;
END $body$
"""
TRIGGER = """
CREATE TRIGGER invoice_copies_order_number BEFORE INSERT OR UPDATE OF order_id, order_number ON invoice FOR EACH ROW
EXECUTE FUNCTION invoice_copies_order_number()
"""


def upgrade() -> None:
    op.add_column("invoice", sa.Column("order_number", sa.Text(), nullable=True))
    op.execute(COPY)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER invoice_copies_order_number ON invoice")
    op.execute("DROP FUNCTION invoice_copies_order_number()")
    op.drop_column("invoice", "order_number")
