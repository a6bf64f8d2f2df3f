"""The demo's sales data: the calling list with events and calls, suppressed numbers, the script, commissions."""

from datetime import datetime, timedelta

import asyncpg

from domain.access.crypto import encrypt
from domain.calling.hours import Place, find_next_opening, is_open
from domain.calling.hours_key import find_hours_key, read_hours_key
from domain.orders.calling_totals import WINDOW
from domain.sales.bank_account import context_of, index_number

PROSPECTS = 150
# A weekend with a holiday or two.
_MOST_DAYS_SHUT = 8
_AREAS = (
    ("303", "Denver", "CO", "80202"), ("602", "Phoenix", "AZ", "85004"), ("206", "Seattle", "WA", "98101"),
    ("305", "Miami", "FL", "33101"), ("401", "Providence", "RI", "02903"), ("312", "Chicago", "IL", "60601"),
    ("617", "Boston", "MA", "02108"), ("713", "Houston", "TX", "77002"), ("808", "Honolulu", "HI", "96813"),
    ("415", "San Francisco", "CA", "94103"), ("504", "New Orleans", "LA", "70112"), ("850", "Pensacola", "FL", "32501"),
)  # fmt: skip
_CUSTOMERS = """
INSERT INTO calling_entry (
  customer_id, first_name, last_name, contact_name, company_name, email, phone, phone2, street, city, state, zip,
  country, assigned_to, status, hours_key, created_at, updated_at
)
SELECT c.id, c.first_name, c.last_name, trim(c.first_name || ' ' || c.last_name), c.company_name, c.email, c.phone,
  c.phone2, c.shipping_street, c.shipping_city, c.shipping_state, c.shipping_zip, c.shipping_country, c.sales_rep_id,
  'customer', k.hours_key, c.created_at, c.created_at
FROM unnest($1::bigint[], $2::text[]) AS k(id, hours_key) JOIN customer AS c ON c.id = k.id
ORDER BY c.id ON CONFLICT (phone) DO NOTHING
"""
_PROSPECTS = """
INSERT INTO calling_entry (
  first_name, last_name, contact_name, company_name, email, phone, street, city, state, zip, notes, assigned_to, status,
  hours_key, created_at, updated_at
)
SELECT g.word, f.word, g.word || ' ' || f.word, a.word || ' ' || k.word,
  lower(g.word || '.' || f.word) || p.n || '@prospect.example', p.phone, (p.n * 7) || ' ' || s.word, p.city, p.state,
  p.zip, CASE WHEN p.n % 9 = 0 THEN 'Met at the trade fair' ELSE '' END,
  CASE WHEN p.n % 4 = 0 THEN (t.rep_ids)[1 + p.n % cardinality(t.rep_ids)] END,
  (ARRAY['new', 'contacted', 'new', 'closed', 'new'])[1 + p.n % 5], p.hours_key,
  w.at - make_interval(days => p.n % 90), w.at - make_interval(days => p.n % 90)
FROM demo_wish AS w, demo_team AS t,
  unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS p(n, phone, city, state, zip, hours_key)
  JOIN demo_word AS g ON g.list = 'given' AND g.n = pg_temp.nth(p.n, 901, 47)
  JOIN demo_word AS f ON f.list = 'family' AND f.n = pg_temp.nth(p.n, 902, 47)
  JOIN demo_word AS a ON a.list = 'first' AND a.n = pg_temp.nth(p.n, 903, 20)
  JOIN demo_word AS k ON k.list = 'kind' AND k.n = pg_temp.nth(p.n, 904, 16)
  JOIN demo_word AS s ON s.list = 'street' AND s.n = pg_temp.nth(p.n, 905, 23)
ORDER BY p.n ON CONFLICT (phone) DO NOTHING
"""
_TOTALS = f"""
UPDATE calling_entry AS e SET order_count = t.orders, order_days = t.days, total_spend = t.spend,
  first_order_at = t.first_at, last_order_at = t.last_at, window_from = t.window_from, window_until = t.window_until
FROM (
  SELECT s.*, {WINDOW.format(first="s.first_day", last="s.last_day", days="s.days")} FROM (
    SELECT customer_id, count(*) AS orders, count(DISTINCT (created_at AT TIME ZONE $1)::date) AS days,
      sum(total_amount) AS spend, min(created_at) AS first_at, max(created_at) AS last_at,
      (min(created_at) AT TIME ZONE $1)::date AS first_day, (max(created_at) AT TIME ZONE $1)::date AS last_day
    FROM orders WHERE customer_id IS NOT NULL AND status <> 'cancelled' GROUP BY customer_id
  ) AS s
) AS t
WHERE t.customer_id = e.customer_id
"""  # noqa: S608 - constants of ours
# Every outcome, both older and today's; the first rep is the one who reads the screen next.
_CALLS = """
INSERT INTO outbound_call_log (
  entry_id, customer_id, staff_id, phone, customer_name, outcome, callback_date, notes, actor_kind, actor_id,
  actor_name, created_at
)
SELECT c.id, c.customer_id, c.staff_id, c.phone, c.company_name, c.outcome,
  CASE WHEN c.outcome LIKE '%callback' THEN (c.at + interval '7 days')::date END,
  CASE c.nth WHEN 2 THEN 'Wants a price on 500 compostable lids' WHEN 3 THEN 'Asks for the owner, mornings only'
    WHEN 4 THEN 'Buys from the cash and carry' ELSE '' END,
  'staff', c.staff_id, (SELECT coalesce(nullif(full_name, ''), username) FROM staff WHERE id = c.staff_id), c.at
FROM (
  SELECT e.id, e.customer_id, e.phone, e.company_name,
    (t.rep_ids)[1 + (e.id % cardinality(t.rep_ids))::int] AS staff_id,
    (ARRAY['sale_made', 'interested_callback', 'busy_callback', 'not_interested', 'no_answer', 'wrong_number',
      'dnc_requested'])[n.nth] AS outcome, n.nth,
    CASE WHEN e.id % 11 = 0
      THEN w.at - (w.at - greatest(w.at - interval '6 hours', w.today_starts_at)) * pg_temp.share(e.id, 912)
      ELSE (date_trunc('day', (w.at - interval '60 days' * (0.1 + pg_temp.share(e.id, 911))) AT TIME ZONE '{zone}')
        + interval '9 hours' + interval '9 hours' * pg_temp.share(e.id, 916)) AT TIME ZONE '{zone}' END AS at
  FROM calling_entry AS e, demo_wish AS w, demo_team AS t,
    LATERAL (
      SELECT CASE WHEN pg_temp.share(e.id, 913) < 0.03 THEN 7 ELSE pg_temp.nth(e.id, 914, 6)::int END AS nth
    ) AS n
  WHERE e.phone IS NOT NULL AND (e.id % 11 = 0 OR pg_temp.share(e.id, 915) < 0.3)
  ORDER BY e.id LIMIT 600
) AS c
"""
_EVENTS = """
INSERT INTO calling_event (entry_id, kind, points, call_id, actor_kind, actor_id, actor_name, created_at)
SELECT entry_id, outcome, CASE outcome WHEN 'sale_made' THEN -35 WHEN 'interested_callback' THEN 25
    WHEN 'busy_callback' THEN 5 WHEN 'not_interested' THEN -30 WHEN 'no_answer' THEN -3 WHEN 'wrong_number' THEN -60
    ELSE 0 END, id, 'staff', actor_id, actor_name, created_at
FROM outbound_call_log
UNION ALL
SELECT e.id, k.kind, k.points, NULL, 'system', NULL, 'System',
  w.at - interval '25 days' * pg_temp.share(e.id, 920 + k.n)
FROM calling_entry AS e, demo_wish AS w,
  (VALUES (1, 'catalog_viewed', 8), (2, 'email_opened', 4), (3, 'sample_requested', 20), (4, 'cart_abandoned', 20))
    AS k(n, kind, points)
WHERE pg_temp.share(e.id, 930 + k.n) < 0.2
UNION ALL
SELECT id, 'order_placed', -40, NULL, 'system', NULL, 'System', last_order_at
FROM calling_entry WHERE last_order_at > (SELECT at FROM demo_wish) - interval '60 days'
UNION ALL
SELECT e.id, 'reorder_due', 30, NULL, 'system', NULL, 'System', w.at - interval '3 days' * pg_temp.share(e.id, 941)
FROM calling_entry AS e, demo_wish AS w
WHERE e.order_days > 1
  AND w.at - e.last_order_at > greatest((e.last_order_at - e.first_order_at) / (e.order_days - 1), interval '1 day')
"""
_AFTER = """
UPDATE calling_entry AS e SET last_called_at = c.created_at, last_outcome = c.outcome, callback_on = c.callback_date,
  status = CASE WHEN c.outcome IN ('wrong_number', 'dnc_requested') THEN 'closed'
    WHEN c.outcome LIKE '%callback' THEN 'callback' WHEN c.outcome = 'sale_made' THEN 'customer'
    WHEN e.order_count > 0 THEN 'customer' ELSE 'contacted' END
FROM (SELECT DISTINCT ON (entry_id) * FROM outbound_call_log ORDER BY entry_id, created_at DESC) AS c
WHERE c.entry_id = e.id;
UPDATE calling_entry AS e SET priority_score = least(100, greatest(0, e.base_score + p.sum))
FROM (
  SELECT v.entry_id,
    sum(v.points * power(0.5::float8, extract(epoch FROM w.at - v.created_at)::float8 / 1209600)) AS sum
  FROM calling_event AS v, demo_wish AS w GROUP BY v.entry_id
) AS p WHERE p.entry_id = e.id;
UPDATE calling_entry AS e SET claimed_by = c.rep_id, claimed_until = c.at + interval '15 minutes'
FROM (
  SELECT e.id, (t.rep_ids)[1] AS rep_id, w.at FROM calling_entry AS e, demo_team AS t, demo_wish AS w
  WHERE e.status = 'new' ORDER BY e.id LIMIT 2
) AS c WHERE c.id = e.id;
INSERT INTO suppressed_number (phone, do_not_call, do_not_call_reason, do_not_call_note, do_not_call_by, do_not_call_at,
  updated_at)
SELECT phone, true, 'dnc_requested', 'Asked on the phone', 'Demo', w.at - interval '9 days', w.at - interval '9 days'
FROM (
  SELECT phone, id FROM calling_entry WHERE phone IS NOT NULL
  ORDER BY (last_outcome = 'dnc_requested') DESC, id DESC LIMIT 10
) AS ten, demo_wish AS w
ORDER BY id ON CONFLICT (phone) DO NOTHING;
UPDATE customer AS c SET do_not_call = true
FROM suppressed_number AS s WHERE s.do_not_call AND s.phone IN (c.phone, c.phone2) AND NOT c.do_not_call
"""
# How orders came about: some unanswered calls, in the daytime and never on a Sunday, and the one that sold.
_EARLIER = """
INSERT INTO outbound_call_log (
  entry_id, customer_id, staff_id, phone, customer_name, outcome, order_number, notes, actor_kind, actor_id, actor_name,
  created_at
)
SELECT c.entry_id, c.customer_id, c.staff_id, c.phone, c.company_name,
  CASE WHEN c.try = 0 THEN 'sale_made' ELSE (ARRAY['no_answer', 'no_answer', 'busy_callback'])[c.nth] END,
  CASE WHEN c.try = 0 THEN c.order_number ELSE '' END, '', 'staff', c.staff_id, s.full_name, c.at
FROM (
  SELECT e.id AS entry_id, o.customer_id, o.sales_rep_id AS staff_id, e.phone, e.company_name, o.order_number, try,
    pg_temp.nth(o.id * 16 + try, 917, 3) AS nth,
    CASE WHEN try = 0 THEN o.created_at ELSE (
      date_trunc('day', (o.created_at - make_interval(days => try)) AT TIME ZONE '{zone}') + interval '9 hours'
        + interval '9 hours' * pg_temp.share(o.id * 16 + try, 918)) AT TIME ZONE '{zone}' END AS at
  FROM (
    SELECT o.* FROM orders AS o, demo_wish AS w
    WHERE o.sales_rep_id IS NOT NULL AND o.status <> 'cancelled' AND o.created_at > w.at - interval '190 days'
    ORDER BY o.id DESC LIMIT 20000
  ) AS o
  JOIN calling_entry AS e ON e.customer_id = o.customer_id
  CROSS JOIN LATERAL generate_series(0, 4 + pg_temp.nth(o.id, 919, 4)::int) AS try
  WHERE e.phone IS NOT NULL
) AS c
JOIN staff AS s ON s.id = c.staff_id
CROSS JOIN demo_wish AS w
WHERE c.at < w.at AND (c.try = 0 OR extract(isodow FROM c.at AT TIME ZONE '{zone}') < 7)
ORDER BY c.at
"""
_AFTER_EARLIER = """
UPDATE calling_entry AS e SET last_called_at = c.created_at, last_outcome = c.outcome
FROM (SELECT DISTINCT ON (entry_id) * FROM outbound_call_log ORDER BY entry_id, created_at DESC) AS c
WHERE c.entry_id = e.id AND e.status NOT IN ('callback', 'closed')
"""
_SCRIPTS = """
INSERT INTO call_script (content, actor_kind, actor_name, created_at)
SELECT v.content, 'staff', (t.office_names)[1], w.at - make_interval(days => v.days)
FROM demo_wish AS w, demo_team AS t, (VALUES
  (200, 'Hello, this is {rep} from {company}. Do you need anything?'),
  (90, E'Hi {contact}, this is {rep} from {company}.\n\nYou usually restock {usual_item} about now.'),
  (12, E'Hi {contact}, this is {rep} from {company}. Is this a good minute?\n\nYou usually restock {usual_item} about '
    'now, so I checked: it is in and can leave today.\n\nShall I send the same as last time?\n\n'
    'Objections\n\n“Too dear”: the bulk price begins at a case, and delivery is free from the minimum on.\n\n“We have '
    'somebody”: keep us for when they run short; we ship the same day.')
) AS v(days, content) ORDER BY v.days DESC
"""
# Commissions begin 120 days ago; months before the last one are locked and paid.
_COMMISSIONS = """
INSERT INTO commission_rate (staff_id, percent, starts_on, actor_kind, actor_name)
SELECT rep, p.percent, w.today - p.days, 'staff', (t.office_names)[1]
FROM demo_team AS t, demo_wish AS w, unnest(t.rep_ids) AS rep, (VALUES (3.0, 700), (3.5, 45)) AS p(percent, days);
UPDATE orders AS o SET commission_rep_id = o.sales_rep_id, commission_percent = r.percent,
  commission_amount = round(greatest(o.subtotal - o.discount_amount, 0) * r.percent / 100, 2)
FROM demo_wish AS w, LATERAL (VALUES (3.0, w.today - 700), (3.5, w.today - 45)) AS r(percent, starts_on)
WHERE o.sales_rep_id IS NOT NULL AND o.created_at > w.at - interval '120 days'
  AND r.percent = CASE WHEN o.created_at::date >= w.today - 45 THEN 3.5 ELSE 3.0 END;
INSERT INTO commission_entry (
  order_id, order_number, staff_id, kind, amount, month, note, created_at, customer, base, percent
)
SELECT id, order_number, commission_rep_id, 'earned', commission_amount, date_trunc('month', created_at)::date, 'paid',
  created_at, coalesce(nullif(delivery_company, ''), delivery_name, ''), subtotal - discount_amount, commission_percent
FROM orders
WHERE commission_amount > 0 AND payment_status IN ('paid', 'partially_refunded', 'refunded') ORDER BY id;
INSERT INTO commission_entry (
  order_id, order_number, staff_id, kind, amount, month, note, created_at, customer, base, percent
)
SELECT o.id, o.order_number, o.commission_rep_id, 'taken_back', -k.back, date_trunc('month', o.updated_at)::date,
  CASE o.status WHEN 'cancelled' THEN o.status ELSE o.payment_status END, greatest(o.updated_at, o.created_at),
  coalesce(nullif(o.delivery_company, ''), o.delivery_name, ''), -round((o.subtotal - o.discount_amount) * s.share, 2),
  o.commission_percent
FROM orders AS o, LATERAL (
  SELECT CASE WHEN o.status = 'cancelled' THEN 1 ELSE least(1, o.allowances / greatest(o.total_amount, 0.01)) END
    AS share
) AS s, LATERAL (SELECT round(o.commission_amount * s.share, 2) AS back) AS k
WHERE o.commission_amount > 0 AND o.payment_status IN ('paid', 'partially_refunded', 'refunded') AND k.back > 0
ORDER BY o.id;
INSERT INTO commission_month (month, actor_kind, actor_name, locked_at)
SELECT DISTINCT e.month, 'staff', (t.office_names)[1], e.month + interval '1 month 3 days'
FROM commission_entry AS e, demo_wish AS w, demo_team AS t
WHERE e.month < date_trunc('month', w.today::timestamp - interval '1 month');
UPDATE orders AS o SET commission_paid = true, commission_paid_at = m.locked_at, commission_paid_by = m.actor_name
FROM commission_entry AS e JOIN commission_month AS m ON m.month = e.month WHERE e.order_id = o.id;
UPDATE commission_entry AS e SET paid_at = m.locked_at, paid_by = m.actor_name
FROM commission_month AS m WHERE m.month = e.month;
INSERT INTO sales_target (staff_id, month, amount, actor_kind, actor_name)
SELECT rep, date_trunc('month', w.today::timestamp)::date, 1000 * (78 + 6 * n), 'staff', (t.office_names)[1]
FROM demo_team AS t, demo_wish AS w, unnest(t.rep_ids) WITH ORDINALITY AS r(rep, n)
"""


