"""The demo's voice agents: prompts, the calls for the voice orders, their evaluations, and requests for quotes."""

AGENTS = """
INSERT INTO voice_agent (name, external_id, direction, created_at)
SELECT v.name, v.external_id, v.direction, w.at - interval '300 days' FROM demo_wish AS w, (VALUES
  ('LLD Ordering', 'agent_demo_ordering', 'inbound'), ('LLD Outbound Sales', 'outbound-sales', 'outbound')
) AS v(name, external_id, direction)
"""

PROMPTS = """
INSERT INTO prompt_version (agent_id, number, external_id, state, prompt, analysis, changes_made, expected_improvement,
  actor_name, created_at, went_live_at)
SELECT a.id, v.number, v.external_id, v.state, v.prompt, v.analysis, v.changes::jsonb, v.expected, 'Demo manager',
  w.at - v.age, CASE WHEN v.state IN ('live', 'retired') THEN w.at - v.age END
FROM demo_wish AS w, (VALUES
  ('LLD Ordering', 1, 'version_demo_1', 'retired', interval '300 days',
   E'You take orders by phone for a restaurant supplier.\\nSpeak in two sentences at most, then wait.\\n'
   'Say the total before placing. Delivery is usually free.\\nMention how many are in stock.', '', '[]', ''),
  ('LLD Ordering', 2, 'version_demo_2', 'live', interval '60 days',
   E'You take orders by phone for a restaurant supplier.\\nSpeak in two sentences at most, then wait.\\n'
   'Read every item back with size and quantity before placing.\\nSay the total before placing.\\n'
   'Never take card or bank numbers; text a link.', '', '[]', ''),
  ('LLD Ordering', 3, NULL, 'suggested', interval '1 day',
   E'You take orders by phone for a restaurant supplier.\\nSpeak in two sentences at most, then wait.\\n'
   'Read every item back with size and quantity before placing.\\n'
   'Say the subtotal, the delivery fee and the total that place_order answers.\\n'
   'When a caller asks for a person, call hand_to_person with the reason.\\n'
   'Never take card or bank numbers; text a link.',
   'Two calls promised free delivery below the minimum, and four callers asked for a person in vain.',
   '["Fees come from the tool", "A person when asked"]', 'Hallucinations from 3% to about 1%.'),
  ('LLD Outbound Sales', 1, NULL, 'live', interval '200 days',
   'You call customers who are due for a reorder. Ask whether it is a good time first.', '', '[]', ''),
  ('LLD Outbound Sales', 2, NULL, 'dismissed', interval '40 days', 'You call customers and never take a no.',
   'Calls end early.', '["Persist"]', 'More orders.')
) AS v(agent, number, external_id, state, age, prompt, analysis, changes, expected)
JOIN voice_agent AS a ON a.name = v.agent
ORDER BY a.id, v.number
"""

