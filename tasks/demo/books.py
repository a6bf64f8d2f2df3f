"""Writes the demo's orders: orders, lines, payments, timelines and the mails about them."""

ORDERS = """
INSERT INTO orders (id, order_number, customer_id, source, status, on_hold, hold_reason, attention, takes_stock,
  sales_rep_id, delivery_name, delivery_first_name, delivery_last_name, delivery_company, delivery_email,
  delivery_phone, delivery_address, delivery_city, delivery_state, delivery_zip, billing_address, po_number,
  special_notes, item_count, unit_count, subtotal, discount_amount, delivery_fee, total_amount, amount_paid,
  payment_method, on_terms, payment_status, tracking_number, carrier, created_at, updated_at, confirmed_at, packed_at,
  shipped_at,
  delivered_at, cancelled_at,
  actor_kind, actor_id, actor_name)
SELECT s.id, number.order_number, CASE WHEN NOT s.is_guest THEN s.customer_id END, s.source, s.status,
  s.hold_reason <> '', s.hold_reason, s.attention, s.takes_stock,
  CASE WHEN NOT s.is_guest THEN team.rep_ids[s.rep_n] END, c.first_name || ' ' || c.last_name, c.first_name,
  c.last_name, c.company_name, c.email, c.phone, c.street, c.city, c.state, c.zip,
  c.street || ', ' || c.city || ', ' || c.state || ' ' || c.zip,
  CASE WHEN s.method = 'net30' AND pg_temp.share(s.id, 101) < 0.4
       THEN 'PO-' || (1000 + s.id % 9000)::text ELSE '' END,
  coalesce(wish.word, ''), s.item_count, s.unit_count, s.subtotal, s.discount_amount, s.delivery_fee, s.total_amount,
  s.amount_paid, CASE WHEN s.payment_status = 'paid' THEN s.paid_by ELSE s.method END, s.method = 'net30',
  s.payment_status,
  CASE WHEN s.shipped_at IS NOT NULL AND carried.by_parcel
       THEN '1Z7E58' || lpad((pg_temp.nth(s.id, 103, 999999999))::text, 12, '0') END,
  CASE WHEN s.shipped_at IS NOT NULL THEN CASE WHEN carried.by_parcel THEN 'UPS' ELSE 'Own truck' END END,
  s.created_at,
  greatest(s.created_at, s.confirmed_at, s.packed_at, s.shipped_at, s.delivered_at, s.cancelled_at, s.paid_at,
    s.part_paid_at),
  s.confirmed_at, s.packed_at, s.shipped_at, s.delivered_at, s.cancelled_at, s.actor_kind, s.actor_id, s.actor_name
FROM demo_sale AS s
JOIN demo_number AS number ON number.id = s.id
JOIN demo_customer AS c ON c.id = s.customer_id
CROSS JOIN demo_team AS team
CROSS JOIN LATERAL (SELECT pg_temp.share(s.id, 102) < 0.7 AS by_parcel) AS carried
LEFT JOIN demo_word AS wish ON wish.list = 'wish' AND wish.n = pg_temp.nth(s.id, 104, 150)
ORDER BY s.id
"""

LINES = """
INSERT INTO order_item (order_id, position, product_id, product_name, product_sku, product_brand, product_unit_size,
  quantity, unit_price, is_bulk_price, line_total, unit_cost)
SELECT l.order_id, l.position, l.product_id, p.name, p.sku, p.brand, p.unit_size, l.quantity, l.unit_price,
  l.is_bulk_price, l.line_total, l.unit_cost
FROM demo_line AS l JOIN demo_product AS p ON p.id = l.product_id
ORDER BY l.order_id, l.position
"""

