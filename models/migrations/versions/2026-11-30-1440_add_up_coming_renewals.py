"""add up coming renewals

Revision ID: f2b94d6e1a70
Revises: 4e1d7b90c2a6

The release before this one stores renewals without their sums: readers recalculate these products.
"""

import sqlalchemy as sa
from alembic import op

revision = "f2b94d6e1a70"
down_revision = "4e1d7b90c2a6"
branch_labels = None
depends_on = None

ADD_UP_RENEWALS = (
    """
CREATE FUNCTION add_up_renewals() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP IN ('DELETE', 'UPDATE') THEN
    INSERT INTO renewal_total (day, renewals, amount)
    SELECT day, -sum(renewals), -sum(amount) FROM dropped GROUP BY day;
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    INSERT INTO renewal_total (day, renewals, amount)
    SELECT day, sum(renewals), sum(amount) FROM written GROUP BY day;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER renewal_totals_inserted AFTER INSERT ON renewal_day REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION add_up_renewals()
""",
    """
CREATE TRIGGER renewal_totals_deleted AFTER DELETE ON renewal_day REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION add_up_renewals()
""",
    """
CREATE TRIGGER renewal_totals_updated AFTER UPDATE ON renewal_day
REFERENCING OLD TABLE AS dropped NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION add_up_renewals()
""",
)
SUM_UP = """
UPDATE renewal_day AS r SET so_far = s.so_far, next_day = s.next_day
FROM (
  SELECT id, sum(quantity) OVER days AS so_far, lead(day) OVER days AS next_day FROM renewal_day
  WINDOW days AS (PARTITION BY product_id ORDER BY day)
) AS s WHERE s.id = r.id
"""
TOTALS = """
INSERT INTO renewal_total (day, renewals, amount)
SELECT day, sum(renewals), sum(amount) FROM renewal_day GROUP BY day ORDER BY day
"""


def upgrade() -> None:
    # The count of renewals waits, so that nothing changes between these statements.
    op.execute("SELECT pg_advisory_xact_lock(hashtext('renewal_day'))")
    op.add_column("renewal_day", sa.Column("so_far", sa.BigInteger(), nullable=True))
    op.add_column("renewal_day", sa.Column("next_day", sa.Date(), nullable=True))
    op.create_table(
        "renewal_total",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("renewals", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_total")),
    )
    op.execute(SUM_UP)
    op.create_index(
        "ix_renewal_day_without_sum", "renewal_day", ["product_id"], postgresql_where=sa.text("so_far IS NULL")
    )
    for statement in ADD_UP_RENEWALS:
        op.execute(statement)
    op.execute(TOTALS)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER renewal_totals_{trigger} ON renewal_day")
    op.execute("DROP FUNCTION add_up_renewals()")
    op.drop_table("renewal_total")
    op.drop_index("ix_renewal_day_without_sum", table_name="renewal_day")
    op.drop_column("renewal_day", "next_day")
    op.drop_column("renewal_day", "so_far")
