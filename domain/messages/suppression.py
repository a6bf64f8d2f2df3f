"""Phone numbers that must not be called or texted. Only an administrator, or START for texts, lifts a mark.

The marks are stored by number, so that no deletion, merge, import or new registration removes them. Customers have a
copy for fast lists; readers check both (`is_callable`, `callable_sql`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, column, exists, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.live import Topic, announce
from domain.messages.owners import owners_sql
from models import AuditAction, SuppressedNumber, SuppressionReason, columns_of

NUMBERS = columns_of(SuppressedNumber)


@dataclass(frozen=True, slots=True)
class Suppression:
    """What must not be done with a number."""

    phone: str
    do_not_call: bool
    do_not_text: bool


# The statements below exist for both marks; the placeholder is one of the two columns.
KINDS = ("do_not_call", "do_not_text")
_MARK = {
    kind: text(f"""
INSERT INTO suppressed_number (phone, {kind}, {kind}_reason, {kind}_note, {kind}_by, {kind}_at)
VALUES (:phone, true, :reason, :note, :by, now())
ON CONFLICT (phone) DO UPDATE SET {kind} = true, {kind}_reason = excluded.{kind}_reason,
  {kind}_note = excluded.{kind}_note, {kind}_by = excluded.{kind}_by, {kind}_at = excluded.{kind}_at,
  updated_at = now()
WHERE NOT suppressed_number.{kind}
RETURNING id
""")  # noqa: S608 - see above
    for kind in KINDS
}
_LIFT = {
    kind: text(f"""
UPDATE suppressed_number SET {kind} = false, updated_at = now() WHERE phone = :phone AND {kind} RETURNING id
""")  # noqa: S608 - see above
    for kind in KINDS
}
_OWNERS = owners_sql("CAST(:phone AS text)")
# Marks the customers with the number in order of id; those already marked are skipped.
_MARK_CUSTOMERS = {
    kind: text(f"""
WITH wanted AS (
  SELECT id FROM customer WHERE id IN {_OWNERS} AND NOT {kind} ORDER BY id FOR NO KEY UPDATE
)
UPDATE customer SET {kind} = true, updated_at = now() WHERE id IN (SELECT id FROM wanted)
""")  # noqa: S608 - see above
    for kind in KINDS
}
# Customers whose other number is marked keep the mark.
_LIFT_CUSTOMERS = {
    kind: text(f"""
WITH wanted AS (
  SELECT c.id FROM customer c WHERE c.id IN {_OWNERS} AND c.{kind} AND NOT EXISTS (
    SELECT FROM suppressed_number s WHERE s.{kind} AND s.phone <> :phone AND (s.phone IN (c.phone, c.phone2) OR EXISTS (
      SELECT FROM customer_merge m WHERE m.kept_id = c.id AND m.undone_at IS NULL AND s.phone = ANY(m.further_phones)
    ))
  )
  ORDER BY c.id FOR NO KEY UPDATE
)
UPDATE customer SET {kind} = false, updated_at = now() WHERE id IN (SELECT id FROM wanted)
""")  # noqa: S608 - see above
    for kind in KINDS
}

# The same check for one number, for statements on a raw connection.
IS_DO_NOT_TEXT = "SELECT EXISTS (SELECT FROM suppressed_number WHERE phone = $1 AND do_not_text)"


async def find_suppressed(
    db: AsyncSession | AsyncConnection, phones: Iterable[str | None]
) -> Mapping[str, Suppression]:
    """Return the marks of those E.164 numbers that have one, in one statement."""
    wanted = sorted({phone for phone in phones if phone})
    if not wanted:
        return {}
    # One array, since a statement takes 32,767 values at most. It is joined, because `= ANY` uses the trigram index of
    # the search, which reads many more pages.
    asked = func.unnest(literal(wanted, ARRAY(Text))).table_valued(column("phone", Text)).render_derived(name="asked")
    statement = (
        select(NUMBERS.phone, NUMBERS.do_not_call, NUMBERS.do_not_text)
        .join(asked, NUMBERS.phone == asked.c.phone)
        .where(or_(NUMBERS.do_not_call, NUMBERS.do_not_text))
    )
    return {row.phone: Suppression(*row) for row in await db.execute(statement)}


async def is_do_not_call(db: AsyncSession | AsyncConnection, phone: str) -> bool:
    """Return True if this E.164 number must not be called."""
    found = (await find_suppressed(db, [phone])).get(phone)
    return found is not None and found.do_not_call


async def is_do_not_text(db: AsyncSession | AsyncConnection, phone: str) -> bool:
    """Return True if this E.164 number must not be texted."""
    found = (await find_suppressed(db, [phone])).get(phone)
    return found is not None and found.do_not_text


def is_callable(*phones: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Return the condition that none of these columns has a number that must not be called."""
    # One condition per number: a hash join can check each for a whole list, but not `IN (phone, phone2)`.
    return and_(*(~exists().where(NUMBERS.do_not_call, NUMBERS.phone == phone) for phone in phones))


