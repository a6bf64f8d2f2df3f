"""The demo's catalogue and its stock, with a ledger that adds up to every stock level."""

CATEGORIES = """
INSERT INTO category (id, name, description, position, created_at)
SELECT n, name, description, n, at - interval '800 days' FROM demo_category, demo_wish ORDER BY n
"""

PRODUCTS = """
CREATE TEMP TABLE demo_product AS
WITH numbered AS (
  SELECT n AS id, 1 + (n - 1) % kinds AS kind_n, (n - 1) / kinds AS version
  FROM demo_wish AS w, (SELECT count(*) AS kinds FROM demo_kind) AS k, generate_series(1, w.products) AS n
),
versions AS (
  SELECT p.id, p.version, k.*, cardinality(k.sizes) AS size_count, cardinality(k.variants) AS variant_count,
    -- Every kind begins at another size, so that a small catalogue shows large and small ones.
    (p.version + k.n) % cardinality(k.sizes) AS size,
    (p.version / cardinality(k.sizes)) % cardinality(k.variants) AS variant,
    p.version / (cardinality(k.sizes) * cardinality(k.variants)) AS brand_turn
  FROM numbered AS p JOIN demo_kind AS k ON k.n = p.kind_n
),
branded AS (
  SELECT v.*, b.name AS brand, b.n AS brand_n, 1 + v.brand_turn / brands AS series
  FROM versions AS v
  CROSS JOIN (SELECT count(*) AS brands FROM demo_brand) AS size
  JOIN demo_brand AS b
    ON b.n = 1 + (v.brand_turn + floor(pg_temp.share(v.n * 64 + v.size * 8 + v.variant, 31) * brands)::bigint) % brands
),
priced AS (
  SELECT b.*,
    -- Prices end in 9 cents below ten dollars, in a nickel above.
    CASE WHEN raw < 10 THEN round(raw, 1) - 0.01 ELSE round(raw * 20) / 20 END::numeric(12, 2) AS unit_price
  FROM branded AS b
  CROSS JOIN LATERAL (
    SELECT b.price * (1 + 0.42 * b.size) * (1 + 0.22 * b.variant) * (0.9 + 0.02 * b.brand_n) AS raw
  ) AS sum
)
SELECT p.id, p.category AS category_id,
  p.variants[1 + p.variant] || ' ' || p.noun || ', ' || p.sizes[1 + p.size]
    || CASE WHEN p.series > 1 THEN ' (series ' || p.series || ')' ELSE '' END AS name,
  p.code || '-' || (101 + p.version) AS sku, p.brand, p.unit AS unit_size, p.unit_price,
  CASE WHEN has_bulk THEN round(p.unit_price * (0.94 - 0.08 * pg_temp.share(p.id, 32)::numeric), 2) END AS bulk_price,
  CASE WHEN has_bulk
       THEN CASE WHEN p.unit_price < 12 THEN 24 WHEN p.unit_price < 40 THEN 12 WHEN p.unit_price < 120 THEN 6 ELSE 4 END
       END AS bulk_quantity,
  -- A few came in without an invoice: their cost is not known.
  CASE WHEN p.id % 60 <> 7 THEN round(p.unit_price * (0.5 + 0.2 * pg_temp.share(p.id, 33)::numeric), 2) END
    AS cost_per_item,
  round(p.weight_oz * (1 + 0.35 * p.size), 2) AS weight_oz, box.name AS box_name, box.length, box.width, box.height,
  chr(64 + p.category::int) || '-' || lpad(pg_temp.nth(p.id, 34, 24)::text, 2, '0') AS bin_location,
  200000000000 + p.id * 9973 + pg_temp.nth(0, 35, 9000) AS barcode_body,
  -- What is to be on the shelf in the end: some none, some little; what is made on demand is not counted.
  CASE WHEN pg_temp.share(p.id, 36) < 0.04 THEN NULL
       WHEN pg_temp.share(p.id, 37) < 0.03 THEN 0
       WHEN pg_temp.share(p.id, 37) < 0.10 THEN pg_temp.nth(p.id, 38, 6)
       ELSE 10 + floor(power(pg_temp.share(p.id, 38), 2) * CASE WHEN p.unit_price < 40 THEN 400 ELSE 60 END)
       END::int AS wanted_level,
  CASE WHEN p.unit_price < 12 THEN 24 WHEN p.unit_price < 120 THEN 8 ELSE 3 END AS reorder_level,
  pg_temp.share(p.id, 39) >= 0.02 AS is_active,
  pg_temp.share(p.id, 40) < 0.03 AS is_customizable,
  CASE WHEN pg_temp.share(p.id, 41) < 0.7
       THEN 'For daily use in a busy kitchen; ' || CASE WHEN p.unit = 'each' THEN 'sold by the piece.'
            ELSE 'sold by the ' || p.unit || '.' END ELSE '' END AS description
FROM priced AS p
JOIN demo_box AS box ON box.n = p.box
CROSS JOIN LATERAL (SELECT pg_temp.share(p.id, 42) < 0.62 AS has_bulk) AS bulk
ORDER BY p.id;
ALTER TABLE demo_product ADD PRIMARY KEY (id);
ANALYZE demo_product
"""

