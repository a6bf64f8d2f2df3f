"""The places of the call queue's members by worth, among everybody with an order: each one's weight in the priority.

The statements are parts of those of `queue_members.py`, which name `everybody` (the kept steps, and what differs since)
and `chosen` (those whose places are wanted). $7 and $8 are a page's length and how many come before it.
"""

# How many have a greater worth than `m` or the same, as far as steps say, and among those that changed.
_THROUGH_STEP = "coalesce(e.worths_through[width_bucket(-m.worth, e.worths)], 0)"
_THROUGH_CHANGED = "width_bucket(-m.worth, e.fresh_worths) - width_bucket(-m.worth, e.old_worths)"
_WEIGHT = """0.5::float8 + CASE WHEN e.customers = 1 THEN 0 ELSE ({below})::float8 / (e.customers - 1) END"""
LEAST_WEIGHT = _WEIGHT.format(below=f"greatest(e.customers - {_THROUGH_STEP} - e.apart - ({_THROUGH_CHANGED}), 0)")
_MOST_WEIGHT = _WEIGHT.format(below=f"e.customers - {_THROUGH_STEP} - ({_THROUGH_CHANGED})")
# A page by priority needs the exact place of those alone who can be on it, by what the steps say of each.
NEAR = f"""
bounded AS MATERIALIZED (
  SELECT m.*, m.days_since / m.cycle * ({LEAST_WEIGHT}) AS least, m.days_since / m.cycle * ({_MOST_WEIGHT}) AS most
  FROM chosen AS m, everybody AS e
),
near AS MATERIALIZED (
  SELECT customer_id, worth, days_since, cycle FROM bounded
  WHERE most >= coalesce((SELECT least FROM bounded ORDER BY least DESC OFFSET $7::bigint + $8::bigint - 1 LIMIT 1), 0)
),
"""  # noqa: S608 - constants of this module
CHOSEN = "near AS (SELECT * FROM chosen),"
# The place of a few among all: those between the next step and them are counted.
COUNTED_PLACES = f"""
ranked AS MATERIALIZED (
  SELECT m.*, {_WEIGHT.format(below=f"e.customers - {_THROUGH_STEP} - between.customers - ({_THROUGH_CHANGED})")}
    AS weight
  FROM near AS m CROSS JOIN everybody AS e CROSS JOIN LATERAL (
    SELECT count(*) AS customers FROM customer_sales AS s WHERE s.worth >= m.worth
      AND s.worth < coalesce(-e.worths[width_bucket(-m.worth, e.worths)], 'infinity')
  ) AS between
),
"""  # noqa: S608 - the same
# The place of many: all worths are put in a row.
ALL_PLACES = f"""
all_worths AS MATERIALIZED (SELECT ARRAY(SELECT -worth FROM customer_sales ORDER BY worth DESC) AS worths),
ranked AS MATERIALIZED (
  SELECT m.*, {_WEIGHT.format(below=f"e.customers - width_bucket(-m.worth, w.worths) - ({_THROUGH_CHANGED})")} AS weight
  FROM near AS m CROSS JOIN everybody AS e CROSS JOIN all_worths AS w
),
"""  # noqa: S608 - the same
