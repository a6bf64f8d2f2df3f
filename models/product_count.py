"""Precalculated number of active products, so that the shop's list need not count them for each page.

Triggers insert a row for what each change adds or subtracts, in its own transaction and without a lock. The sum of all
rows is always exact; a job folds them into one.
"""

from sqlalchemy import DDL, event
from sqlmodel import Field

from models.base import Table, key


class ProductCount(Table, table=True):
    """The active products added since the last fold, negative if removed; one row holds the total so far."""

    __tablename__ = "product_count"

    id: int = key()
    products: int = Field(nullable=False)


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
for _statement in (NOTE_PRODUCTS, *NOTE_PRODUCTS_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
