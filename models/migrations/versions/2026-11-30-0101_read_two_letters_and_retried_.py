"""read two letters and retried subscriptions by index

Revision ID: 9755d85a808e
Revises: adafdad08844
"""

import sqlalchemy as sa
from alembic import op

revision = "9755d85a808e"
down_revision = "adafdad08844"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_customer_company_begins", "customer", [sa.literal_column("lower(company_name) text_pattern_ops")]
    )
    op.create_index(
        "ix_subscription_retried",
        "subscription",
        ["retry_on", "id"],
        postgresql_where=sa.text("status = 'active' AND retry_on IS NOT NULL"),
    )
    op.create_index("ix_subscription_status", "subscription", ["status"])


def downgrade() -> None:
    op.drop_index("ix_subscription_status", table_name="subscription")
    op.drop_index("ix_subscription_retried", table_name="subscription")
    op.drop_index("ix_customer_company_begins", table_name="customer")
