"""Photos of checks may lie in the object store.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("paper_check_image", "data", existing_type=sa.LargeBinary(), nullable=True)
    op.add_column("paper_check_image", sa.Column("object_key", sa.Text(), server_default="", nullable=False))
    op.create_check_constraint(
        op.f("ck_paper_check_image_one_place"), "paper_check_image", "(data IS NULL) = (object_key <> '')"
    )
    op.create_index(
        "ix_paper_check_image_unmoved",
        "paper_check_image",
        ["check_id", "side"],
        postgresql_where=sa.text("data IS NOT NULL"),
    )


def downgrade() -> None:
    """Photos that were moved away can't come back, so their rows go; the objects stay."""
    op.execute("DELETE FROM paper_check_image WHERE data IS NULL")
    op.drop_index("ix_paper_check_image_unmoved", table_name="paper_check_image")
    op.drop_constraint(op.f("ck_paper_check_image_one_place"), "paper_check_image")
    op.drop_column("paper_check_image", "object_key")
    op.alter_column("paper_check_image", "data", existing_type=sa.LargeBinary(), nullable=False)
