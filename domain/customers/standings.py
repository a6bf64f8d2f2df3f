"""What customers owe, and their first orders, from stored standings: always exact, whatever changed since the fold.

The rows that count are those of `domain/credit/exposure.py`. For the few customers whose orders, invoices or terms
changed since the last fold, they are summed up in each query.
"""

from sqlalchemy import BigInteger, Boolean, Numeric, column, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import OWED_ROWS
from models import PaymentTerms
from models.customer import LISTED
from models.session import raw_connection

FOLD_JOB = "fold_customer_standings"
_OF_ONE = {"whose_orders": "o.customer_id = w.customer_id", "whose_invoices": "i.customer_id = w.customer_id"}
# For the customers in `wanted`.
FRESH = f"""
SELECT w.customer_id, f.created_at AS first_at, f.sales_rep_id AS first_rep_id, coalesce(d.owes, 0) AS owes,
  d.overdue_at, c.payment_terms = '{PaymentTerms.NET30.value}' AS on_terms,
  coalesce(d.owes, 0) > c.credit_limit AS is_over_limit, ({LISTED}) AS is_listed
FROM wanted AS w JOIN customer AS c ON c.id = w.customer_id
LEFT JOIN LATERAL (
  SELECT created_at, sales_rep_id FROM orders WHERE customer_id = w.customer_id AND status <> 'cancelled'
  ORDER BY created_at, id LIMIT 1
) AS f ON true
CROSS JOIN LATERAL (
  SELECT sum(balance) AS owes,
    min(due_at) + interval '1 microsecond' AS overdue_at
  FROM ({OWED_ROWS.format(**_OF_ONE)}) AS owed
) AS d
WHERE f.created_at IS NOT NULL OR d.owes > 0
"""  # noqa: S608 - constants of ours
_COLUMNS = "owes, overdue_at, on_terms, is_over_limit, is_listed"
# All customers who owe.
SELECT_OWING = f"""
WITH wanted AS MATERIALIZED (SELECT DISTINCT customer_id FROM customer_standing_change)
SELECT customer_id, owes, coalesce(overdue_at <= now(), false) AS is_overdue, on_terms, is_over_limit, is_listed FROM (
  SELECT customer_id, {_COLUMNS} FROM customer_standing
  WHERE owes > 0 AND customer_id NOT IN (SELECT customer_id FROM wanted)
  UNION ALL SELECT customer_id, {_COLUMNS} FROM ({FRESH}) AS fresh WHERE owes > 0
) AS owing
"""  # noqa: S608 - constants of ours
OWING = (
    text(SELECT_OWING)
    .columns(
        column("customer_id", BigInteger), column("owes", Numeric), column("is_overdue", Boolean),
        column("on_terms", Boolean), column("is_over_limit", Boolean), column("is_listed", Boolean),
    )
    .subquery("standing")
)  # fmt: skip
# The first orders of all customers between two moments, by the rep each counts for.
COUNT_FIRST = text(f"""
WITH wanted AS MATERIALIZED (SELECT DISTINCT customer_id FROM customer_standing_change)
SELECT first_rep_id AS sales_rep_id, count(*) AS customers FROM (
  SELECT first_at, first_rep_id FROM customer_standing
  WHERE first_at >= :since AND first_at < :until AND customer_id NOT IN (SELECT customer_id FROM wanted)
  UNION ALL SELECT first_at, first_rep_id FROM ({FRESH}) AS fresh WHERE first_at >= :since AND first_at < :until
) AS first
WHERE first_rep_id IS NOT NULL AND (CAST(:rep_id AS bigint) IS NULL OR first_rep_id = :rep_id)
GROUP BY first_rep_id
""")  # noqa: S608 - constants of ours
# A single snapshot deletes the changes and reads the rows that they are about, so that later changes remain.
_FOLD = f"""
WITH noted AS (DELETE FROM customer_standing_change RETURNING customer_id),
wanted AS (SELECT DISTINCT customer_id FROM noted),
fresh AS MATERIALIZED ({FRESH}),
gone AS (
  DELETE FROM customer_standing AS s USING wanted
  WHERE s.customer_id = wanted.customer_id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.customer_id = s.customer_id)
),
written AS (
  INSERT INTO customer_standing AS s (customer_id, first_at, first_rep_id, {_COLUMNS})
  SELECT customer_id, first_at, first_rep_id, {_COLUMNS} FROM fresh ORDER BY customer_id
  ON CONFLICT (customer_id) DO UPDATE SET first_at = excluded.first_at, first_rep_id = excluded.first_rep_id,
    owes = excluded.owes, overdue_at = excluded.overdue_at, on_terms = excluded.on_terms,
    is_over_limit = excluded.is_over_limit, is_listed = excluded.is_listed
)
SELECT count(*) FROM wanted
"""  # noqa: S608 - constants of ours


async def fold_standings(db: AsyncSession) -> int:
    """Recalculate the customers whose standing changed. Returns how many."""
    return int(await (await raw_connection(db)).fetchval(_FOLD))
