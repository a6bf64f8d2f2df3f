"""The units of each product sold in the last 90 days, from stored hours and those that changed since they were counted.

The 90 days begin at a full hour.
"""

from domain.kernel.hours import HOURS_OF_90_DAYS

# The lines of the hours in `changed`; LATERAL, so that only the rows of these hours are read.
COUNT_PRODUCTS = f"""
SELECT h.hour, i.product_id, sum(i.quantity) AS units, count(DISTINCT o.id) AS orders, sum(i.line_total) AS revenue
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id FROM orders
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND status <> 'cancelled' OFFSET 0
) AS o
CROSS JOIN LATERAL (SELECT product_id, quantity, line_total FROM order_item WHERE order_id = o.id OFFSET 0) AS i
WHERE h.hour >= {HOURS_OF_90_DAYS} AND i.product_id IS NOT NULL
GROUP BY h.hour, i.product_id
"""  # noqa: S608 - constants of ours
# The stored sums cover all stored hours: hours that are too old, and those that changed, are subtracted.
SOLD = f"""
changed AS MATERIALIZED (
  SELECT DISTINCT hour FROM hour_change WHERE report = 'trade' AND hour >= {HOURS_OF_90_DAYS}
),
sold AS (
  SELECT product_id, sum(units)::int AS units
  FROM (
    SELECT product_id, units FROM product_pace
    UNION ALL SELECT product_id, -units FROM product_hour WHERE hour < {HOURS_OF_90_DAYS}
    UNION ALL
    SELECT p.product_id, -p.units FROM changed JOIN product_hour AS p ON p.hour = changed.hour
    UNION ALL SELECT product_id, units FROM ({COUNT_PRODUCTS}) AS again
  ) AS each GROUP BY product_id
)"""  # noqa: S608 - constants of ours
# What a recount writes for the hours in `changed`, and what it deletes.
KEEP_PRODUCTS = f"""
over AS (
  DELETE FROM product_hour WHERE hour < {HOURS_OF_90_DAYS} OR hour IN (SELECT hour FROM changed)
  RETURNING product_id, units
),
again AS MATERIALIZED ({COUNT_PRODUCTS}),
kept AS (
  INSERT INTO product_hour (hour, product_id, units, orders, revenue)
  SELECT hour, product_id, units, orders, revenue FROM again
),
paced AS (
  INSERT INTO product_pace AS p (product_id, units)
  SELECT product_id, sum(units)
  FROM (SELECT product_id, units FROM again UNION ALL SELECT product_id, -units FROM over) AS each
  GROUP BY product_id ORDER BY product_id
  ON CONFLICT (product_id) DO UPDATE SET units = p.units + excluded.units
)"""  # noqa: S608 - constants of ours
