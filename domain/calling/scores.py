"""Calling scores: a base, and points for events, which lose half of their value every 14 days.

A score is stored with its entry and updated by events and the hourly recalculation, so that lists sort by index.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.visible import sql_visible
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.inputs import Input, OptionalEmailIn, PhoneIn
from domain.kernel.live import Topic, announce
from domain.kernel.phone import parse_phone
from domain.messages.suppression import callable_sql
from domain.orders.calling_totals import ORDER_PLACED_POINTS
from models.calling import DECAYED_POINTS

LEAST_SCORE = 0.0
MOST_SCORE = 100.0
BASE_SCORE = 30.0


class ScoreEvent(StrEnum):
    """The events that change how urgent a call is."""

    ORDER_PLACED = "order_placed"
    REORDER_DUE = "reorder_due"
    INTERESTED_CALLBACK = "interested_callback"
    CART_ABANDONED = "cart_abandoned"
    SAMPLE_REQUESTED = "sample_requested"
    CATALOG_VIEWED = "catalog_viewed"
    BUSY_CALLBACK = "busy_callback"
    EMAIL_OPENED = "email_opened"
    NO_ANSWER = "no_answer"
    NOT_INTERESTED = "not_interested"
    SALE_MADE = "sale_made"
    WRONG_NUMBER = "wrong_number"


POINTS = {
    ScoreEvent.ORDER_PLACED: ORDER_PLACED_POINTS,
    ScoreEvent.REORDER_DUE: 30.0,
    ScoreEvent.INTERESTED_CALLBACK: 25.0,
    ScoreEvent.CART_ABANDONED: 20.0,
    ScoreEvent.SAMPLE_REQUESTED: 20.0,
    ScoreEvent.CATALOG_VIEWED: 8.0,
    ScoreEvent.BUSY_CALLBACK: 5.0,
    ScoreEvent.EMAIL_OPENED: 4.0,
    ScoreEvent.NO_ANSWER: -3.0,
    ScoreEvent.NOT_INTERESTED: -30.0,
    ScoreEvent.SALE_MADE: -35.0,
    ScoreEvent.WRONG_NUMBER: -60.0,
}

_SCORE = f"least(100, greatest(0, e.base_score + {DECAYED_POINTS}))"
_RESCORE = text(f"""
UPDATE calling_entry AS e SET priority_score = {_SCORE}, updated_at = now() WHERE e.id = :id
RETURNING e.priority_score
""")  # noqa: S608 - the formula is ours
_SET_SCORE = text(f"""
UPDATE calling_entry AS e SET base_score = :score - {DECAYED_POINTS}, priority_score = :score WHERE e.id = :id
""")  # noqa: S608 - the formula is ours
# The events are summed up once, the entries locked in order of id, and only scores that changed are written.
_RECALCULATE = text(f"""
WITH points AS (
  SELECT entry_id, sum(points * power(0.5::float8, extract(epoch FROM now() - created_at)::float8 / 1209600)) AS sum
  FROM calling_event GROUP BY entry_id
),
wanted AS (
  SELECT e.id, least(100, greatest(0, e.base_score + coalesce(p.sum, 0))) AS score
  FROM calling_entry AS e LEFT JOIN points AS p ON p.entry_id = e.id
  WHERE {callable_sql("e.phone")} AND {callable_sql("e.phone2")}
    AND NOT EXISTS (SELECT FROM customer AS c WHERE c.id = e.customer_id AND c.do_not_call)
  ORDER BY e.id FOR NO KEY UPDATE OF e
),
written AS (
  UPDATE calling_entry AS e SET priority_score = wanted.score FROM wanted
  WHERE e.id = wanted.id AND e.priority_score IS DISTINCT FROM wanted.score
)
SELECT (SELECT count(*) FROM wanted) AS updated, (SELECT count(*) FROM calling_entry) AS total
""")  # noqa: S608 - the conditions are ours
_ADD_EVENT = text("""
INSERT INTO calling_event (entry_id, kind, points, call_id, actor_kind, actor_id, actor_name)
VALUES (:entry_id, :kind, :points, :call_id, :actor_kind, :actor_id, :actor_name)
""")
# The number comes before the email: a number is on the list once, an email may belong to several people.
_FIND = """
SELECT e.id FROM calling_entry AS e
WHERE (e.phone = :phone OR lower(e.email) = :email) AND {visible}
ORDER BY (e.phone = :phone) DESC NULLS LAST, e.id LIMIT 1 FOR NO KEY UPDATE OF e
"""


class ApplyScoreEvent(Input):
    """The event and the entry; without an event the score is only recalculated."""

    phone: PhoneIn | None = None
    email: OptionalEmailIn = None
    event: ScoreEvent | None = None


@dataclass(frozen=True, slots=True)
class Rescored:
    """The new score of an entry and its components."""

    id: int
    new_score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Recalculated:
    """How many scores were recalculated, of how many entries."""

    updated: int
    total: int


async def apply_score_event(db: AsyncSession, data: ApplyScoreEvent, *, by: Actor) -> Rescored:
    """Record an event for the entry of a phone or an email. Raises InvalidInput without either, and NotFound."""
    phone = parse_phone(data.phone) if data.phone else None
    if data.phone and not phone:
        raise InvalidInput("That is not a phone number.", fields={"phone": "must be a phone number"})
    if not phone and not data.email:
        raise InvalidInput("Name the entry by phone or email.", fields={"phone": "give a phone or an email"})
    found = await db.execute(
        text(_FIND.format(visible=sql_visible(by))),
        {"phone": phone, "email": data.email, "actor_id": by.id},
    )
    entry_id = found.scalar_one_or_none()
    if entry_id is None:
        raise NotFound("No entry on the calling list has this phone or email.")
    if data.event is None:
        return Rescored(entry_id, await rescore(db, entry_id), "Nothing new; earlier points have decayed.")
    score = await add_event(db, entry_id, data.event, by=by)
    return Rescored(entry_id, score, f"{data.event.replace('_', ' ')}: {POINTS[data.event]:+.0f} points")


async def add_event(
    db: AsyncSession, entry_id: int, event: ScoreEvent | str, *, by: Actor, call_id: int | None = None
) -> float:
    """Record an event of an entry with the current points of its kind, if any, and return the new score."""
    values = {
        "entry_id": entry_id,
        "kind": str(event),
        "points": POINTS.get(ScoreEvent(event), 0.0) if event in set(ScoreEvent) else 0.0,
        "call_id": call_id,
        **by.columns,
    }
    await db.execute(_ADD_EVENT, values)
    score = await rescore(db, entry_id)
    await announce(db, Topic.CALLING, entry_id)
    return score


async def rescore(db: AsyncSession, entry_id: int) -> float:
    """Recalculate one score and return it."""
    score: float = (await db.execute(_RESCORE, {"id": entry_id})).scalar_one()
    return score


async def set_score(db: AsyncSession, entry_id: int, score: float) -> None:
    """Adjust the base of an entry so that its score is this one now; the points of events still decay."""
    await db.execute(_SET_SCORE, {"id": entry_id, "score": score})


async def recalculate_scores(db: AsyncSession) -> Recalculated:
    """Recalculate the scores of all who may be called, in one statement."""
    updated, total = (await db.execute(_RECALCULATE)).one()
    return Recalculated(updated, total)
