"""find products without a picture or a cost

Revision ID: d94b7e61c2f3
Revises: 3c81f5d7a046
"""

import sqlalchemy as sa
from alembic import op

revision = "d94b7e61c2f3"
down_revision = "3c81f5d7a046"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_product_no_picture": "image_hash IS NULL AND coalesce(image_url, '') = ''",
    "ix_product_no_cost": "cost_per_item IS NULL",
}


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    for name, condition in INDEXES.items():
        op.create_index(name, "product", ["name", "id"], postgresql_where=sa.text(condition))


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "product")
