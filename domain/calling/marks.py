"""Which entries must not be called, from stored answers: always exact, however many numbers are marked.

The stored answer is read for all entries but those that changed since the last fold, which are few.
"""

import asyncpg
from sqlalchemy import ColumnElement, text

from domain.calling.visible import ENTRIES

# Entries are looked up one by one, because the planner cannot estimate how few changes there are.
_CHANGED = """
SELECT entry_id AS id FROM {changes} WHERE entry_id IS NOT NULL
UNION SELECT e.id FROM (SELECT DISTINCT phone FROM {changes} WHERE phone IS NOT NULL) AS n CROSS JOIN LATERAL (
  SELECT id FROM calling_entry WHERE phone = n.phone
  UNION ALL SELECT id FROM calling_entry WHERE phone2 IS NOT NULL AND phone2 = n.phone OFFSET 0
) AS e
UNION SELECT e.id FROM (SELECT DISTINCT customer_id FROM {changes} WHERE customer_id IS NOT NULL) AS n
CROSS JOIN LATERAL (SELECT id FROM calling_entry WHERE customer_id = n.customer_id OFFSET 0) AS e
"""
# OFFSET 0 keeps these from reading all marks at once.
_IS_MARKED = """(
  EXISTS (SELECT FROM suppressed_number WHERE phone = e.phone AND do_not_call OFFSET 0)
  OR EXISTS (SELECT FROM suppressed_number WHERE phone = e.phone2 AND do_not_call OFFSET 0)
  OR EXISTS (SELECT FROM customer WHERE id = e.customer_id AND do_not_call OFFSET 0)
)"""
# The entries whose stored answer is wrong.
_WRONG = f"""
SELECT e.* FROM ({_CHANGED}) AS changed
CROSS JOIN LATERAL (SELECT * FROM calling_entry WHERE id = changed.id OFFSET 0) AS e
WHERE e.is_suppressed <> {_IS_MARKED}
"""  # noqa: S608 - constants of this module
WRONG = _WRONG.format(changes="calling_mark_change")
_WRONG_IDS = f"SELECT id FROM ({WRONG}) AS wrong"  # noqa: S608 - the same
# Either the stored answer is no and right, or yes and wrong.
MAY_BE_LISTED: ColumnElement[bool] = ENTRIES.is_suppressed == ENTRIES.id.in_(text(_WRONG_IDS).columns(ENTRIES.id))
# A single snapshot deletes the changes and reads the rows that they are about, so that later changes remain.
_FOLD = f"""
WITH noted AS (DELETE FROM calling_mark_change RETURNING phone, customer_id, entry_id),
wrong AS MATERIALIZED ({_WRONG.format(changes="noted")}),
locked AS (
  SELECT e.id, NOT wrong.is_suppressed AS is_suppressed FROM wrong JOIN calling_entry AS e ON e.id = wrong.id
  ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE calling_entry AS e SET is_suppressed = locked.is_suppressed FROM locked WHERE locked.id = e.id
"""  # noqa: S608 - the same


def sql_may_be_listed(entry: str) -> str:
    """`MAY_BE_LISTED` as SQL text, for the alias of an entry in a handwritten statement."""
    return f"{entry}.is_suppressed = ({entry}.id IN ({_WRONG_IDS}))"


async def fold_marks(connection: asyncpg.Connection) -> None:
    """Store the answers that changed since the last fold."""
    await connection.execute(_FOLD)
