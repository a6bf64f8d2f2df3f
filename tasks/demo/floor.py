"""The demo's warehouse: box rules, picked and scanned lines, labels of all parcels, and the parcels' locations."""

import asyncpg

# As many as fill the box by weight, up to 35 lb, or the maximum for a box of this kind.
_RULES = """
INSERT INTO box_rule (product_id, qty_per_box, box_name, length_in, width_in, height_in, notes, created_at, updated_at)
SELECT p.id, greatest(1, least(floor(560 / p.ship_weight_oz), kind.takes))::int, p.ship_box_name, p.ship_box_length,
  p.ship_box_width, p.ship_box_height, CASE WHEN p.id % 17 = 0 THEN 'Paper between each pair' ELSE '' END, w.at, w.at
FROM demo_wish AS w
CROSS JOIN product AS p
JOIN (VALUES ('Small', 12), ('Medium', 8), ('Large', 6), ('Pan box', 12), ('Long box', 10)) AS kind(name, takes)
  ON kind.name = p.ship_box_name
WHERE p.ship_weight_oz > 0 AND p.id % 10 <> 3
ORDER BY p.id
"""
# The position of each open order in its status, modulo nine: 1 is half packed, 2 set aside for missing items.
_QUEUE = """
CREATE TEMP TABLE demo_queue AS
SELECT id, row_number() OVER (PARTITION BY status ORDER BY id) % 9 AS place FROM orders
WHERE status IN ('confirmed', 'packed')
"""
# Packed orders are completely scanned and some have a label; some of the confirmed ones are picked.
_STAGES = """
UPDATE orders AS o SET
  picked_at = CASE WHEN o.packed_at IS NOT NULL THEN o.packed_at - interval '35 minutes'
    ELSE o.confirmed_at + interval '20 minutes' END,
  set_aside_at = CASE WHEN o.status = 'confirmed' AND q.place = 2 THEN o.confirmed_at + interval '50 minutes' END,
  tracking_number = CASE WHEN o.status = 'packed' AND q.place = 5 THEN '1Z999AA1' || lpad(o.id::text, 10, '0') END,
  carrier = CASE WHEN o.status = 'packed' AND q.place = 5 THEN 'UPS' END
FROM demo_queue AS q
WHERE q.id = o.id AND (o.packed_at IS NOT NULL OR q.place IN (1, 2, 4, 7))
"""
_SCANS = """
INSERT INTO label_scan (order_id, order_item_id, quantity, scanned, scan_key, actor_id, actor_name, created_at)
SELECT o.id, i.id, done.units, i.product_sku, 'demo-' || i.id, packer.id, packer.full_name,
  coalesce(o.packed_at, o.picked_at) - interval '5 minutes'
FROM demo_queue AS q
JOIN orders AS o ON o.id = q.id
JOIN order_item AS i ON i.order_id = o.id
CROSS JOIN (SELECT id, full_name FROM staff WHERE username = 'packer') AS packer
CROSS JOIN LATERAL (
  SELECT CASE WHEN o.status = 'packed' OR i.position = 1 AND q.place = 1 THEN i.quantity
    ELSE i.quantity / 2 END AS units
) AS done
WHERE o.picked_at IS NOT NULL AND done.units > 0 AND (o.status = 'packed' OR q.place IN (1, 2))
ORDER BY i.id
"""
_TOTES = """
INSERT INTO picked_line (order_item_id, order_id, quantity, actor_id, actor_name, created_at)
SELECT i.id, o.id, i.quantity, packer.id, packer.full_name, o.picked_at
FROM orders AS o JOIN order_item AS i ON i.order_id = o.id
CROSS JOIN (SELECT id, full_name FROM staff WHERE username = 'packer') AS packer
WHERE o.status = 'confirmed' AND o.picked_at IS NOT NULL ORDER BY i.id
"""
_LABELS = """
INSERT INTO label (order_id, state, purchase, position, reference, carrier, service, rate, request, shipment_id,
  tracking_number, tracker_id, next_ask_at, bought_at, actor_kind, actor_id, actor_name, created_at, updated_at,
  refund_status, voided_at)
SELECT o.id, 'bought', 'demo-' || o.id || part.kind, 1, o.order_number || part.kind, o.carrier, 'Ground',
  8.95 + 0.12 * least(o.unit_count, 200), '{}'::jsonb, 'shp_demo_' || o.id || part.kind,
  CASE WHEN part.kind = '' THEN o.tracking_number ELSE 'VOID' || o.tracking_number END,
  'trk_demo_' || o.id || part.kind, bought.at, bought.at, 'staff', packer.id, packer.full_name, bought.at, bought.at,
  CASE WHEN part.kind <> '' THEN 'refunded' END, CASE WHEN part.kind <> '' THEN bought.at END
FROM orders AS o
CROSS JOIN (SELECT id, full_name FROM staff WHERE username = 'packer') AS packer
CROSS JOIN (VALUES (''), ('-void')) AS part(kind)
CROSS JOIN LATERAL (SELECT coalesce(o.shipped_at, o.packed_at) - interval '12 minutes' AS at) AS bought
WHERE o.tracking_number IS NOT NULL AND o.carrier = 'UPS' AND (part.kind = '' OR o.id % 211 = 7)
ORDER BY o.id, part.kind
"""
_TRACKERS = """
INSERT INTO tracker (order_id, tracking_number, carrier, provider_id, status, expected_at, public_url, details, said_at,
  created_at, updated_at)
SELECT o.id, o.tracking_number, o.carrier, 'trk_demo_' || o.id, way.status, way.expected_at, '',
  jsonb_build_array(jsonb_build_object('datetime', to_char(o.shipped_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'message', 'Picked up', 'status', 'in_transit', 'location', 'Chicago, IL 60607')),
  coalesce(o.delivered_at, o.shipped_at), o.shipped_at, o.shipped_at
FROM orders AS o
CROSS JOIN LATERAL (
  SELECT CASE WHEN o.status = 'delivered' THEN 'delivered' WHEN o.id % 6 = 2 THEN 'out_for_delivery'
      ELSE 'in_transit' END AS status,
    CASE WHEN o.status <> 'delivered' AND o.id % 13 = 5 THEN o.shipped_at + interval '2 hours'
      ELSE o.shipped_at + interval '4 days' END AS expected_at
) AS way
WHERE o.tracking_number IS NOT NULL AND o.carrier = 'UPS' AND o.status IN ('shipped', 'delivered')
ORDER BY o.id
"""
# Yesterday's labels as one batch: all bought, except for one address that needs attention.
_BATCH = """
INSERT INTO label_batch (choice, created_at, finished_at, actor_kind, actor_id, actor_name)
SELECT 'cheapest', max(l.bought_at), max(l.bought_at) + interval '2 minutes', 'staff', s.id, s.full_name
FROM (SELECT bought_at FROM label WHERE voided_at IS NULL ORDER BY bought_at DESC LIMIT 6) AS l
CROSS JOIN (SELECT id, full_name FROM staff WHERE username = 'packer') AS s
GROUP BY s.id, s.full_name
"""
_BATCH_ORDERS = """
INSERT INTO label_batch_order (batch_id, order_id, state, carrier, service, cost, parcels, expected_on, problem,
  proposal, updated_at)
SELECT b.id, o.order_id, o.state, o.carrier, o.service, o.cost, o.parcels,
  CASE WHEN o.state = 'bought' THEN to_char(b.created_at + interval '4 days', 'YYYY-MM-DD') ELSE '' END,
  o.problem, o.proposal, b.finished_at
FROM label_batch AS b
CROSS JOIN (
  (SELECT order_id, 'bought' AS state, carrier, service, rate AS cost, 1 AS parcels, '' AS problem,
     NULL::jsonb AS proposal
   FROM label WHERE voided_at IS NULL ORDER BY bought_at DESC, id LIMIT 6)
  UNION ALL
  (SELECT id, 'needs_you', '', '', NULL, 0, 'The carrier does not know this address.', '{"address": null}'::jsonb
   FROM orders WHERE status = 'packed' AND tracking_number IS NULL ORDER BY id LIMIT 1)
) AS o
ORDER BY o.state, o.order_id
"""
_BATCH_LABELS = """
UPDATE label SET batch_id = row.batch_id FROM label_batch_order AS row
WHERE row.order_id = label.order_id AND row.state = 'bought' AND label.voided_at IS NULL
"""


STATEMENTS = (
    _RULES, _QUEUE, _STAGES, _SCANS, _TOTES, _LABELS, _TRACKERS, _BATCH, _BATCH_ORDERS, _BATCH_LABELS,
    "DROP TABLE demo_queue",
)  # fmt: skip


async def write_floor(connection: asyncpg.Connection) -> None:
    """Write the work of the warehouse on the existing orders."""
    for statement in STATEMENTS:
        await connection.execute(statement)
