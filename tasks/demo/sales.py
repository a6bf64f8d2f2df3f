"""The demo's orders: who ordered when, what they bought, and the current status of each order and its payment.

Status depends on age: each order has a time for every step, and the steps in the past have happened.
"""

# All visits of each customer in two years, at their own interval: 7 days for a weekly one.
VISITS = """
CREATE TEMP TABLE demo_visit AS
SELECT c.id AS customer_id, k, day, c.habit
FROM (
  SELECT id, habit, phase, first_day, last_day, {pace} * CASE habit
    WHEN 'weekly' THEN 7 WHEN 'fortnightly' THEN 14 WHEN 'monthly' THEN 30 WHEN 'lapsed' THEN 10
    WHEN 'now and then' THEN 75 ELSE 7 END AS days
  FROM demo_customer
) AS c
CROSS JOIN demo_wish AS w
CROSS JOIN LATERAL generate_series(0, greatest(0, ceil((c.first_day - c.last_day) / c.days - c.phase)::int)) AS k
CROSS JOIN LATERAL (
  SELECT c.last_day + (c.phase + k) * c.days
    + CASE WHEN c.habit = 'weekly' THEN 0
           ELSE (pg_temp.share(c.id::bigint * 8192 + k, 51) - 0.5) * 0.3 * c.days END AS raw
) AS spread
CROSS JOIN LATERAL (SELECT greatest(0, floor(spread.raw))::int AS day) AS whole
WHERE spread.raw <= c.first_day
  AND CASE c.habit
    WHEN 'summer' THEN extract(month FROM w.today - day) BETWEEN 5 AND 9
    WHEN 'winter' THEN extract(month FROM w.today - day) IN (10, 11, 12, 1)
    ELSE true END
"""

# The requested number of visits become orders. Most weekend orders move to Friday or Monday; the newest are today's.
ORDERS = """
CREATE TEMP TABLE demo_order AS
WITH chosen AS (
  SELECT v.* FROM demo_visit AS v
  ORDER BY pg_temp.share(v.customer_id::bigint * 8192 + v.k, 52), v.customer_id, v.k
  LIMIT (SELECT orders FROM demo_wish)
),
dated AS (
  SELECT v.customer_id, v.k, v.customer_id::bigint * 8192 + v.k AS dice, w.today - v.day - CASE
      WHEN pg_temp.share(v.customer_id::bigint * 8192 + v.k, 53) < 0.15 THEN 0
      WHEN extract(isodow FROM w.today - v.day) = 6 THEN 1
      WHEN extract(isodow FROM w.today - v.day) = 7 THEN CASE WHEN v.day = 0 THEN 2 ELSE -1 END
      ELSE 0 END AS day
  FROM chosen AS v, demo_wish AS w
),
timed AS (
  SELECT d.customer_id, d.k, d.dice,
    (d.day + CASE WHEN pg_temp.share(d.dice, 54) < 0.12 THEN interval '18 hours' ELSE interval '7 hours' END
      + pg_temp.share(d.dice, 55) * CASE WHEN pg_temp.share(d.dice, 54) < 0.12 THEN 4.5 ELSE 10.5 END
        * interval '1 hour') AT TIME ZONE c.timezone AS at
  FROM dated AS d JOIN demo_customer AS c ON c.id = d.customer_id
),
placed AS (
  SELECT t.customer_id, t.k, t.dice, CASE
      WHEN t.at > w.at OR (
        t.at < w.today_starts_at
        AND row_number() OVER (ORDER BY t.at DESC, t.customer_id, t.k) <= greatest(12, w.orders / 800)
      )
      THEN w.today_starts_at + pg_temp.share(t.dice, 56) * (w.at - w.today_starts_at)
      ELSE t.at END AS created_at
  FROM timed AS t, demo_wish AS w
)
SELECT row_number() OVER (ORDER BY date_trunc('second', p.created_at), p.customer_id, p.k) AS id, p.customer_id,
  date_trunc('second', p.created_at) AS created_at, c.payment_terms, c.has_sign_in, c.pays_late, c.rep_n,
  2 + floor(power(pg_temp.share(p.dice, 57), 1.6) * 9)::int AS line_count
FROM placed AS p JOIN demo_customer AS c ON c.id = p.customer_id
ORDER BY 1;
ANALYZE demo_order
"""