# What orders took, what cancelled ones returned, and deliveries: before each period of thirty days except the last,
# what was sold in it, so that the shelf is nearly empty at its end.
LEDGER = """
CREATE TEMP TABLE demo_ledger AS
WITH moved AS (
  SELECT l.product_id, l.order_id, -l.quantity AS delta, 'order_placed' AS reason, o.created_at AS at,
    o.actor_kind, o.actor_id, o.actor_name, o.status <> 'cancelled' AS is_sold
  FROM demo_sale AS o
  JOIN demo_line AS l ON l.order_id = o.id
  JOIN demo_product AS p ON p.id = l.product_id AND p.wanted_level IS NOT NULL
),
sold AS (
  SELECT m.product_id, floor(extract(epoch FROM w.at - m.at) / 2592000)::int AS months_ago, -sum(m.delta)::int AS units
  FROM moved AS m, demo_wish AS w
  WHERE m.is_sold AND m.at < w.at - interval '30 days'
  GROUP BY m.product_id, months_ago
),
all_moves AS (
  SELECT product_id, order_id, delta, reason, at, actor_kind, actor_id, actor_name FROM moved
  UNION ALL
  SELECT s.product_id, NULL, s.units, 'received', w.at - (s.months_ago + 1) * interval '30 days', 'staff',
    team.floor_ids[1], team.floor_names[1]
  FROM sold AS s, demo_wish AS w, demo_team AS team
  UNION ALL
  SELECT m.product_id, m.order_id, -m.delta, 'order_cancelled', o.cancelled_at, 'staff', team.office_ids[2],
    team.office_names[2]
  FROM moved AS m JOIN demo_sale AS o ON o.id = m.order_id CROSS JOIN demo_team AS team
  WHERE o.status = 'cancelled'
  UNION ALL
  SELECT p.id, NULL, 24, 'received', w.at - (2 + 20 * pg_temp.share(p.id, 43)) * interval '1 day', 'staff',
    team.floor_ids[1], team.floor_names[1]
  FROM demo_product AS p, demo_wish AS w, demo_team AS team
  WHERE p.wanted_level > 6 AND pg_temp.share(p.id, 44) < 0.3
)
SELECT m.*, sum(m.delta) OVER (
    PARTITION BY m.product_id ORDER BY m.at, m.order_id NULLS FIRST, m.delta ROWS UNBOUNDED PRECEDING
  )::int AS running
FROM all_moves AS m
"""

# The lowest opening level with which the stock is never negative and ends at the intended level.
STOCK = """
CREATE TEMP TABLE demo_stock AS
SELECT p.id, greatest(p.wanted_level - coalesce(sums.net, 0), -coalesce(sums.lowest, 0), 0) AS opening,
  coalesce(sums.net, 0) AS net
FROM demo_product AS p
LEFT JOIN (
  SELECT product_id, sum(delta)::int AS net, min(running) AS lowest FROM demo_ledger GROUP BY product_id
) AS sums ON sums.product_id = p.id
WHERE p.wanted_level IS NOT NULL
"""

WRITE_PRODUCTS = """
INSERT INTO product (id, name, description, category_id, sku, brand, unit_size, unit_price, bulk_price, bulk_quantity,
  cost_per_item, in_stock, stock_quantity, reorder_level, barcode, bin_location, ship_weight_oz, ship_box_name,
  ship_box_length, ship_box_width, ship_box_height, is_customizable, is_active, archived_at, created_at, updated_at)
SELECT p.id, p.name, p.description, p.category_id, p.sku, p.brand, p.unit_size, p.unit_price, p.bulk_price,
  p.bulk_quantity, p.cost_per_item, true, s.opening + s.net, CASE WHEN s.id IS NOT NULL THEN p.reorder_level END,
  p.barcode_body || ((10 - checked.digits % 10) % 10)::text, p.bin_location, p.weight_oz, p.box_name, p.length, p.width,
  p.height, p.is_customizable, p.is_active, CASE WHEN NOT p.is_active THEN w.at - interval '45 days' END,
  w.at - interval '800 days', w.at - pg_temp.share(p.id, 45) * interval '300 days'
FROM demo_product AS p
CROSS JOIN demo_wish AS w
LEFT JOIN demo_stock AS s ON s.id = p.id
CROSS JOIN LATERAL (
  SELECT sum(substr(p.barcode_body::text, n, 1)::int * CASE WHEN n % 2 = 0 THEN 3 ELSE 1 END) AS digits
  FROM generate_series(1, 12) AS n
) AS checked
ORDER BY p.id
"""

WRITE_LEDGER = """
INSERT INTO stock_movement (product_id, delta, level_after, reason, order_id, actor_kind, actor_id, actor_name,
  created_at)
SELECT * FROM (
  SELECT s.id, s.opening AS delta, s.opening AS level_after, 'opening' AS reason, NULL::bigint AS order_id,
    'system' AS actor_kind, NULL::bigint AS actor_id, 'System' AS actor_name, w.at - interval '790 days' AS at
  FROM demo_stock AS s, demo_wish AS w
  WHERE s.opening > 0
  UNION ALL
  SELECT m.product_id, m.delta, s.opening + m.running, m.reason, m.order_id, m.actor_kind, m.actor_id, m.actor_name,
    m.at
  FROM demo_ledger AS m JOIN demo_stock AS s ON s.id = m.product_id
) AS moves
ORDER BY at, order_id NULLS FIRST, delta
"""
