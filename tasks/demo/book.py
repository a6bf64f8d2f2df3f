"""Customer and vendor data of the demo company: notes, suppressed numbers, vendors with their products, an import."""

import asyncpg

_NOTES = """
INSERT INTO customer_note (customer_id, note, actor_kind, actor_id, actor_name, created_at)
SELECT c.id, said.note, 'staff', team.office_ids[1], team.office_names[1], w.at - c.id % 90 * interval '1 day'
FROM demo_customer AS c, demo_wish AS w, demo_team AS team, (VALUES
  (1, 'Ring the back bell, the dock closes at 2.'), (2, 'Prefers a call before every delivery.'),
  (3, 'Wants one invoice a month.')
) AS said(n, note)
WHERE c.id % 40 = said.n
ORDER BY c.id
"""
_MARKS = """
WITH marked AS (
  INSERT INTO suppressed_number (phone, do_not_call, do_not_call_reason, do_not_call_note, do_not_call_by,
    do_not_call_at, do_not_text, do_not_text_reason, do_not_text_by, do_not_text_at, updated_at)
  SELECT phone, id % 2 = 0, CASE WHEN id % 2 = 0 THEN 'dnc_requested' ELSE '' END,
    CASE WHEN id % 2 = 0 THEN 'Asked on the phone' ELSE '' END, CASE WHEN id % 2 = 0 THEN 'Dana Whitlock' ELSE '' END,
    CASE WHEN id % 2 = 0 THEN w.at - id % 60 * interval '1 day' END, id % 3 <> 0,
    CASE WHEN id % 3 <> 0 THEN 'stop_text' ELSE '' END, CASE WHEN id % 3 <> 0 THEN 'Twilio' ELSE '' END,
    CASE WHEN id % 3 <> 0 THEN w.at - id % 60 * interval '1 day' END, w.at - id % 60 * interval '1 day'
  FROM demo_customer, demo_wish AS w WHERE id > 1 AND id % 45 IN (5, 8) AND (id % 2 = 0 OR id % 3 <> 0)
  ON CONFLICT DO NOTHING RETURNING phone, do_not_call, do_not_text
)
UPDATE customer AS c SET do_not_call = m.do_not_call, do_not_text = m.do_not_text
FROM marked AS m WHERE m.phone = c.phone
"""
_VENDORS = """
WITH made AS (
  INSERT INTO vendor (name, website, phone, email, contact_name, address, notes, active, created_at, updated_at)
  SELECT v.name, v.website, v.phone, v.email, v.contact, v.address, v.notes, v.active, w.at - interval '700 days', w.at
  FROM demo_wish AS w, (VALUES
    ('Great Lakes Steel', 'greatlakessteel.example', '+12165550151', 'sales@greatlakessteel.example', 'Ana Birch',
     '40 Foundry Road, Cleveland, OH 44113', 'Pallets only', true),
    ('Pearl River Housewares', 'pearlriver.example', '', 'export@pearlriver.example', 'Lin Wei', 'Foshan, China',
     'Ships on the first of the month', true),
    ('Prairie Paper', 'prairiepaper.example', '+13125550152', 'orders@prairiepaper.example', 'Otto Lund',
     '9 Mill Street, Chicago, IL 60607', '', true),
    ('Old Harbor Glass', '', '', '', '', '', 'Closed last year', false)
  ) AS v(name, website, phone, email, contact, address, notes, active)
  RETURNING id, name, active
),
numbered AS (SELECT id, active, row_number() OVER (ORDER BY id) - 1 AS n FROM made)
INSERT INTO vendor_product (vendor_id, product_id, name, category, model_number, est_price_min, est_price_max,
  lead_time_days, active, created_at, updated_at)
SELECT v.id, p.id, p.name, coalesce(c.name, ''), 'M-' || p.sku,
  round(p.unit_price * 0.55, 2), round(p.unit_price * 0.7, 2),
  CASE v.n WHEN 1 THEN 45 WHEN 0 THEN 10 ELSE 4 END, v.active AND p.id % 17 <> 0, w.at - interval '600 days', w.at
FROM product AS p LEFT JOIN category AS c ON c.id = p.category_id JOIN numbered AS v ON v.n = p.id % 4, demo_wish AS w
WHERE p.is_active AND p.id % 3 = 0
"""
_DELIVERIES = """
UPDATE stock_movement AS m SET vendor_id = v.id, vendor_name = v.name
FROM vendor_product AS o JOIN vendor AS v ON v.id = o.vendor_id
WHERE m.reason = 'received' AND m.product_id = o.product_id AND m.vendor_name = ''
"""
_IMPORT = """
WITH run AS (
  INSERT INTO import_run (kind, state, filename, size_bytes, encoding, delimiter, headings, mapping, is_staged,
    total_rows, processed_rows, created_rows, skipped_rows, bad_rows, actor_kind, actor_id, actor_name, created_at,
    started_at, finished_at)
  SELECT 'customers', 'done', 'customers-north.csv', 412000, 'Windows-1252', ';', '["firma", "e_mail"]',
    '{"firma": "company_name", "e_mail": "email"}', true, 2418, 2418, 2400, 16, 2, 'staff', team.office_ids[1],
    team.office_names[1], w.at - interval '9 days', w.at - interval '9 days', w.at - interval '9 days' + interval '82 s'
  FROM demo_wish AS w, demo_team AS team RETURNING id
)
INSERT INTO import_row (run_id, line_number, group_number, cells, outcome, error, faults)
SELECT run.id, bad.line, bad.line - 1, bad.cells::jsonb, 'bad', bad.error, bad.faults::jsonb FROM run, (VALUES
  (37, '{"firma": "Birch Street Grill", "e_mail": "ana.birchgrill.example"}',
   'email ana.birchgrill.example is not an email address',
   '{"email": "ana.birchgrill.example is not an email address"}'),
  (102, '{"firma": "The Larder", "e_mail": ""}', 'email is missing, and so is a phone',
   '{"email": "is missing, and so is a phone"}')
) AS bad(line, cells, error, faults)
"""


async def write_book(connection: asyncpg.Connection) -> None:
    """Write all of it; requires customers, products and the ledger."""
    for statement in (_NOTES, _MARKS, _VENDORS, _DELIVERIES, _IMPORT):
        await connection.execute(statement)
