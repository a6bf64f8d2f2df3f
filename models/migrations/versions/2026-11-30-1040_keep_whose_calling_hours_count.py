"""keep whose calling hours count for a customer

Revision ID: 5d0c8e7fa319
Revises: 2f9a6d13c874

The first fold works the keys out; until then readers that ask for hours do. The steps of the queue's ranks are kept at
once, since readers of the first page would count them at each look.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.locks import lock_tables

revision = "5d0c8e7fa319"
down_revision = "2f9a6d13c874"
branch_labels = None
depends_on = None

DUE = ["customer_id", "order_count", "worth", "called_at", "call_back_on"]
REACH = """
CREATE TRIGGER customer_reach_updated
AFTER UPDATE OF phone, phone2, is_active, do_not_call, shipping_zip, shipping_state ON customer
FOR EACH ROW WHEN (
  (OLD.phone, OLD.phone2, OLD.is_active, OLD.do_not_call, OLD.shipping_zip, OLD.shipping_state) IS DISTINCT FROM
  (NEW.phone, NEW.phone2, NEW.is_active, NEW.do_not_call, NEW.shipping_zip, NEW.shipping_state))
EXECUTE FUNCTION note_reach_of_customer()
"""
REACH_BEFORE = """
CREATE TRIGGER customer_reach_updated AFTER UPDATE OF phone, phone2, is_active, do_not_call ON customer
FOR EACH ROW WHEN ((OLD.phone, OLD.phone2, OLD.is_active, OLD.do_not_call)
  IS DISTINCT FROM (NEW.phone, NEW.phone2, NEW.is_active, NEW.do_not_call))
EXECUTE FUNCTION note_reach_of_customer()
"""
STEPS = """
INSERT INTO customer_sales_steps (
  id, apart, customers, known_cycles, worths, worths_through, cycles, cycles_through, days, customers_of_days
)
SELECT 1, 63, w.customers, c.known_cycles, w.worths, w.worths_through, c.cycles, c.cycles_through, d.days,
  d.customers_of_days
FROM (
  SELECT coalesce(max(total), 0) AS customers, coalesce(array_agg(worth ORDER BY worth), '{}') AS worths,
    coalesce(array_agg(through ORDER BY worth), '{}') AS worths_through
  FROM (
    SELECT DISTINCT worth, through, total FROM (
      SELECT -worth AS worth, row_number() OVER (ORDER BY worth DESC) AS place,
        count(*) OVER (ORDER BY worth DESC)::int AS through, count(*) OVER ()::int AS total
      FROM customer_sales
    ) AS placed WHERE place % 64 = 1
  ) AS steps
) AS w CROSS JOIN (
  SELECT coalesce(max(total), 0) AS known_cycles, coalesce(array_agg(own_cycle ORDER BY own_cycle), '{}') AS cycles,
    coalesce(array_agg(through ORDER BY own_cycle), '{}') AS cycles_through
  FROM (
    SELECT DISTINCT own_cycle, through, total FROM (
      SELECT own_cycle, row_number() OVER (ORDER BY own_cycle) AS place,
        count(*) OVER (ORDER BY own_cycle)::int AS through, count(*) OVER ()::int AS total
      FROM customer_sales WHERE own_cycle IS NOT NULL
    ) AS placed WHERE place % 64 = 1
  ) AS steps
) AS c CROSS JOIN (
  SELECT coalesce(array_agg(last_day ORDER BY last_day), '{}') AS days,
    coalesce(array_agg(customers ORDER BY last_day), '{}') AS customers_of_days
  FROM (SELECT last_day, count(*)::int AS customers FROM customer_sales WHERE NOT is_barred GROUP BY 1) AS counted
) AS d
"""


def replace_due(include: list[str]) -> None:
    op.drop_index("ix_customer_sales_due", table_name="customer_sales")
    op.create_index(
        "ix_customer_sales_due",
        "customer_sales",
        ["last_day", "own_cycle"],
        postgresql_include=include,
        postgresql_where=sa.text("NOT is_barred"),
    )


def upgrade() -> None:
    lock_tables("customer", "customer_sales", "customer_sales_steps")
    op.add_column("customer_sales", sa.Column("hours_key", sa.Text(), nullable=True))
    op.add_column("customer_sales_steps", sa.Column("days", postgresql.ARRAY(sa.Date()), nullable=True))
    op.add_column("customer_sales_steps", sa.Column("customers_of_days", postgresql.ARRAY(sa.Integer()), nullable=True))
    op.execute("DROP TRIGGER customer_reach_updated ON customer")
    op.execute(REACH)
    replace_due([*DUE, "hours_key"])
    op.create_index(
        "ix_customer_sales_called",
        "customer_sales",
        ["called_at"],
        postgresql_include=["last_day", "order_count", "call_back_on"],
        postgresql_where=sa.text("NOT is_barred"),
    )
    op.create_index("ix_customer_sales_hours", "customer_sales", ["hours_key"])
    # Writing is a fold's alone, and one waits for this step.
    op.execute("DELETE FROM customer_sales_steps")
    op.execute(STEPS)


def downgrade() -> None:
    lock_tables("customer", "customer_sales", "customer_sales_steps")
    op.drop_index("ix_customer_sales_hours", table_name="customer_sales")
    op.drop_index("ix_customer_sales_called", table_name="customer_sales")
    replace_due(DUE)
    op.execute("DROP TRIGGER customer_reach_updated ON customer")
    op.execute(REACH_BEFORE)
    op.drop_column("customer_sales_steps", "customers_of_days")
    op.drop_column("customer_sales_steps", "days")
    op.drop_column("customer_sales", "hours_key")
