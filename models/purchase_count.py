"""Precalculated number of orders per SKU, so that it need not be counted from all lines ever sold.

Triggers insert one row for what each order adds or subtracts, whatever the number of its lines, in its own transaction
and without a lock. The sum of all rows is always exact; a job folds them into one. `domain/calling/purchases.py` is the
only reader.

Every act that changes an order's lines holds the order's lock, so that its status does not change concurrently.
"""

from sqlalchemy import ARRAY, DDL, BigInteger, String, event
from sqlmodel import Field

from models.base import Table, key


class PurchaseCount(Table, table=True):
    """The number of orders with each SKU, or the change of it, negative where it decreases. Cancelled orders do not
    count.

    The three arrays have the same length. An order with several names for one SKU counts under the alphabetically last.
    """

    __tablename__ = "purchase_count"

    id: int = key()
    skus: list[str] = Field(sa_type=ARRAY(String), nullable=False)
    names: list[str] = Field(sa_type=ARRAY(String), nullable=False)
    orders: list[int] = Field(sa_type=ARRAY(BigInteger), nullable=False)


# For each order with changed lines: the number of lines by SKU and name, before and after. LATERAL makes a cached plan
# read only the lines of these orders, however many there were when it was planned.
_LINES = """
          SELECT i.* FROM (SELECT order_id FROM {changed} GROUP BY order_id) AS c CROSS JOIN LATERAL (
            SELECT order_id, product_sku, product_name, 1, 1 FROM order_item WHERE order_id = c.order_id OFFSET 0
          ) AS i"""
_WRITTEN = """
          UNION ALL SELECT order_id, product_sku, product_name, -1, 0 FROM written"""
_DROPPED = """
          UNION ALL SELECT order_id, product_sku, product_name, 1, 0 FROM dropped"""
_NOTE = """INSERT INTO purchase_count (skus, names, orders)
    SELECT array_agg(n.sku), array_agg(n.name), array_agg(n.orders) FROM ({counts}
    ) AS n(sku, name, orders) HAVING count(*) > 0;"""
_DIFFERENCES = """
      SELECT e.sku, n.name, sum(n.orders) FROM (
        SELECT order_id, sku, max(name) FILTER (WHERE was > 0) AS was, max(name) FILTER (WHERE becomes > 0) AS becomes
        FROM (
          SELECT order_id, sku, name, sum(was) AS was, sum(becomes) AS becomes FROM ({lines}
          ) AS l(order_id, sku, name, was, becomes) WHERE sku <> '' GROUP BY order_id, sku, name
        ) AS s GROUP BY order_id, sku
      ) AS e CROSS JOIN LATERAL (VALUES (e.was, -1), (e.becomes, 1)) AS n(name, orders)
      WHERE e.was IS DISTINCT FROM e.becomes AND n.name IS NOT NULL
        AND (SELECT status FROM orders WHERE id = e.order_id) <> 'cancelled'
      GROUP BY e.sku, n.name HAVING sum(n.orders) <> 0"""
_OF_ORDER = """
      SELECT product_sku, max(product_name), CASE WHEN TG_OP = 'DELETE' OR NEW.status = 'cancelled' THEN -1 ELSE 1 END
      FROM order_item WHERE order_id = OLD.id AND product_sku <> '' GROUP BY product_sku"""
_INSERTED = _NOTE.format(counts=_DIFFERENCES.format(lines=_LINES.format(changed="written") + _WRITTEN))
_DELETED = _NOTE.format(counts=_DIFFERENCES.format(lines=_LINES.format(changed="dropped") + _DROPPED))
_EITHER = "(SELECT order_id FROM written UNION ALL SELECT order_id FROM dropped) AS either"
_UPDATED = _NOTE.format(counts=_DIFFERENCES.format(lines=_LINES.format(changed=_EITHER) + _WRITTEN + _DROPPED))
NOTE_PURCHASES = (
    f"""
CREATE FUNCTION note_purchases_of_lines() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- The lines of one new order, as nearly all that are written, add themselves and nothing else.
    INSERT INTO purchase_count (skus, names, orders)
    SELECT array_agg(w.product_sku), array_agg(w.product_name), array_agg(1) FROM written AS w
    HAVING min(w.order_id) = max(w.order_id) AND count(*) = count(DISTINCT w.product_sku) AND min(w.product_sku) <> ''
      AND count(*) = (SELECT count(*) FROM order_item WHERE order_id = min(w.order_id))
      AND (SELECT status FROM orders WHERE id = min(w.order_id)) <> 'cancelled';
    IF FOUND THEN
      RETURN NULL;
    END IF;
    {_INSERTED}
  ELSIF TG_OP = 'DELETE' THEN
    {_DELETED}
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM purchase_count;
  ELSE
    {_UPDATED}
  END IF;
  RETURN NULL;
END $body$
""",  # noqa: S608 - constants of ours
    f"""
CREATE FUNCTION note_purchases_of_orders() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  {_NOTE.format(counts=_OF_ORDER)}
  RETURN OLD;
END $body$
""",
)
# Lines deleted together with their order can no longer read it, so the order's own trigger subtracts them first.
NOTE_PURCHASES_TRIGGERS = (
    """
CREATE TRIGGER purchases_inserted AFTER INSERT ON order_item REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_purchases_of_lines()
""",
    """
CREATE TRIGGER purchases_deleted AFTER DELETE ON order_item REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_purchases_of_lines()
""",
    """
CREATE TRIGGER purchases_updated AFTER UPDATE ON order_item
REFERENCING OLD TABLE AS dropped NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION note_purchases_of_lines()
""",
    """
CREATE TRIGGER purchases_emptied AFTER TRUNCATE ON order_item FOR EACH STATEMENT
EXECUTE FUNCTION note_purchases_of_lines()
""",
    """
CREATE TRIGGER purchases_moved AFTER UPDATE OF status ON orders
FOR EACH ROW WHEN ((OLD.status = 'cancelled') IS DISTINCT FROM (NEW.status = 'cancelled'))
EXECUTE FUNCTION note_purchases_of_orders()
""",
    """
CREATE TRIGGER purchases_deleted BEFORE DELETE ON orders
FOR EACH ROW WHEN (OLD.status <> 'cancelled') EXECUTE FUNCTION note_purchases_of_orders()
""",
)
for _statement in (*NOTE_PURCHASES, *NOTE_PURCHASES_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
