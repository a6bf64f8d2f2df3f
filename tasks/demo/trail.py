"""The demo's audit trail: what customers and the office did outside the timelines of orders, in order of time.

It grows with the customers, the products and the subscriptions, and has the same wording as real entries.
"""

import asyncpg

# The actor: the customer, or else the office's second colleague.
_ENTRIES = """
INSERT INTO audit_entry (action, record_kind, record_id, record_name, before, after, note, actor_kind, actor_id,
  actor_name, created_at)
WITH person AS (
  SELECT c.*, coalesce(nullif(c.company_name, ''), c.username) AS title, d.has_sign_in, d.id % 10 AS digit
  FROM customer AS c JOIN demo_customer AS d ON d.id = c.id
),
goods AS (SELECT p.*, p.name || ' (' || p.sku || ')' AS title FROM product AS p)
SELECT e.action, e.record_kind, e.record_id, e.record_name, e.before, e.after, coalesce(e.note, ''),
  CASE WHEN e.by_customer IS NULL THEN 'staff' ELSE 'customer' END, coalesce(e.by_customer, team.office_ids[2]),
  CASE WHEN e.by_customer IS NULL THEN team.office_names[2] ELSE e.record_name END, e.at
FROM demo_wish AS w, demo_team AS team, LATERAL (
  SELECT CASE WHEN has_sign_in THEN 'customer.registered' ELSE 'customer.created' END AS action,
    'customer' AS record_kind, id AS record_id, title AS record_name, NULL::jsonb AS before,
    CASE WHEN has_sign_in THEN jsonb_build_object('username', username, 'email', email, 'phone', phone,
      'shipping_address', shipping_street || ', ' || shipping_city) END AS after,
    NULL AS note, CASE WHEN has_sign_in THEN id END AS by_customer, created_at AS at
  FROM person
  UNION ALL
  SELECT 'customer.email_verified', 'customer', id, title, NULL, jsonb_build_object('email', email), NULL, id,
    created_at + interval '6 minutes'
  FROM person WHERE has_sign_in
  UNION ALL
  SELECT 'customer.phone_verified', 'customer', id, title, NULL, jsonb_build_object('phone', phone), NULL, id,
    created_at + interval '9 minutes'
  FROM person WHERE has_sign_in
  UNION ALL
  SELECT 'customer.terms_set', 'customer', id, title,
    jsonb_build_object('payment_terms', 'prepaid', 'credit_limit', '0.00'),
    jsonb_build_object('payment_terms', payment_terms, 'credit_limit', credit_limit::text), NULL, NULL,
    created_at + interval '1 day'
  FROM person WHERE payment_terms = 'net30'
  UNION ALL
  SELECT 'customer.assigned', 'customer', id, title, jsonb_build_object('sales_rep_id', NULL),
    jsonb_build_object('sales_rep_id', sales_rep_id), NULL, NULL, created_at + interval '25 hours'
  FROM person WHERE sales_rep_id IS NOT NULL
  UNION ALL
  -- Three in ten moved, or changed what is written beside their name, within the two years.
  SELECT 'customer.updated', 'customer', id, title,
    jsonb_build_object('shipping_street', 'Unit 4, ' || shipping_street),
    jsonb_build_object('shipping_street', shipping_street), NULL, CASE WHEN has_sign_in THEN id END,
    created_at + (w.at - created_at) * pg_temp.share(id, 171)
  FROM person WHERE digit < 3
  UNION ALL
  SELECT 'customer.credit_adjusted', 'customer', p.id, p.title, jsonb_build_object('credit_balance', '0.00'),
    jsonb_build_object('credit_balance', c.balance_after::text), c.note, NULL, c.created_at
  FROM credit_entry AS c JOIN person AS p ON p.id = c.customer_id
  UNION ALL
  SELECT 'suppressed_number.changed', 'suppressed_number', id, phone, jsonb_build_object('do_not_call', false),
    jsonb_build_object('do_not_call', true, 'reason', do_not_call_reason), do_not_call_note, NULL, do_not_call_at
  FROM suppressed_number WHERE do_not_call
  UNION ALL
  SELECT 'product.created', 'product', id, title, NULL,
    jsonb_build_object('name', name, 'sku', sku, 'unit_price', unit_price::text, 'picture', false), NULL, NULL,
    created_at
  FROM goods
  UNION ALL
  -- A year ago everything became dearer.
  SELECT 'product.updated', 'product', id, title, jsonb_build_object('unit_price', round(unit_price * 0.96, 2)::text),
    jsonb_build_object('unit_price', unit_price::text), NULL, NULL, w.at - interval '365 days'
  FROM goods
  UNION ALL
  SELECT 'product.archived', 'product', id, title,
    jsonb_build_object('name', name, 'sku', sku, 'unit_price', unit_price::text), NULL, NULL, NULL, archived_at
  FROM goods WHERE archived_at IS NOT NULL
  UNION ALL
  SELECT 'subscription.created', 'subscription', id, 'Subscription ' || id, NULL,
    jsonb_build_object('quantity', quantity::text), NULL, NULL, created_at
  FROM subscription
) AS e
ORDER BY e.at, e.record_kind, e.record_id, e.action
"""


async def write_trail(connection: asyncpg.Connection) -> None:
    """Write the trail that led to the current state of customers, products and subscriptions."""
    await connection.execute(_ENTRIES)