# A declined card, then the payment: in full, in part, or a check that has not been reviewed yet.
PAYMENTS = """
INSERT INTO payment (order_id, customer_id, method, state, amount, applied_amount, reference, note, actor_kind,
  actor_id, actor_name, created_at)
SELECT s.id, CASE WHEN NOT s.is_guest THEN s.customer_id END, p.method, p.state, p.amount,
  CASE WHEN p.state = 'succeeded' THEN p.amount ELSE 0 END,
  CASE WHEN p.method = 'check' THEN 'Check ' || (1001 + pg_temp.nth(s.id, 105, 8000))::text ELSE '' END,
  coalesce(refused.word, ''),
  CASE WHEN p.by_office THEN 'staff' ELSE 'system' END, CASE WHEN p.by_office THEN team.office_ids[2] END,
  CASE WHEN p.by_office THEN team.office_names[2] ELSE 'System' END, p.at
FROM demo_sale AS s
CROSS JOIN demo_team AS team
CROSS JOIN LATERAL (
  SELECT 'credit_card' AS method, 'failed' AS state, s.total_amount AS amount, s.created_at + interval '1 minute' AS at,
    false AS by_office
  WHERE s.payment_status = 'failed'
    OR (s.method = 'credit_card' AND s.paid_at IS NOT NULL AND pg_temp.share(s.id, 106) < 0.015)
  UNION ALL
  SELECT s.paid_by, 'succeeded', s.total_amount, s.paid_at, s.paid_by IN ('check', 'cash')
  WHERE s.paid_at IS NOT NULL
  UNION ALL
  SELECT 'check', 'succeeded', s.amount_paid, s.part_paid_at, true WHERE s.part_paid_at IS NOT NULL
) AS p
LEFT JOIN demo_word AS refused
  ON p.state = 'failed' AND refused.list = 'decline' AND refused.n = pg_temp.nth(s.id, 107, 3)
ORDER BY p.at, s.id, p.state
"""

REFUNDS = """
INSERT INTO payment (order_id, customer_id, refunds_payment_id, given_back, given_for, method, state, amount,
  applied_amount, note, actor_kind, actor_id, actor_name, created_at)
SELECT s.id, p.customer_id, p.id, 'allowance', 'cancelled', p.method, 'succeeded', -p.amount, -p.amount,
  'Order cancelled', 'staff', team.office_ids[2], team.office_names[2], s.cancelled_at
FROM demo_sale AS s
JOIN payment AS p ON p.order_id = s.id AND p.state = 'succeeded'
CROSS JOIN demo_team AS team
WHERE s.payment_status = 'refunded'
ORDER BY s.cancelled_at, s.id
"""

EVENTS = """
INSERT INTO order_event (order_id, kind, from_status, to_status, note, changes, actor_kind, actor_id, actor_name,
  created_at)
SELECT s.id, e.kind, e.from_status, e.to_status, coalesce(why.word, e.note, ''), e.changes, e.actor_kind, e.actor_id,
  e.actor_name, e.at
FROM demo_sale AS s
CROSS JOIN demo_team AS team
CROSS JOIN LATERAL (VALUES
    (s.created_at, 'placed', NULL, 'pending',
      CASE s.source WHEN 'web' THEN 'Placed in the shop' WHEN 'voice' THEN 'Placed by phone'
        WHEN 'subscription' THEN 'Placed by a subscription' ELSE 'Entered' END
        || CASE WHEN s.takes_stock THEN ', stock taken' ELSE '' END,
      NULL::jsonb, s.actor_kind, s.actor_id, s.actor_name),
    (s.confirmed_at, 'moved', 'pending', 'confirmed', NULL, NULL, 'staff', team.office_ids[2 + (s.id % 3)::int],
      team.office_names[2 + (s.id % 3)::int]),
    (s.packed_at, 'moved', 'confirmed', 'packed', NULL, NULL, 'staff', team.floor_ids[1 + (s.id % 2)::int],
      team.floor_names[1 + (s.id % 2)::int]),
    (s.shipped_at, 'moved', 'packed', 'shipped', NULL, NULL, 'staff', team.floor_ids[1 + (s.id % 2)::int],
      team.floor_names[1 + (s.id % 2)::int]),
    (s.delivered_at, 'moved', 'shipped', 'delivered', NULL, NULL, 'system', NULL, 'System'),
    (coalesce(s.paid_at, s.part_paid_at), 'paid', NULL, NULL, NULL,
      jsonb_build_object('amount',
        pg_temp.dollars(CASE WHEN s.paid_at IS NULL THEN s.amount_paid ELSE s.total_amount END)),
      CASE WHEN s.paid_by IN ('check', 'cash') OR s.paid_at IS NULL THEN 'staff' ELSE 'system' END,
      CASE WHEN s.paid_by IN ('check', 'cash') OR s.paid_at IS NULL THEN team.office_ids[2] END,
      CASE WHEN s.paid_by IN ('check', 'cash') OR s.paid_at IS NULL THEN team.office_names[2] ELSE 'System' END),
    (s.cancelled_at, 'moved', 'pending', 'cancelled', NULL, NULL, 'staff', team.office_ids[2],
      team.office_names[2]),
    (CASE WHEN s.payment_status = 'refunded' THEN s.cancelled_at + interval '1 second' END, 'refunded', NULL, NULL,
      NULL, jsonb_build_object('amount', pg_temp.dollars(s.total_amount)), 'staff', team.office_ids[2],
      team.office_names[2])
) AS e(at, kind, from_status, to_status, note, changes, actor_kind, actor_id, actor_name)
LEFT JOIN demo_word AS why
  ON e.to_status = 'cancelled' AND why.list = 'no_cancel' AND why.n = pg_temp.nth(s.id, 108, 6)
WHERE e.at IS NOT NULL
ORDER BY s.id, e.at
"""

