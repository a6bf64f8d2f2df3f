"""Requests for quotes may name a vendor, and two vendors may have one name.

Revision ID: vendors_of_requests
Revises: credit_memos
"""

import sqlalchemy as sa
from alembic import op

revision = "vendors_of_requests"
down_revision = "credit_memos"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rfq", sa.Column("vendor_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_rfq_vendor_id"), "rfq", ["vendor_id"])
    op.create_foreign_key(op.f("fk_rfq_vendor_id"), "rfq", "vendor", ["vendor_id"], ["id"], ondelete="SET NULL")
    op.drop_index(op.f("uq_vendor_name_lower"), table_name="vendor")
    op.create_index("ix_vendor_name", "vendor", [sa.literal_column("lower(name)"), "id"])


def downgrade() -> None:
    op.drop_index("ix_vendor_name", table_name="vendor")
    op.create_index(op.f("uq_vendor_name_lower"), "vendor", [sa.literal_column("lower(name::text)")], unique=True)
    op.drop_constraint(op.f("fk_rfq_vendor_id"), "rfq", type_="foreignkey")
    op.drop_index(op.f("ix_rfq_vendor_id"), table_name="rfq")
    op.drop_column("rfq", "vendor_id")
