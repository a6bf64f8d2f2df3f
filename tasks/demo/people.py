"""The demo's colleagues and customers, and how often each customer orders."""

# Existing colleagues keep their usernames; the caller counts the rows.
STAFF = """
WITH made AS (
  INSERT INTO staff (username, email, password_hash, first_name, last_name, full_name, role, is_demo, is_active,
    archived_at, created_at, updated_at)
  SELECT c.username, c.username || '@ladleandlid.example', w.password_hash, c.first_name, c.last_name,
    c.first_name || ' ' || c.last_name, c.role, true, c.is_active,
    CASE WHEN NOT c.is_active THEN w.at - interval '140 days' END,
    w.at - interval '800 days' + c.n * interval '9 days', w.at - interval '140 days'
  FROM demo_colleague AS c, demo_wish AS w
  ORDER BY c.n
  ON CONFLICT DO NOTHING
  RETURNING id, username
)
INSERT INTO demo_staff
SELECT c.n, made.id, c.first_name || ' ' || c.last_name, c.team
FROM made JOIN demo_colleague AS c USING (username)
"""

TEAM = """
CREATE TEMP TABLE demo_team AS
SELECT array_agg(id ORDER BY n) FILTER (WHERE team = 'office') AS office_ids,
       array_agg(name ORDER BY n) FILTER (WHERE team = 'office') AS office_names,
       array_agg(id ORDER BY n) FILTER (WHERE team = 'sales') AS rep_ids,
       array_agg(name ORDER BY n) FILTER (WHERE team = 'sales') AS rep_names,
       array_agg(id ORDER BY n) FILTER (WHERE team = 'floor') AS floor_ids,
       array_agg(name ORDER BY n) FILTER (WHERE team = 'floor') AS floor_names
FROM demo_staff
"""

# Customer 1 is `bistro`, who signs in; every third of the others has an account too.
CUSTOMERS = """
CREATE TEMP TABLE demo_customer AS
WITH size AS (
  SELECT count(*) FILTER (WHERE list = 'first') AS firsts, count(*) FILTER (WHERE list = 'second') AS seconds
  FROM demo_word
),
numbered AS (
  -- 1597 and the number of names have no common factor, so every name comes once before any comes again.
  SELECT n AS id, (n * 1597 + floor(pg_temp.share(0, 1) * firsts * seconds)::bigint) % (firsts * seconds) AS name,
    1 + n / (firsts * seconds) AS round, firsts, pg_temp.share(n, 2) AS habit_share, pg_temp.share(n, 3) AS phase,
    CASE WHEN n = 1 THEN 28 ELSE 1 + (n * 29 + floor(pg_temp.share(n / cities, 4) * cities)::bigint) % cities END
      AS city_n,
    CASE WHEN n = 1 THEN 99 ELSE n / cities END AS phone_n
  FROM demo_wish AS w, size, (SELECT count(*) AS cities FROM demo_city) AS c, generate_series(1, w.customers) AS n
),
named AS (
  SELECT d.*, a.word || ' ' || b.word AS two_words, k.word AS kind, biz.word AS business_type, g.word AS first_name,
    f.word AS last_name, s.word AS street, note.word AS note
  FROM numbered AS d
  JOIN demo_word AS a ON a.list = 'first' AND a.n = 1 + d.name % d.firsts
  JOIN demo_word AS b ON b.list = 'second' AND b.n = 1 + d.name / d.firsts
  JOIN demo_word AS k ON k.list = 'kind' AND k.n = pg_temp.nth(d.id, 5, 16)
  JOIN demo_word AS biz ON biz.list = 'business' AND biz.n = k.n
  JOIN demo_word AS g ON g.list = 'given' AND g.n = pg_temp.nth(d.id, 6, 47)
  JOIN demo_word AS f ON f.list = 'family' AND f.n = pg_temp.nth(d.id, 7, 47)
  JOIN demo_word AS s ON s.list = 'street' AND s.n = pg_temp.nth(d.id, 8, 23)
  LEFT JOIN demo_word AS note ON note.list = 'customer_note' AND note.n = pg_temp.nth(d.id, 9, 60)
),
slugged AS (
  SELECT named.*,
    CASE WHEN id = 1 THEN 'bistro'
         ELSE lower(replace(two_words, ' ', '')) || CASE WHEN round > 1 THEN round::text ELSE '' END END AS slug
  FROM named
)
SELECT s.id, s.slug AS username,
  CASE WHEN s.id = 1 THEN 'Lantern Street Bistro' ELSE s.two_words || ' ' || s.kind END AS company_name,
  CASE WHEN s.id = 1 THEN 'Camille' ELSE s.first_name END AS first_name,
  CASE WHEN s.id = 1 THEN 'Arnaud' ELSE s.last_name END AS last_name,
  CASE WHEN s.id = 1 THEN 'camille' ELSE lower(translate(s.first_name, 'áéíóú', 'aeiou')) END
    || '@' || CASE WHEN s.id = 1 THEN 'lanternstreet' ELSE s.slug END || '.example' AS email,
  -- 555-01xx is never given out; where a city has more than a hundred customers, the rest of 555 has to do.
  '+1' || c.area_code || '555'
    || CASE WHEN s.phone_n < 100 THEN lpad((100 + (s.phone_n * 37 + s.city_n * 13) % 100)::text, 4, '0')
            ELSE (2000 + s.phone_n % 7900)::text END AS phone,
  s.business_type, (10 + pg_temp.nth(s.id, 10, 1900))::text || ' ' || s.street AS street, c.city, c.state, c.zip,
  c.timezone, coalesce(s.note, '') AS note,
  s.id = 1 OR s.id % 3 = 0 AS has_sign_in,
  CASE WHEN s.id = 1 OR pg_temp.share(s.id, 11) < 0.45 THEN 'net30' ELSE 'prepaid' END AS payment_terms,
  s.id > 1 AND pg_temp.share(s.id, 12) < 0.06 AS pays_late,
  s.id > 1 AND pg_temp.share(s.id, 13) < 0.06 AS is_tight,
  CASE WHEN pg_temp.share(s.id, 14) < 0.8 THEN pg_temp.nth(s.id, 15, 3) END AS rep_n,
  CASE WHEN pg_temp.share(s.id, 16) < 0.1 THEN 'es' ELSE 'en' END AS preferred_language,
  CASE
    WHEN s.id = 1 OR s.habit_share < 0.18 THEN 'weekly'
    WHEN s.habit_share < 0.45 THEN 'fortnightly'
    WHEN s.habit_share < 0.72 THEN 'monthly'
    WHEN s.habit_share < 0.79 THEN 'summer'
    WHEN s.habit_share < 0.83 THEN 'winter'
    WHEN s.habit_share < 0.91 THEN 'lapsed'
    ELSE 'now and then'
  END AS habit,
  s.phase,
  -- A lapsed customer's last day, days ago; one in four of the others came to us within the two years.
  CASE WHEN s.id > 1 AND s.habit_share >= 0.83 AND s.habit_share < 0.91
       THEN 90 + floor(pg_temp.share(s.id, 17) * 400) ELSE 0 END AS last_day,
  CASE WHEN s.id > 1 AND pg_temp.share(s.id, 18) < 0.25 AND NOT (s.habit_share >= 0.83 AND s.habit_share < 0.91)
       THEN 60 + floor(pg_temp.share(s.id, 19) * 640) ELSE 730 END AS first_day
FROM slugged AS s JOIN demo_city AS c ON c.n = s.city_n;
-- Two are in the book twice, once as their own company: duplicates to merge.
UPDATE demo_customer AS twin SET phone = c.phone, street = c.street, company_name = c.company_name || ' LLC',
  email = replace(c.email, '@', '.orders@')
FROM demo_customer AS c, (
  SELECT min(id) AS first_id, max(id) AS last_id FROM demo_customer WHERE id > 3 AND NOT has_sign_in
  GROUP BY city HAVING count(*) > 1 ORDER BY min(id) LIMIT 2
) AS pair
WHERE c.id = pair.first_id AND twin.id = pair.last_id;
ANALYZE demo_customer
"""