# Every voice order has its call; in addition, a third have a call without an order. Calls of the last 90 days are
# evaluated.
CALLS = """
INSERT INTO call_log (call_id, provider, call_type, direction, status, agent_id, prompt_version_id, customer_id,
  order_id, caller_phone, duration_seconds, started_at, ended_at, transcript, tool_outputs, order_placed, order_number,
  cost_dollars, checker_reasons, eval_status, eval_score, eval_resolution, eval_hallucination, eval_escalation_needed,
  eval_reviewed_by, eval_reviewed_at, review_notes, wants_review, is_sample, created_at)
SELECT 'demo-' || o.id || CASE WHEN s.has_order THEN '' ELSE '-asked' END, 'elevenlabs', 'inbound_order', 'inbound',
  'done', a.id, v.id, o.customer_id, CASE WHEN s.has_order THEN o.id END, o.delivery_phone, s.seconds, s.at,
  s.at + make_interval(secs => s.seconds), jsonb_build_array(
    jsonb_build_object('role', 'agent', 'text', 'Good morning, Ladle and Lid. How can I help?', 'at', 0,
      'tool_calls', jsonb_build_array(jsonb_build_object('tool_name', 'lookup_customer')),
      'tool_results', jsonb_build_array(jsonb_build_object('tool_name', 'lookup_customer', 'tool_latency_secs', 0.04,
        'result_value', jsonb_build_object('found', true, 'name', o.delivery_company)::text))),
    jsonb_build_object('role', 'user', 'text', CASE WHEN s.has_order THEN 'I need ' || coalesce(l.said, 'the usual')
      || ', please.' ELSE 'Do you have square cast iron pans?' END, 'at', 4),
    jsonb_build_object('role', 'agent', 'text', '', 'at', 17) || CASE WHEN s.has_order THEN jsonb_build_object(
        'tool_calls', jsonb_build_array(jsonb_build_object('tool_name', 'voice_place_order',
          'params_as_json', '{"confirmed": "not confirmed yet"}')),
        'tool_results', jsonb_build_array(jsonb_build_object('tool_name', 'voice_place_order',
          'tool_latency_secs', 0.11, 'result_value', jsonb_build_object('subtotal', o.subtotal,
            'delivery_fee', o.delivery_fee, 'total', o.total_amount, 'payment_method', o.payment_method)::text)))
      ELSE jsonb_build_object('tool_calls', jsonb_build_array(jsonb_build_object('tool_name', 'voice_products',
          'params_as_json', '{"query": "square cast iron pan"}')),
        'tool_results', jsonb_build_array(jsonb_build_object('tool_name', 'voice_products',
          'tool_latency_secs', 0.06, 'result_value', '{"count": 0}'))) END,
    jsonb_build_object('role', 'agent', 'text', CASE WHEN j.is_false THEN 'Delivery is free today. Shall I place it?'
      WHEN s.has_order THEN 'That comes to ' || o.total_amount || ' dollars. Shall I place it?'
      ELSE 'I can ask our sourcing team.' END, 'at', 21),
    jsonb_build_object('role', 'user', 'text', CASE WHEN j.is_open THEN 'Can I talk to a person about my last order?'
      ELSE 'Yes please.' END, 'at', 33)
  ), '[]', s.has_order, CASE WHEN s.has_order THEN o.order_number ELSE '' END,
  round((s.seconds / 60.0 * 0.14)::numeric, 4), '[]',
  CASE WHEN j.score IS NULL THEN 'pending' WHEN j.is_flagged THEN 'flagged' WHEN j.is_approved THEN 'reviewed'
       ELSE 'complete' END,
  j.score, CASE WHEN j.score >= 70 THEN 'resolved' WHEN j.score >= 50 THEN 'partly' WHEN j.score IS NOT NULL
                THEN 'unresolved' END,
  CASE WHEN j.score IS NOT NULL THEN j.is_false END, CASE WHEN j.score IS NOT NULL THEN j.is_open END,
  CASE WHEN j.is_flagged OR j.is_approved THEN 'Demo manager' END,
  CASE WHEN j.is_flagged OR j.is_approved THEN s.at + interval '1 day' END,
  CASE WHEN j.is_flagged THEN 'Read the fee from the tool.' ELSE '' END,
  coalesce(j.score < 60 OR j.is_false OR j.is_open OR j.is_sample, false),
  coalesce(j.is_sample AND j.score >= 60 AND NOT j.is_false AND NOT j.is_open, false), s.at
FROM orders AS o
CROSS JOIN demo_wish AS w
CROSS JOIN LATERAL (
  SELECT n = 1 AS has_order, (60 + pg_temp.nth(o.id, 302 + n, 200))::int AS seconds,
    o.created_at - n * interval '4 minutes' AS at
  FROM generate_series(1, CASE WHEN pg_temp.share(o.id, 301) < 0.33 THEN 2 ELSE 1 END) AS n
) AS s
JOIN voice_agent AS a ON a.name = 'LLD Ordering'
JOIN prompt_version AS v ON v.agent_id = a.id
  AND v.number = CASE WHEN s.at < w.at - interval '60 days' THEN 1 ELSE 2 END
LEFT JOIN LATERAL (
  SELECT string_agg(quantity || ' ' || product_name, ' and ' ORDER BY position) AS said
  FROM order_item WHERE order_id = o.id AND position <= 2
) AS l ON true
CROSS JOIN LATERAL (
  SELECT CASE WHEN s.at > w.at - interval '90 days' AND pg_temp.share(o.id, 305) > 0.02
              THEN (45 + pg_temp.nth(o.id, 306, 54))::int END AS score,
    pg_temp.share(o.id, 307) < 0.4 AND s.has_order AND o.delivery_fee > 0 AS is_false,
    pg_temp.share(o.id, 308) < 0.05 AS is_open,
    pg_temp.share(o.id, 309) < 0.05 AS is_sample,
    s.at < w.at - interval '4 days' AND pg_temp.share(o.id, 310) < 0.2 AS is_flagged,
    s.at < w.at - interval '4 days' AND pg_temp.share(o.id, 310) BETWEEN 0.2 AND 0.9 AS is_approved
) AS j
WHERE o.source = 'voice' ORDER BY s.at, o.id
"""

