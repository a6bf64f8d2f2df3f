"""keep further phones of merged customers

Revision ID: 8e41d7f3a90c
Revises: 5b8e0c72d4f1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "8e41d7f3a90c"
down_revision = "5b8e0c72d4f1"
branch_labels = None
depends_on = None

# Of either customer, those that are none of the two that the kept row had after the merge.
FILL = """
UPDATE customer_merge AS m SET further_phones = f.phones FROM (
  SELECT m.id, array_agg(DISTINCT had.phone ORDER BY had.phone) AS phones
  FROM customer_merge AS m
  CROSS JOIN LATERAL (VALUES
    (m.kept_before ->> 'phone'), (m.kept_before ->> 'phone2'), (m.merged_row ->> 'phone'), (m.merged_row ->> 'phone2')
  ) AS had(phone)
  CROSS JOIN LATERAL (SELECT m.kept_before || m.kept_after AS kept) AS after
  WHERE had.phone IS NOT NULL AND had.phone IS DISTINCT FROM after.kept ->> 'phone'
    AND had.phone IS DISTINCT FROM after.kept ->> 'phone2'
  GROUP BY m.id
) AS f WHERE f.id = m.id
"""


def upgrade() -> None:
    op.add_column(
        "customer_merge",
        sa.Column("further_phones", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.execute(FILL)
    op.create_index("ix_customer_merge_further_phones", "customer_merge", ["further_phones"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_column("customer_merge", "further_phones")
