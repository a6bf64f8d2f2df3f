"""The ranks by worth of the call queue's members among all customers with an order, which give their weights.

The statements are parts of those in `queue_members.py`, which define `everybody` (the stored steps, and the changes
since) and `chosen` (the customers to rank). $7 and $8 are the length of a page and the number of members before it.
"""

# How many customers have at least the worth of `m`, according to the steps, and among the changed ones.
_THROUGH_STEP = "coalesce(e.worths_through[width_bucket(-m.worth, e.worths)], 0)"
_THROUGH_CHANGED = "width_bucket(-m.worth, e.fresh_worths) - width_bucket(-m.worth, e.old_worths)"
_WEIGHT = """0.5::float8 + CASE WHEN e.customers = 1 THEN 0 ELSE ({below})::float8 / (e.customers - 1) END"""
LEAST_WEIGHT = _WEIGHT.format(below=f"greatest(e.customers - {_THROUGH_STEP} - e.apart - ({_THROUGH_CHANGED}), 0)")
_MOST_WEIGHT = _WEIGHT.format(below=f"e.customers - {_THROUGH_STEP} - ({_THROUGH_CHANGED})")
# A page by priority needs exact ranks only for those who can be on it, according to the bounds from the steps.
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
# The ranks of a few customers: only those between them and the next step are counted.
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
# The ranks of many customers: all worths are sorted.
ALL_PLACES = f"""
all_worths AS MATERIALIZED (SELECT ARRAY(SELECT -worth FROM customer_sales ORDER BY worth DESC) AS worths),
ranked AS MATERIALIZED (
  SELECT m.*, {_WEIGHT.format(below=f"e.customers - width_bucket(-m.worth, w.worths) - ({_THROUGH_CHANGED})")} AS weight
  FROM near AS m CROSS JOIN everybody AS e CROSS JOIN all_worths AS w
),
"""  # noqa: S608 - the same