# Independent of chance, each cause for a review occurs at least once, with matching text.
CAUSES = """
WITH judged AS (
  SELECT c.id, c.started_at, o.delivery_fee > 0 AS has_fee,
    row_number() OVER (PARTITION BY o.delivery_fee > 0 ORDER BY c.started_at DESC, c.id DESC) AS place
  FROM call_log AS c JOIN orders AS o ON o.id = c.order_id WHERE c.eval_score IS NOT NULL
),
wanted AS (
  SELECT id, CASE WHEN has_fee THEN 'false' ELSE (ARRAY['open', 'sample', 'check'])[place] END AS cause
  FROM judged WHERE place <= CASE WHEN has_fee THEN 2 ELSE 3 END
)
UPDATE call_log AS c SET eval_status = 'complete', eval_reviewed_by = NULL, eval_reviewed_at = NULL, review_notes = '',
  wants_review = true, is_sample = w.cause = 'sample',
  call_type = CASE w.cause WHEN 'check' THEN 'outbound_sales' ELSE c.call_type END,
  direction = CASE w.cause WHEN 'check' THEN 'outbound' ELSE c.direction END,
  checker_verdict = CASE w.cause WHEN 'check' THEN 'fail' END,
  checker_reasons = CASE w.cause WHEN 'check' THEN '["A discount that no rule gives"]'::jsonb ELSE '[]' END,
  agent_id = CASE w.cause WHEN 'check' THEN a.id ELSE c.agent_id END,
  prompt_version_id = CASE w.cause WHEN 'check' THEN NULL ELSE c.prompt_version_id END,
  eval_score = CASE w.cause WHEN 'false' THEN 41 WHEN 'open' THEN 55 WHEN 'sample' THEN 94 ELSE 0 END,
  eval_resolution = CASE w.cause WHEN 'sample' THEN 'resolved' WHEN 'check' THEN NULL ELSE 'partly' END,
  eval_hallucination = w.cause IN ('false', 'check'), eval_escalation_needed = w.cause = 'open',
  transcript = CASE w.cause
    WHEN 'false' THEN jsonb_set(c.transcript, '{3,text}', '"Delivery is free today. Shall I place it?"')
    WHEN 'open' THEN jsonb_set(c.transcript, '{4,text}', '"Can I talk to a person about my last order?"')
    ELSE c.transcript END
FROM wanted AS w, voice_agent AS a
WHERE w.id = c.id AND a.name = 'LLD Outbound Sales'
"""