# Order numbers look random and never repeat: each step maps the 40-bit numbers one to one. OFFSET 0 has every step
# computed once per row.
NUMBERS = """
CREATE TEMP TABLE demo_number AS
SELECT o.id, 'LLD-' || sign[1 + (x & 31)] || sign[1 + (x >> 5 & 31)] || sign[1 + (x >> 10 & 31)]
  || sign[1 + (x >> 15 & 31)] || '-' || sign[1 + (x >> 20 & 31)] || sign[1 + (x >> 25 & 31)]
  || sign[1 + (x >> 30 & 31)] || sign[1 + (x >> 35 & 31)] AS order_number
FROM demo_order AS o
CROSS JOIN demo_wish AS w
CROSS JOIN (SELECT string_to_array('23456789ABCDEFGHJKLMNPQRSTUVWXYZ', NULL) AS sign OFFSET 0) AS readable
CROSS JOIN LATERAL (SELECT (o.id * 3266489 + w.seed * 668265263) & 1099511627775 AS a OFFSET 0) AS step_1
CROSS JOIN LATERAL (SELECT a # (a >> 19) AS b OFFSET 0) AS step_2
CROSS JOIN LATERAL (SELECT (b * 2654435) & 1099511627775 AS c OFFSET 0) AS step_3
CROSS JOIN LATERAL (SELECT c # (c >> 17) AS d OFFSET 0) AS step_4
CROSS JOIN LATERAL (SELECT (d * 2246821) & 1099511627775 AS e OFFSET 0) AS step_5
CROSS JOIN LATERAL (SELECT e # (e >> 21) AS x OFFSET 0) AS step_6;
ANALYZE demo_number
"""

# Three of four lines are from the fourteen products the kitchen always buys; some products sell more than others.
LINES = """
CREATE TEMP TABLE demo_line AS
WITH wished AS (
  SELECT o.id AS order_id, n, o.created_at < w.at - interval '365 days' AS is_old,
    CASE WHEN pg_temp.share(o.id * 16 + n, 61) < 0.75
      THEN 1 + floor(w.products * power(
        pg_temp.share(o.customer_id * 16 + floor(pg_temp.share(o.id * 16 + n, 62) * 14)::int, 63), 1.5))
      ELSE 1 + floor(w.products * power(pg_temp.share(o.id * 16 + n, 64), 1.3)) END::bigint AS product_id
  FROM demo_order AS o CROSS JOIN demo_wish AS w CROSS JOIN LATERAL generate_series(1, o.line_count) AS n
),
picked AS (
  SELECT order_id, product_id, is_old, min(n) AS n FROM wished GROUP BY order_id, product_id, is_old
),
counted AS (
  SELECT l.*, pg_temp.share(l.order_id * 16 + l.n, 65) AS h, p.unit_price, p.bulk_price, p.bulk_quantity,
    p.cost_per_item
  FROM picked AS l JOIN demo_product AS p ON p.id = l.product_id
),
measured AS (
  SELECT c.*, CASE
      WHEN unit_price < 5 THEN 6 * (1 + floor(h * h * 8)) WHEN unit_price < 15 THEN 1 + floor(h * h * 26)
      WHEN unit_price < 60 THEN 1 + floor(h * h * 12) WHEN unit_price < 200 THEN 1 + floor(h * h * 4)
      WHEN h > 0.94 THEN 2 ELSE 1 END::int AS quantity
  FROM counted AS c
)
SELECT m.order_id, row_number() OVER (PARTITION BY m.order_id ORDER BY m.n)::int AS position, m.product_id, m.quantity,
  price.unit_price, coalesce(m.quantity >= m.bulk_quantity, false) AS is_bulk_price,
  round(price.unit_price * m.quantity, 2)::numeric(12, 2) AS line_total, price.unit_cost
FROM measured AS m
CROSS JOIN LATERAL (
  -- A year ago everything cost four percent less.
  SELECT CASE WHEN m.is_old THEN round(sold_for * 0.96, 2) ELSE sold_for END AS unit_price,
    CASE WHEN m.is_old THEN round(m.cost_per_item * 0.96, 2) ELSE m.cost_per_item END AS unit_cost
  FROM (SELECT CASE WHEN m.quantity >= m.bulk_quantity THEN m.bulk_price ELSE m.unit_price END AS sold_for) AS today
) AS price;
ANALYZE demo_line
"""