WRITE_CUSTOMERS = """
INSERT INTO customer (id, username, email, email_verified_at, password_hash, first_name, last_name, company_name, phone,
  phone_verified_at, business_type, state_of_operation, shipping_street, shipping_city, shipping_state, shipping_zip,
  billing_street, billing_city, billing_state, billing_zip, timezone, preferred_language, payment_terms, credit_limit,
  sales_rep_id, notes, is_demo, created_at, updated_at)
SELECT c.id, c.username, c.email, CASE WHEN c.has_sign_in THEN joined.at END,
  CASE WHEN c.has_sign_in THEN w.password_hash END, c.first_name, c.last_name, c.company_name, c.phone,
  CASE WHEN c.has_sign_in THEN joined.at END, c.business_type, c.state, c.street, c.city, c.state, c.zip,
  c.street, c.city, c.state, c.zip, c.timezone, c.preferred_language, c.payment_terms,
  CASE WHEN c.payment_terms = 'net30' THEN greatest(coalesce(t.credit_limit, 1500), CASE WHEN c.id = 1 THEN 8000 END)
       ELSE 0 END,
  team.rep_ids[c.rep_n], c.note, c.has_sign_in, joined.at, joined.at
FROM demo_customer AS c
CROSS JOIN demo_wish AS w
CROSS JOIN demo_team AS team
LEFT JOIN demo_terms AS t ON t.customer_id = c.id
CROSS JOIN LATERAL (
  SELECT w.at - make_interval(days => c.first_day::int + 3 + (40 * c.phase)::int) AS at
) AS joined
ORDER BY c.id
"""

# A few customers have store credit for broken goods.
CREDIT = """
INSERT INTO credit_entry (customer_id, amount, balance_after, kind, note, actor_kind, actor_id, actor_name, created_at)
SELECT c.id, credit.amount, credit.amount, 'adjustment', 'Broken in transit', 'staff', team.office_ids[2],
  team.office_names[2], w.at - pg_temp.share(c.id, 90) * interval '60 days'
FROM demo_customer AS c, demo_wish AS w, demo_team AS team,
  LATERAL (SELECT (pg_temp.nth(c.id, 91, 30) * 5)::numeric AS amount) AS credit
WHERE pg_temp.share(c.id, 92) < 0.03
ORDER BY c.id
"""