EVALUATIONS = """
INSERT INTO call_evaluation (call_log_id, score, resolution, hallucination, escalation_needed, summary, reasons, model,
  input_tokens, output_tokens, cost_dollars, created_at)
SELECT id, eval_score, eval_resolution, eval_hallucination, eval_escalation_needed, '', CASE
    WHEN eval_hallucination THEN jsonb_build_array(jsonb_build_object('line', 4, 'quote', 'Delivery is free today',
      'finding', 'Promised free delivery that the tool did not answer', 'is_good', false, 'about', 'hallucination',
      'data_line', 3, 'data_label', 'Delivery fee', 'data_value', '$' || ((
        transcript -> 2 -> 'tool_results' -> 0 ->> 'result_value')::jsonb ->> 'delivery_fee')))
    WHEN eval_escalation_needed THEN jsonb_build_array(jsonb_build_object('line', 5, 'quote', 'talk to a person',
      'finding', 'Asked for a person, none was offered', 'is_good', false, 'about', 'escalation'))
    ELSE '[]'::jsonb END, 'demo-judge', 900, 120, 0.014, ended_at + interval '1 minute'
FROM call_log WHERE eval_score IS NOT NULL AND checker_verdict IS DISTINCT FROM 'fail' ORDER BY id
"""

REQUESTS = """
INSERT INTO rfq (status, customer_id, phone, item_description, specifications, quantity, target_unit_price,
  timeline_weeks, staff_notes, created_at, updated_at, closed_at, actor_name)
SELECT v.status, c.id, c.phone, v.item, v.specifications, v.quantity, v.target, v.weeks, v.notes, w.at - v.age,
  w.at - v.age,
  CASE WHEN v.status IN ('won', 'lost') THEN w.at - v.age + interval '10 days' END, 'LLD Ordering'
FROM demo_wish AS w, (VALUES
  (1, 'open', 'Square cast iron pan, 10 in', 'Pre-seasoned, two handles', 60, 18.50, 8, '', interval '2 days'),
  (2, 'open', 'Paper straw, 8 in, wrapped', 'Plain white', 20000, 0.02, 4, '', interval '9 days'),
  (3, 'quoted', 'Bamboo steamer, 12 in, two tiers', 'Flat lid, no lacquer', 200, 11.50, 6,
   'A sample leaves on Tuesday.', interval '12 days'),
  (4, 'won', 'Melamine bowl, teal, 18 oz', 'Stackable', 500, 2.50, 10, 'Arrived in good order.', interval '60 days'),
  (5, 'lost', 'Copper mule mug, 16 oz', 'Lined', 120, 6.00, 2, 'Too dear for them.', interval '45 days')
) AS v(n, status, item, specifications, quantity, target, weeks, notes, age)
LEFT JOIN LATERAL (SELECT id, phone FROM customer WHERE phone IS NOT NULL ORDER BY id OFFSET v.n LIMIT 1) AS c ON true
ORDER BY v.age DESC
"""

QUOTES = """
INSERT INTO rfq_quote (rfq_id, vendor_id, vendor_name, unit_price, minimum_quantity, lead_days, is_chosen, actor_name,
  created_at)
SELECT r.id, v.id, coalesce(v.name, q.name), round(r.target_unit_price * q.share, 2), q.minimum, q.days, q.is_chosen,
  'Tessa Lindgren', r.created_at + interval '1 day'
FROM rfq AS r CROSS JOIN (VALUES
  (0, 'Jade River Trading', 0.63, 100, 35, true), (1, 'Harborline Imports', 0.77, 250, 21, false)
) AS q(place, name, share, minimum, days, is_chosen)
LEFT JOIN LATERAL (SELECT id, name FROM vendor ORDER BY id OFFSET q.place LIMIT 1) AS v ON true
WHERE r.status IN ('quoted', 'won')
ORDER BY r.id, q.place
"""

STATEMENTS = (AGENTS, PROMPTS, CALLS, CAUSES, EVALUATIONS, REQUESTS, QUOTES)