SALES = """
CREATE TEMP TABLE demo_sale AS
WITH goods AS (
  SELECT order_id, count(*)::int AS item_count, sum(quantity)::int AS unit_count, sum(line_total) AS subtotal
  FROM demo_line GROUP BY order_id
),
sourced AS (
  SELECT o.*, g.item_count, g.unit_count, g.subtotal,
    pg_temp.share(o.id, 70) < 0.01 AND o.payment_terms = 'prepaid' AS is_guest,
    CASE WHEN pg_temp.share(o.id, 71) < 0.04 THEN 'subscription'
         WHEN pg_temp.share(o.id, 71) < 0.10 THEN 'voice'
         WHEN pg_temp.share(o.id, 71) < 0.70 AND (o.has_sign_in OR pg_temp.share(o.id, 70) < 0.01) THEN 'web'
         WHEN pg_temp.share(o.id, 71) < 0.55 AND o.rep_n IS NOT NULL THEN 'rep'
         ELSE 'desk' END AS source,
    CASE WHEN o.payment_terms = 'net30' AND pg_temp.share(o.id, 72) < 0.88 THEN 'net30'
         WHEN pg_temp.share(o.id, 73) < 0.70 THEN 'credit_card'
         WHEN pg_temp.share(o.id, 73) < 0.84 THEN 'ach'
         WHEN pg_temp.share(o.id, 73) < 0.95 THEN 'check' ELSE 'cash' END AS method
  FROM demo_order AS o JOIN goods AS g ON g.order_id = o.id
),
priced AS (
  SELECT s.*, fee.delivery_fee, cut.discount_amount,
    s.subtotal - cut.discount_amount + fee.delivery_fee AS total_amount
  FROM sourced AS s
  CROSS JOIN demo_wish AS w
  CROSS JOIN LATERAL (
    SELECT CASE WHEN s.subtotal >= w.free_from THEN 0 ELSE w.fee END AS delivery_fee
  ) AS fee
  CROSS JOIN LATERAL (
    SELECT CASE WHEN s.source = 'rep' AND pg_temp.share(s.id, 74) < 0.2
                THEN round(s.subtotal * 0.05, 2) ELSE 0 END AS discount_amount
  ) AS cut
),
stepped AS (
  SELECT p.*, packing.confirmed_at, packing.packed_at, leaving.shipped_at,
    leaving.shipped_at + (20 + 75 * pg_temp.share(p.id, 79)) * interval '1 hour' AS delivered_at,
    CASE WHEN pg_temp.share(p.id, 80) < 0.04
         THEN p.created_at + (0.5 + 0.5 * pg_temp.share(p.id, 81)) * (packing.confirmed_at - p.created_at)
         END AS cancelled_at,
    CASE p.method
      WHEN 'net30' THEN p.created_at + (CASE WHEN p.pays_late THEN 36 ELSE 9 END + 19 * pg_temp.share(p.id, 82))
        * interval '1 day'
      WHEN 'credit_card' THEN p.created_at + interval '2 minutes'
      WHEN 'ach' THEN p.created_at + (1 + 2 * pg_temp.share(p.id, 82)) * interval '1 day'
      WHEN 'check' THEN p.created_at + (2 + 6 * pg_temp.share(p.id, 82)) * interval '1 day'
      ELSE leaving.shipped_at + interval '20 hours' END AS paid_at
  FROM priced AS p
  CROSS JOIN LATERAL (
    SELECT confirmed_at, confirmed_at + (3 + 44 * pg_temp.share(p.id, 77)) * interval '1 hour' AS packed_at
    FROM (
      SELECT p.created_at + (1 + 26 * power(pg_temp.share(p.id, 76), 1.5)) * interval '1 hour' AS confirmed_at
    ) AS first
  ) AS packing
  CROSS JOIN LATERAL (
    SELECT packing.packed_at + (4 + 30 * pg_temp.share(p.id, 78)) * interval '1 hour' AS shipped_at
  ) AS leaving
)
SELECT s.id, s.customer_id, s.is_guest, s.created_at, s.payment_terms, s.rep_n, s.source, s.method,
  CASE WHEN s.method = 'net30' THEN CASE WHEN pg_temp.share(s.id, 83) < 0.5 THEN 'check' ELSE 'ach' END
       ELSE s.method END AS paid_by,
  s.item_count, s.unit_count, s.subtotal, s.discount_amount, s.delivery_fee, s.total_amount,
  CASE WHEN s.cancelled_at <= w.at THEN 'cancelled' WHEN s.delivered_at <= w.at THEN 'delivered'
       WHEN s.shipped_at <= w.at THEN 'shipped' WHEN s.packed_at <= w.at THEN 'packed'
       WHEN s.confirmed_at <= w.at THEN 'confirmed' ELSE 'pending' END AS status,
  CASE WHEN s.confirmed_at <= w.at THEN s.confirmed_at END AS confirmed_at,
  CASE WHEN s.packed_at <= w.at THEN s.packed_at END AS packed_at,
  CASE WHEN s.shipped_at <= w.at THEN s.shipped_at END AS shipped_at,
  CASE WHEN s.delivered_at <= w.at THEN s.delivered_at END AS delivered_at,
  CASE WHEN s.cancelled_at <= w.at THEN s.cancelled_at END AS cancelled_at,
  CASE WHEN s.paid_at <= w.at THEN s.paid_at END AS paid_at,
  CASE WHEN s.paid_at <= w.at THEN 'paid' ELSE 'unpaid' END AS payment_status,
  CASE WHEN s.paid_at <= w.at THEN s.total_amount ELSE 0 END AS amount_paid,
  NULL::timestamptz AS part_paid_at, '' AS hold_reason, '' AS attention,
  true AS takes_stock,
  CASE s.source WHEN 'web' THEN CASE WHEN s.is_guest THEN 'guest' ELSE 'customer' END
    WHEN 'desk' THEN 'staff' WHEN 'rep' THEN 'staff' WHEN 'voice' THEN 'voice' ELSE 'system' END AS actor_kind,
  CASE s.source WHEN 'web' THEN CASE WHEN NOT s.is_guest THEN s.customer_id END
    WHEN 'desk' THEN team.office_ids[3 + (s.id % 2)::int] WHEN 'rep' THEN team.rep_ids[s.rep_n] END AS actor_id,
  CASE s.source WHEN 'web' THEN CASE WHEN s.is_guest THEN 'Guest' ELSE c.company_name END
    WHEN 'desk' THEN team.office_names[3 + (s.id % 2)::int] WHEN 'rep' THEN team.rep_names[s.rep_n]
    WHEN 'voice' THEN 'Voice agent' ELSE 'System' END AS actor_name
FROM stepped AS s
JOIN demo_customer AS c ON c.id = s.customer_id
CROSS JOIN demo_wish AS w
CROSS JOIN demo_team AS team
ORDER BY s.id;
ALTER TABLE demo_sale ADD PRIMARY KEY (id);
ANALYZE demo_sale
"""

