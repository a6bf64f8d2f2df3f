"""The commissions of the reps by hour, from stored hours and those that changed since they were counted.

An order counts for its rep in the hour in which it was placed unless it is cancelled.
"""

from domain.kernel.hours import changed_between, take_notes

_COUNT = """
SELECT h.hour, o.created_at, o.sales_rep_id, o.commission_amount AS earned,
  CASE WHEN o.commission_paid THEN o.commission_amount ELSE 0 END AS paid
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT created_at, sales_rep_id, commission_amount, commission_paid FROM orders
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND status <> 'cancelled'
    AND commission_amount IS NOT NULL AND sales_rep_id IS NOT NULL OFFSET 0
) AS o
"""
# The commissions since a moment, as rows to be summed up by rep; the hour that contains it is counted again.
COMMISSIONS = f"""{changed_between("since", "until", "trade", "reps")},
commissions AS (
  SELECT sales_rep_id, earned, paid FROM rep_hour
  WHERE hour >= CAST(:since AS timestamptz) AND hour < CAST(:until AS timestamptz)
    AND hour NOT IN (SELECT hour FROM changed)
  UNION ALL
  SELECT sales_rep_id, earned, paid FROM ({_COUNT}) AS each
  WHERE created_at >= CAST(:since AS timestamptz) AND created_at < CAST(:until AS timestamptz)
)"""  # noqa: S608 - constants of ours
FOLD_REPS = f"""
WITH {take_notes("reps")},
dropped AS (DELETE FROM rep_hour WHERE hour IN (SELECT hour FROM changed))
INSERT INTO rep_hour (hour, sales_rep_id, earned, paid)
SELECT hour, sales_rep_id, sum(earned), sum(paid) FROM ({_COUNT}) AS each GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - constants of ours