async def write_calling(connection: asyncpg.Connection, *, keys: list[str], timezone: str) -> None:
    """Write the calling list and the commissions; requires the orders and the temporary tables."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (phone) id, phone, shipping_zip, shipping_state FROM customer WHERE phone IS NOT NULL "
        "ORDER BY phone, id"
    )
    hours = [find_hours_key(row["phone"], row["shipping_zip"], row["shipping_state"]) for row in rows]
    await connection.execute(_CUSTOMERS, [row["id"] for row in rows], hours)
    numbers = list(range(1, PROSPECTS + 1))
    places = [_AREAS[n % len(_AREAS)] for n in numbers]
    phones = [f"+1{place[0]}555{180 + n // len(_AREAS):04}" for n, place in zip(numbers, places, strict=True)]
    keys_of = [find_hours_key(phone, place[3], place[2]) for phone, place in zip(phones, places, strict=True)]
    columns = [[place[part] for place in places] for part in (1, 2, 3)]
    await connection.execute(_PROSPECTS, numbers, phones, *columns, keys_of)
    await connection.execute(_TOTALS, timezone)
    for statements in (_CALLS, _EVENTS, _AFTER, _EARLIER, _AFTER_EARLIER, _SCRIPTS, _COMMISSIONS):
        await connection.execute(statements.replace("{zone}", timezone))
        if statements in {_CALLS, _EARLIER}:
            await _keep_calling_hours(connection)
    await _write_bank_accounts(connection, keys)


async def _keep_calling_hours(connection: asyncpg.Connection) -> None:
    """Move calls outside the calling hours to earlier hours; an order placed then is not attributed to a call."""
    rows = await connection.fetch(
        "SELECT c.id, c.created_at, e.hours_key, c.order_number <> '' AS sold FROM outbound_call_log AS c "
        "JOIN calling_entry AS e ON e.id = c.entry_id ORDER BY c.id"
    )
    closed = [row for row in rows if not is_open(read_hours_key(row["hours_key"]), row["created_at"])]
    moved = [row for row in closed if not row["sold"]]
    await connection.execute("DELETE FROM outbound_call_log WHERE id = ANY($1)", [r["id"] for r in closed if r["sold"]])
    await connection.execute(
        "UPDATE outbound_call_log AS c SET created_at = m.at FROM unnest($1::bigint[], $2::timestamptz[]) AS m(id, at) "
        "WHERE m.id = c.id",
        [row["id"] for row in moved],
        [_find_earlier(read_hours_key(row["hours_key"]), row["created_at"], row["id"]) for row in moved],
    )


def _find_earlier(place: Place, at: datetime, call_id: int) -> datetime:
    """Return a time in the last calling hours before an instant: in their first three hours, depending on the call."""
    for days in range(1, _MOST_DAYS_SHUT):
        opens = find_next_opening(place, at - timedelta(days=days))
        if opens is not None and opens < at:
            later = opens + timedelta(minutes=call_id * 37 % 180)
            return later if later < at and is_open(place, later) else opens
    raise ValueError(f"{place} is never open")


async def _write_bank_accounts(connection: asyncpg.Connection, keys: list[str]) -> None:
    """Write three customers with bank details; the numbers are made up."""
    for place, customer_id in enumerate(await connection.fetch("SELECT id FROM customer ORDER BY id LIMIT 3"), start=1):
        number = f"00012345{place:04}"
        await connection.execute(
            """
            INSERT INTO bank_account (id, customer_id, bank_name, account_name, routing_number, sealed_number,
              number_index, last_four, account_type, authorized_at, actor_kind, actor_name)
            SELECT $1, $2, 'First Grist Bank', company_name, '110000000', $3, $4, $5, 'checking', created_at, 'staff',
              'Demo' FROM customer WHERE id = $2
            """,
            place,
            customer_id["id"],
            encrypt(number, keys, context_of(place)),
            index_number("110000000", number, keys),
            number[-4:],
        )
    await connection.execute("SELECT setval(pg_get_serial_sequence('bank_account', 'id'), 3)")