def callable_sql(*phones: str) -> str:
    """Like `is_callable`, as SQL text for handwritten statements: `callable_sql("c.phone", "c.phone2")`."""
    return " AND ".join(
        f"NOT EXISTS (SELECT FROM suppressed_number sn WHERE sn.do_not_call AND sn.phone = {phone})" for phone in phones
    )


async def mark_do_not_call(
    db: AsyncSession, phone: str, *, reason: SuppressionReason, by: Actor, note: str = ""
) -> bool:
    """Suppress calls to this number, even if no customer has it. Returns False if it was already marked."""
    return await _mark(db, "do_not_call", phone, reason=reason, note=note, by=by)


async def mark_do_not_text(
    db: AsyncSession, phone: str, *, reason: SuppressionReason, by: Actor, note: str = ""
) -> bool:
    """Suppress texts to this number. Returns False if it was already marked."""
    return await _mark(db, "do_not_text", phone, reason=reason, note=note, by=by)


async def lift_do_not_call(db: AsyncSession, phone: str, *, note: str, by: Actor) -> bool:
    """Allow calls to this number again. Returns False if it was not marked. The caller checks the actor's right."""
    return await _lift(db, "do_not_call", phone, note=note, by=by)


async def lift_do_not_text(db: AsyncSession, phone: str, *, note: str, by: Actor) -> bool:
    """Allow texts to this number again. Returns False if it was not marked."""
    return await _lift(db, "do_not_text", phone, note=note, by=by)


async def _mark(db: AsyncSession, kind: str, phone: str, *, reason: SuppressionReason, note: str, by: Actor) -> bool:
    values = {"phone": phone, "reason": reason, "note": note, "by": by.name or str(by.kind)}
    marked = await db.scalar(_MARK[kind], values)
    await db.execute(_MARK_CUSTOMERS[kind], {"phone": phone})
    if marked is None:
        return False
    after = {kind: True, "reason": str(reason)}
    await _note(db, marked, phone, before={kind: False}, after=after, note=note, by=by)
    return True


async def _lift(db: AsyncSession, kind: str, phone: str, *, note: str, by: Actor) -> bool:
    lifted = await db.scalar(_LIFT[kind], {"phone": phone})
    await db.execute(_LIFT_CUSTOMERS[kind], {"phone": phone})
    if lifted is None:
        return False
    await _note(db, lifted, phone, before={kind: True}, after={kind: False}, note=note, by=by)
    return True


async def _note(
    db: AsyncSession,
    number_id: int,
    phone: str,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    note: str,
    by: Actor,
) -> None:
    await record_audit(
        db,
        action=AuditAction.SUPPRESSED_NUMBER_CHANGED,
        record_kind=SuppressedNumber.__tablename__,
        record_id=number_id,
        record_name=phone,
        before=before,
        after=after,
        note=note,
        by=by,
    )
    await announce(db, Topic.SUPPRESSION, number_id)