# A cancelled order was not confirmed, and its payment was refunded, except for the newest ones.
CANCELLED = """
UPDATE demo_sale AS s SET confirmed_at = NULL, packed_at = NULL, shipped_at = NULL, delivered_at = NULL,
  paid_at = CASE WHEN s.method = 'credit_card' THEN s.paid_at END,
  payment_status = CASE WHEN s.method <> 'credit_card' OR s.paid_at IS NULL THEN 'unpaid'
    WHEN s.created_at > w.at - interval '4 days' THEN 'paid' ELSE 'refunded' END,
  amount_paid = CASE WHEN s.method = 'credit_card' AND s.created_at > w.at - interval '4 days' THEN s.amount_paid
    ELSE 0 END,
  attention = CASE WHEN s.method = 'credit_card' AND s.amount_paid > 0 AND s.created_at > w.at - interval '4 days'
    THEN 'Cancelled after payment: ' || pg_temp.dollars(s.amount_paid) || ' to give back.' ELSE '' END
FROM demo_wish AS w
WHERE s.status = 'cancelled'
"""

# Some of the newest orders always need attention: a declined card, a check to review, terms that do not exist.
TROUBLES = """
CREATE TEMP TABLE demo_recent AS
SELECT s.id, s.method, row_number() OVER (PARTITION BY s.method ORDER BY s.created_at DESC, s.id) AS rank
FROM demo_sale AS s, demo_wish AS w
WHERE s.status NOT IN ('cancelled', 'delivered') AND s.payment_terms = 'prepaid' AND NOT s.is_guest
  AND s.created_at BETWEEN w.at - interval '5 days' AND w.at - interval '20 minutes';

UPDATE demo_sale AS s SET status = 'pending', confirmed_at = NULL, packed_at = NULL, shipped_at = NULL,
  paid_at = NULL, amount_paid = 0,
  payment_status = CASE r.method WHEN 'credit_card' THEN CASE WHEN r.rank % 12 = 3 THEN 'failed' ELSE 'unpaid' END
    WHEN 'check' THEN 'pending_review' ELSE 'unpaid' END,
  method = CASE WHEN r.method = 'credit_card' AND r.rank % 12 = 5 THEN 'net30' ELSE s.method END,
  hold_reason = CASE WHEN r.method = 'credit_card' AND r.rank % 12 = 5
    THEN 'The customer has no net 30 terms.' ELSE '' END
FROM demo_recent AS r
WHERE r.id = s.id AND (
  (r.method = 'credit_card' AND r.rank % 12 IN (3, 5)) OR (r.method = 'check' AND r.rank % 3 = 1)
);

UPDATE demo_sale AS s SET amount_paid = round(s.total_amount / 2, 2),
  part_paid_at = s.created_at + interval '5 days'
FROM demo_wish AS w
WHERE s.method = 'net30' AND s.payment_status = 'unpaid' AND s.status <> 'cancelled'
  AND s.created_at BETWEEN w.at - interval '40 days' AND w.at - interval '6 days'
  AND pg_temp.share(s.id, 84) < 0.06
"""

