"""The demo's subscriptions, for the orders placed by subscription; a few have failed, are paused or have ended."""

import asyncpg

# A customer's subscription orders are the renewals of one subscription, for the first product of the first order.
_SUBSCRIPTIONS = """
CREATE TEMP TABLE demo_subscription ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY o.customer_id) AS id, o.customer_id, i.product_id,
  greatest(i.quantity, 4) AS quantity,
  o.created_at AS since, o.id AS order_id
FROM (
  SELECT DISTINCT ON (customer_id) id, customer_id, created_at FROM orders
  WHERE source = 'subscription' AND customer_id IS NOT NULL AND status <> 'cancelled'
  ORDER BY customer_id, created_at, id
) AS o JOIN order_item AS i ON i.order_id = o.id AND i.position = 1 AND i.product_id IS NOT NULL;

INSERT INTO subscription (id, customer_id, product_id, quantity, interval_days, discount_pct, next_renewal_date,
  retry_on,
  failures, status, stripe_customer_id, stripe_payment_method_id, payment_type, pays_by, pays_by_id, payment_expires_on,
  delivery_name, delivery_phone,
  delivery_email, delivery_address, delivery_city, delivery_state, delivery_zip, delivery_company, notes, created_by,
  created_at, updated_at)
SELECT d.id, d.customer_id, d.product_id, d.quantity, (ARRAY[14, 21, 28, 30, 35])[d.id % 5 + 1], (d.id % 3) * 5,
  timezone($zone, w.at)::date + CASE WHEN d.id % 9 = 1 THEN -1 ELSE 1 + (d.id * 7 % 40)::int END,
  CASE WHEN d.id % 9 = 1 THEN timezone($zone, w.at)::date + 1 END, CASE WHEN d.id % 9 = 1 THEN 1 ELSE 0 END,
  CASE WHEN d.id % 9 = 4 THEN 'paused' WHEN d.id % 9 = 7 THEN 'cancelled' ELSE 'active' END,
  'cus_demo' || d.id, 'pm_demo' || d.id, CASE WHEN d.id % 6 = 5 THEN 'ach' ELSE 'card' END,
  CASE WHEN d.id % 6 = 5 THEN 'Bank account ending 6789' ELSE 'Visa ending ' || 1000 + d.id * 37 % 9000 END,
  'pm_demo' || d.id, CASE WHEN d.id % 6 <> 5 THEN (date_trunc('month', w.at) + d.id % 30 * interval '1 month'
    + interval '1 month - 1 day')::date END, o.delivery_name,
  o.delivery_phone, coalesce(o.delivery_email, 'kitchen' || d.id || '@demo.example'), o.delivery_address,
  o.delivery_city, o.delivery_state, o.delivery_zip, o.delivery_company, '', 'Maren Holt', d.since - interval '1 day',
  d.since - interval '1 day'
FROM demo_subscription AS d JOIN orders AS o ON o.id = d.order_id CROSS JOIN demo_wish AS w ORDER BY d.id;
SELECT setval(pg_get_serial_sequence('subscription', 'id'), greatest((SELECT max(id) FROM subscription), 1));

UPDATE orders AS o SET subscription_id = d.id
FROM demo_subscription AS d WHERE o.customer_id = d.customer_id AND o.source = 'subscription';

INSERT INTO renewal (subscription_id, product_id, due_date, attempt, status, quantity, unit_price, delivery_fee, amount,
  order_id,
  error, created_at, settled_at)
SELECT o.subscription_id, d.product_id, timezone($zone, o.created_at)::date,
  row_number() OVER (PARTITION BY o.subscription_id, timezone($zone, o.created_at)::date ORDER BY o.id),
  CASE WHEN o.status = 'cancelled' THEN 'failed' ELSE 'succeeded' END, i.quantity, i.unit_price, o.delivery_fee,
  o.total_amount, o.id, CASE WHEN o.status = 'cancelled' THEN 'The bank did not pay.' ELSE '' END, o.created_at,
  o.created_at
FROM orders AS o JOIN order_item AS i ON i.order_id = o.id AND i.position = 1
  JOIN demo_subscription AS d ON d.id = o.subscription_id
WHERE o.subscription_id IS NOT NULL ORDER BY o.created_at, o.id;

INSERT INTO renewal (subscription_id, product_id, due_date, attempt, status, quantity, unit_price, delivery_fee, amount,
  error, payment_intent_id, created_at, settled_at)
SELECT s.id, s.product_id, s.next_renewal_date,
  (SELECT coalesce(max(r.attempt), 0) + 1 FROM renewal AS r
    WHERE r.subscription_id = s.id AND r.due_date = s.next_renewal_date),
  CASE WHEN s.retry_on IS NULL THEN 'skipped' ELSE 'failed' END, s.quantity,
  p.unit_price, 0, round(p.unit_price * s.quantity * (100 - s.discount_pct) / 100, 2),
  CASE WHEN s.retry_on IS NULL THEN '' WHEN s.id % 5 = 0 THEN p.name || ': 2 left, ' || s.quantity || ' wanted.'
    WHEN s.id % 2 = 0 THEN 'Your card was declined.' ELSE 'Your card has expired.' END,
  CASE WHEN s.retry_on IS NULL OR s.id % 5 = 0 THEN '' ELSE 'pi_demo' || s.id END,
  w.at - interval '1 day', w.at - interval '1 day'
FROM subscription AS s JOIN product AS p ON p.id = s.product_id CROSS JOIN demo_wish AS w
WHERE s.retry_on IS NOT NULL OR s.id % 9 = 4 ORDER BY s.id;
DROP TABLE demo_subscription;
"""


async def write_subscriptions(connection: asyncpg.Connection, *, timezone: str) -> None:
    """Write subscriptions with their renewals, and link the orders to them."""
    quoted = await connection.fetchval("SELECT quote_literal($1::text)", timezone)
    await connection.execute(_SUBSCRIPTIONS.replace("$zone", quoted))
