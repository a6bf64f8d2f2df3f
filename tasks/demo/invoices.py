"""The demo's invoices for orders on terms, in every status and of every age, with memos, reminders and one receipt."""

from typing import Any

# Orders of the last days wait for "Invoice the week"; those older than half a year were settled before invoices began.
INVOICES = """
CREATE TEMP TABLE demo_invoice ON COMMIT DROP AS
SELECT o.id AS order_id, row_number() OVER (ORDER BY o.shipped_at, o.id) AS id,
  o.shipped_at + interval '3 hours' AS sent_at,
  o.shipped_at > w.at - interval '9 days' AS is_draft, o.id % 37 = 5 AND o.amount_paid = 0 AS is_void
FROM orders AS o CROSS JOIN demo_wish AS w
WHERE o.on_terms AND o.status IN ('shipped', 'delivered') AND o.shipped_at > w.at - interval '180 days'
  AND (o.shipped_at <= w.at - interval '9 days' OR o.id % 4 = 1);
UPDATE demo_invoice AS d SET sent_at = least(d.sent_at, w.at - interval '1 hour') FROM demo_wish AS w;

INSERT INTO invoice (id, invoice_number, status, revision, order_id, customer_id, customer_name, customer_company,
  customer_email, customer_phone, customer_address, customer_city, customer_state, customer_zip, po_number,
    payment_method,
  payment_terms, due_date, overdue_from, subtotal, discount_amount, shipping_fee, total_amount, amount_paid,
    allowances,
  sent_at, paid_at, voided_at, actor_kind, actor_name, created_at, updated_at)
SELECT d.id, CASE WHEN NOT d.is_draft THEN 'INV-' || lpad(d.id::text, 6, '0') END,
  CASE WHEN d.is_draft THEN 'draft' WHEN d.is_void THEN 'void'
    WHEN o.amount_paid + o.allowances >= o.total_amount THEN 'paid'
    WHEN o.amount_paid > 0 THEN 'partly_paid' ELSE 'sent' END,
  CASE WHEN d.is_draft THEN 0 ELSE 1 END, o.id, o.customer_id, o.delivery_name, o.delivery_company, o.delivery_email,
  o.delivery_phone, o.delivery_address, o.delivery_city, o.delivery_state, o.delivery_zip, o.po_number,
    o.payment_method,
  'net30', CASE WHEN NOT d.is_draft THEN timezone($zone, d.sent_at)::date + 30 END,
  CASE WHEN NOT d.is_draft THEN timezone($zone, (timezone($zone, d.sent_at)::date + 31)::timestamp)
    END,
  o.subtotal, o.discount_amount, o.delivery_fee, o.total_amount, o.amount_paid, o.allowances,
  CASE WHEN NOT d.is_draft THEN d.sent_at END,
  CASE WHEN NOT d.is_draft AND NOT d.is_void AND o.amount_paid + o.allowances >= o.total_amount THEN
    greatest(d.sent_at, (SELECT max(p.created_at) FROM payment AS p WHERE p.order_id = o.id)) END,
  CASE WHEN d.is_void AND NOT d.is_draft THEN d.sent_at + interval '20 minutes' END,
  'staff', 'Maren Holt', d.sent_at, d.sent_at
FROM demo_invoice AS d JOIN orders AS o ON o.id = d.order_id CROSS JOIN demo_wish AS w;

INSERT INTO invoice_item (invoice_id, position, product_id, description, sku, quantity, unit_price, line_total)
SELECT d.id, i.position, i.product_id, i.product_name, i.product_sku, i.quantity, i.unit_price, i.line_total
FROM demo_invoice AS d JOIN order_item AS i ON i.order_id = d.order_id ORDER BY d.id, i.position;
"""
# Invoices without an order: two of one customer partly paid by one receipt, and old ones of every age.
BY_HAND = """
CREATE TEMP TABLE demo_by_hand ON COMMIT DROP AS
SELECT n.*, timezone($zone, w.at - n.age)::date AS sent_on, w.at - n.age AS sent_at, round(n.price * 0.0825, 2) AS tax,
  (
    SELECT c.id FROM customer AS c
    WHERE n.place <= 2 OR c.payment_terms = 'prepaid' ORDER BY (n.place > 2) AND c.payment_terms <> 'prepaid', c.id
    OFFSET greatest(n.place - 2, 0) LIMIT 1
  ) AS customer_id
FROM demo_wish AS w CROSS JOIN (VALUES
  (1, 'paid', 240.00, 259.80, interval '12 days', 15, 'Knife sharpening, 40 blades'),
  (2, 'partly_paid', 180.00, 40.20, interval '6 days', 15, 'Setting up the dish line'),
  (3, 'sent', 96.00, 0, interval '48 days', 0, 'Oven calibration'),
  (4, 'sent', 310.00, 0, interval '75 days', 0, 'Hood cleaning'),
  (5, 'sent', 128.50, 0, interval '130 days', 0, 'Rental of four chafing dishes')
) AS n(place, status, price, paid, age, days, words);

INSERT INTO invoice (id, customer_id, customer_name, customer_company, customer_email, customer_address, customer_city,
  customer_state, customer_zip, payment_terms, due_date, overdue_from, invoice_number, status, revision, notes,
  subtotal, tax_rate, tax_amount, total_amount, amount_paid, sent_at, paid_at, actor_kind, actor_name, created_at,
  updated_at)
SELECT m.last + n.place, c.id, trim(c.first_name || ' ' || c.last_name), c.company_name, c.email, c.shipping_street,
  c.shipping_city, c.shipping_state, c.shipping_zip, CASE n.days WHEN 15 THEN 'net15' ELSE 'due_on_receipt' END,
  n.sent_on + n.days, timezone($zone, (n.sent_on + n.days + 1)::timestamp),
  'INV-' || lpad((m.numbers + n.place)::text, 6, '0'), n.status, 1, 'Thank you for having us.', n.price, 8.25, n.tax,
  n.price + n.tax, n.paid, n.sent_at, CASE WHEN n.status = 'paid' THEN w.at - interval '2 days' END, 'staff',
  'Maren Holt', n.sent_at, n.sent_at
FROM demo_by_hand AS n JOIN customer AS c ON c.id = n.customer_id CROSS JOIN demo_wish AS w
CROSS JOIN (SELECT coalesce(max(id), 0) AS last, count(invoice_number) AS numbers FROM invoice) AS m;

INSERT INTO invoice_item (invoice_id, position, description, quantity, unit_price, line_total)
SELECT i.id, 1, n.words, 1, i.subtotal, i.subtotal
FROM invoice AS i JOIN demo_by_hand AS n ON n.price = i.subtotal WHERE i.order_id IS NULL ORDER BY i.id;

WITH came AS (
  INSERT INTO receipt (customer_id, method, amount, reference, actor_kind, actor_name, created_at)
  SELECT min(i.customer_id), 'check', sum(i.amount_paid), 'check 2211', 'staff', 'Maren Holt', w.at - interval '2 days'
  FROM invoice AS i CROSS JOIN demo_wish AS w WHERE i.order_id IS NULL AND i.amount_paid > 0 GROUP BY w.at
  RETURNING *
)
INSERT INTO payment (invoice_id, receipt_id, customer_id, method, amount, applied_amount, reference, actor_kind,
  actor_name, created_at)
SELECT i.id, came.id, i.customer_id, came.method, i.amount_paid, i.amount_paid, came.reference, 'staff', 'Maren Holt',
  came.created_at
FROM invoice AS i, came WHERE i.order_id IS NULL AND i.amount_paid > 0;
"""
PAPERS = """
INSERT INTO invoice_revision (invoice_id, revision, content, actor_kind, actor_name, created_at)
SELECT i.id, 1, jsonb_build_object(
    'customer_name', i.customer_name, 'customer_company', i.customer_company, 'customer_email', i.customer_email,
    'customer_phone', i.customer_phone, 'customer_address', i.customer_address, 'customer_city', i.customer_city,
    'customer_state', i.customer_state, 'customer_zip', i.customer_zip, 'po_number', i.po_number,
    'payment_method', i.payment_method, 'payment_terms', i.payment_terms, 'notes', i.notes,
    'subtotal', i.subtotal::text, 'discount_amount', i.discount_amount::text, 'shipping_fee', i.shipping_fee::text,
    'tax_rate', i.tax_rate::text, 'tax_amount', i.tax_amount::text, 'total_amount', i.total_amount::text,
    'amount_paid', '0.00', 'allowances', '0.00', 'invoice_number', i.invoice_number, 'revision', 1,
    'order_number', o.order_number, 'sent_at', i.sent_at, 'due_date', i.due_date, 'deliver_to', '[]'::jsonb,
    'items', (SELECT jsonb_agg(jsonb_build_object('description', t.description, 'sku', t.sku, 'quantity', t.quantity,
        'unit_price', t.unit_price::text, 'line_total', t.line_total::text) ORDER BY t.position)
      FROM invoice_item AS t WHERE t.invoice_id = i.id)
  ), i.actor_kind, i.actor_name, i.sent_at
FROM invoice AS i LEFT JOIN orders AS o ON o.id = i.order_id WHERE i.revision = 1 ORDER BY i.id;

INSERT INTO invoice_event (invoice_id, kind, note, changes, actor_kind, actor_name, created_at)
SELECT i.id, e.kind, e.note, e.changes, i.actor_kind, i.actor_name, e.at
FROM invoice AS i CROSS JOIN LATERAL (VALUES
  ('created', '', jsonb_build_object('total_amount', pg_temp.dollars(i.total_amount)), i.created_at),
  ('sent', '', jsonb_build_object('total_amount', pg_temp.dollars(i.total_amount)), i.sent_at),
  ('mailed', 'To ' || i.customer_email, NULL, i.sent_at + interval '1 second'),
  ('voided', 'Made twice', NULL, i.voided_at)
) AS e(kind, note, changes, at) WHERE e.at IS NOT NULL AND e.note IS NOT NULL ORDER BY e.at, i.id, e.kind;

WITH sent AS (
  INSERT INTO invoice_reminder (invoice_id, step, due_date, recipient, created_at)
  SELECT i.id, s.step, i.due_date, i.customer_email, s.at
  FROM invoice AS i CROSS JOIN demo_wish AS w CROSS JOIN LATERAL (VALUES
    ('before', i.overdue_from - interval '99 hours'), ('due', i.overdue_from - interval '15 hours'),
    ('late_7', i.overdue_from + interval '6 days 9 hours'), ('late_21', i.overdue_from + interval '20 days 9 hours')
  ) AS s(step, at)
  WHERE i.status IN ('sent', 'partly_paid') AND i.customer_email IS NOT NULL AND s.at BETWEEN i.sent_at AND w.at
  ORDER BY s.at, i.id
  RETURNING invoice_id, recipient, created_at
)
INSERT INTO invoice_event (invoice_id, kind, note, actor_kind, actor_name, created_at)
SELECT invoice_id, 'reminded', 'To ' || recipient, 'system', 'System', created_at FROM sent
ORDER BY created_at, invoice_id;

WITH chosen AS (
  SELECT i.id, i.order_id, row_number() OVER (ORDER BY i.id) AS n, 12.50 AS amount, w.at
  FROM invoice AS i CROSS JOIN demo_wish AS w WHERE i.status = 'sent' AND i.order_id % 5 = 2 AND i.balance > 12.50
  ORDER BY i.id LIMIT 6
),
memo AS (
  INSERT INTO credit_memo (memo_number, invoice_id, amount, reason, note, actor_kind, actor_name, created_at)
  SELECT 'CM-' || lpad(n::text, 6, '0'), id, amount,
    CASE n % 3 WHEN 0 THEN 'short' WHEN 1 THEN 'damaged' ELSE 'returned' END,
    'Two lids arrived broken', 'staff', 'Maren Holt', at - interval '1 day'
  FROM chosen ORDER BY n RETURNING invoice_id, memo_number, amount, created_at
),
events AS (
  INSERT INTO invoice_event (invoice_id, kind, note, changes, actor_kind, actor_name, created_at)
  SELECT invoice_id, 'credited', memo_number, jsonb_build_object('amount', pg_temp.dollars(amount)), 'staff',
    'Maren Holt',
    created_at FROM memo
)
UPDATE orders AS o SET allowances = o.allowances + c.amount FROM chosen AS c WHERE o.id = c.order_id;

INSERT INTO number_series (name, last_number)
SELECT 'INV', count(invoice_number) FROM invoice UNION ALL SELECT 'CM', count(*) FROM credit_memo
ON CONFLICT (name) DO UPDATE SET last_number = excluded.last_number;
"""


async def write_invoices(connection: Any, *, timezone: str) -> None:
    """Write the invoices with all that belongs to them; `timezone` is the name of the business's time zone."""
    for statements in (INVOICES, BY_HAND, PAPERS):
        await connection.execute(statements.replace("$zone", f"'{timezone}'"))
