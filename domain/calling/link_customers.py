"""Link entries of the calling list to their customers: by number, else by email."""

from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.calling.totals import refresh_totals
from domain.kernel.actor import Actor
from domain.kernel.live import Topic, announce

# A number before an email; if several customers have the number, first the one whose email matches too, then the
# oldest.
_LINK = text("""
WITH matches AS (
  SELECT e.id AS entry_id, c.id AS customer_id, 1 AS place, lower(c.email) = lower(e.email) AS fits
  FROM calling_entry AS e JOIN customer AS c ON c.phone = e.phone WHERE e.customer_id IS NULL
  UNION ALL
  SELECT e.id, c.id, 2, true FROM calling_entry AS e JOIN customer AS c ON lower(c.email) = lower(e.email)
  WHERE e.customer_id IS NULL
),
best AS (
  SELECT DISTINCT ON (entry_id) entry_id, customer_id FROM matches
  ORDER BY entry_id, place, coalesce(fits, false) DESC, customer_id
),
locked AS (
  SELECT e.id, best.customer_id FROM calling_entry AS e JOIN best ON best.entry_id = e.id
  ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE calling_entry AS e SET customer_id = locked.customer_id, updated_at = now(), version = version + 1
FROM locked WHERE locked.id = e.id AND e.customer_id IS NULL
RETURNING e.id
""")
_COUNT = text("SELECT count(*), count(customer_id) FROM calling_entry")


@dataclass(frozen=True, slots=True)
class Linked:
    """The result of a run."""

    linked: int
    already_linked: int
    no_match: int
    total: int

    @property
    def message(self) -> str:
        """The result as a sentence."""
        return f"{self.linked:,} linked, {self.already_linked:,} linked before, {self.no_match:,} without a match."


async def link_customers(db: AsyncSession, *, by: Actor, timezone: tzinfo) -> Linked:
    """Link every entry without a customer whose number or email a customer has; can be run again safely."""
    require(by, Right.ASSIGN_CALLS, "Only a manager links the calling list to customers.")
    linked = [row.id for row in await db.execute(_LINK)]
    await refresh_totals(db, linked, timezone=timezone)
    total, with_customer = (await db.execute(_COUNT)).one()
    await announce(db, Topic.CALLING, 0)
    return Linked(len(linked), with_customer - len(linked), total - with_customer, total)
