"""keep the number of products

Revision ID: 2f6b81d4c09e
Revises: 7d21e90ab54c
"""

import sqlalchemy as sa
from alembic import op

revision = "2f6b81d4c09e"
down_revision = "7d21e90ab54c"
branch_labels = None
depends_on = None

NOTE_PRODUCTS = """
CREATE FUNCTION note_product_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO product_count (products) SELECT count(*) FROM written WHERE is_active HAVING count(*) > 0;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO product_count (products) SELECT -count(*) FROM dropped WHERE is_active HAVING count(*) > 0;
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM product_count;
  ELSE
    INSERT INTO product_count (products) VALUES (CASE WHEN NEW.is_active THEN 1 ELSE -1 END);
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_PRODUCTS_TRIGGERS = (
    """
CREATE TRIGGER product_count_inserted AFTER INSERT ON product REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_product_count()
""",
    """
CREATE TRIGGER product_count_deleted AFTER DELETE ON product REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_product_count()
""",
    """
CREATE TRIGGER product_count_emptied AFTER TRUNCATE ON product FOR EACH STATEMENT
EXECUTE FUNCTION note_product_count()
""",
    """
CREATE TRIGGER product_count_updated AFTER UPDATE OF is_active ON product
FOR EACH ROW WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active)
EXECUTE FUNCTION note_product_count()
""",
)


def upgrade() -> None:
    op.create_table(
        "product_count",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_count")),
    )
    # A trigger's lock keeps writers away to the end, so that none is counted twice.
    for statement in (NOTE_PRODUCTS, *NOTE_PRODUCTS_TRIGGERS):
        op.execute(statement)
    op.execute("INSERT INTO product_count (products) SELECT count(*) FROM product WHERE is_active")


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "emptied", "updated"):
        op.execute(f"DROP TRIGGER product_count_{trigger} ON product")
    op.execute("DROP FUNCTION note_product_count()")
    op.drop_table("product_count")