# The mails of the last 180 days, for which sent ones are kept: all were sent except some of the last two weeks, when an
# address was wrong or the mail settings were missing for a while.
MESSAGES = """
INSERT INTO outbox_message (channel, kind, recipient, subject, body_text, state, attempts, last_error, dedupe_key,
  order_id, customer_id, created_at, sent_at)
SELECT 'email', 'order_received', c.email, 'We have your order ' || number.order_number,
  'Thank you, ' || c.first_name || ' ' || c.last_name || '. This is what you ordered:' || E'\\n\\n' || lines.listed
    || E'\\n\\nSubtotal ' || pg_temp.dollars(s.subtotal) || ', delivery ' || pg_temp.dollars(s.delivery_fee)
    || ', total ' || pg_temp.dollars(s.total_amount) || '.',
  r.state, CASE r.state WHEN 'sent' THEN 1 WHEN 'failed' THEN 5 ELSE 0 END,
  CASE r.state WHEN 'failed' THEN '550 5.1.1 The address is not known here' WHEN 'not_sent'
    THEN 'SMTP_HOST is not set, so no email can be sent.' ELSE '' END,
  'order_received:' || s.id, s.id, CASE WHEN NOT s.is_guest THEN s.customer_id END, s.created_at,
  CASE WHEN r.state = 'sent' THEN s.created_at + interval '3 seconds' END
FROM demo_sale AS s
CROSS JOIN demo_wish AS w
JOIN demo_customer AS c ON c.id = s.customer_id
JOIN demo_number AS number ON number.id = s.id
JOIN (
  SELECT l.order_id, string_agg(
      l.quantity || ' × ' || p.name || ' (' || p.sku || '): ' || pg_temp.dollars(l.line_total), E'\\n'
      ORDER BY l.position
    ) AS listed
  FROM demo_line AS l
  JOIN demo_product AS p ON p.id = l.product_id
  JOIN demo_sale AS recent ON recent.id = l.order_id
  CROSS JOIN demo_wish
  WHERE recent.created_at >= at - interval '180 days'
  GROUP BY l.order_id
) AS lines ON lines.order_id = s.id
CROSS JOIN LATERAL (
  SELECT CASE WHEN s.created_at < w.at - interval '14 days' THEN 'sent' WHEN s.id % 97 = 11 THEN 'failed'
    WHEN s.id % 61 = 7 THEN 'not_sent' ELSE 'sent' END AS state
) AS r
WHERE s.created_at >= w.at - interval '180 days'
ORDER BY s.id
"""