# Limits exceed what a customer owes; the last order of a tight one is over it, and an overdue one's is held too.
TERMS = """
CREATE TEMP TABLE demo_terms AS
WITH owed AS (
  SELECT s.customer_id, sum(s.total_amount - s.amount_paid) AS exposure,
    bool_or(s.created_at < w.at - interval '30 days') AS is_overdue, max(s.id) AS newest_id
  FROM demo_sale AS s, demo_wish AS w
  WHERE s.method = 'net30' AND s.payment_terms = 'net30' AND s.status <> 'cancelled'
    AND s.total_amount > s.amount_paid
  GROUP BY s.customer_id
),
judged AS (
  SELECT o.*, n.total_amount AS newest_total,
    c.is_tight AND NOT o.is_overdue AND n.created_at > w.at - interval '4 days' AND n.amount_paid = 0
      AND n.total_amount > 100 AND o.exposure > n.total_amount AS is_tight
  FROM owed AS o
  JOIN demo_sale AS n ON n.id = o.newest_id
  JOIN demo_customer AS c ON c.id = o.customer_id
  CROSS JOIN demo_wish AS w
)
SELECT customer_id, is_overdue, is_tight, newest_id, exposure,
  CASE WHEN is_tight THEN floor((exposure - newest_total * 0.4) / 50) * 50
       ELSE pg_temp.nth(customer_id, 85, 4) * 1000 + ceil(exposure * 1.3 / 500) * 500 END AS credit_limit
FROM judged;
ANALYZE demo_terms;

UPDATE demo_sale AS s SET status = 'pending', confirmed_at = NULL, packed_at = NULL, shipped_at = NULL,
  delivered_at = NULL,
  hold_reason = CASE WHEN t.is_overdue THEN 'The customer has an overdue balance.'
    ELSE 'The order is ' || pg_temp.dollars(t.exposure - t.credit_limit) || ' over the customer''s credit limit.' END
FROM demo_terms AS t, demo_wish AS w
WHERE t.customer_id = s.customer_id AND s.method = 'net30' AND s.status <> 'cancelled' AND s.amount_paid = 0
  AND s.created_at > w.at - interval '4 days'
  AND (t.is_overdue OR (t.is_tight AND s.id = t.newest_id AND t.exposure > t.credit_limit))
"""
