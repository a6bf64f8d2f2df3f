"""The rules on who may be called, in one place: the calling list, `next`, the outbound queue and the pages use them.

The result is either that a call is allowed, or the rule that forbids it and until when. No other code checks hours,
suppression or attempts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.calling.hours import (
    Place,
    find_holiday,
    find_next_opening,
    find_windows,
    is_open,
    load_zone,
    read_state_hours,
)
from domain.calling.zones import find_zones
from domain.kernel.clock import now
from domain.messages.suppression import find_suppressed

MOST_ATTEMPTS = 3
# Area codes of the states with narrower hours than the default, for numbers without an address.
NARROW_CODES = {"401": "RI"}
ATTEMPT_WINDOW = timedelta(hours=24)
# Every call that someone made to a number, with an outcome or only marked as made.
_ATTEMPTS = """
SELECT phone, created_at FROM outbound_call_log WHERE {whose} created_at > :since
UNION ALL
SELECT e.phone, v.created_at FROM calling_entry e JOIN calling_event v ON v.entry_id = e.id
WHERE e.{whose} v.kind = 'called' AND v.created_at > :since
"""
_ATTEMPTS_OF_THESE = text(_ATTEMPTS.format(whose="phone = ANY(:phones) AND"))
_EXHAUSTED = text(f"""
SELECT phone FROM ({_ATTEMPTS.format(whose="phone IS NOT NULL AND")}) AS made WHERE created_at <= :at
GROUP BY phone HAVING count(*) >= {MOST_ATTEMPTS}
""")  # noqa: S608 - constants of this module


class CallRule(StrEnum):
    """The rules that can forbid a call, in the order in which they are checked."""

    NO_PHONE = "no_phone"
    DO_NOT_CALL = "do_not_call"
    ATTEMPTS = "attempts"
    HOLIDAY = "holiday"
    DAY = "day"
    HOURS = "hours"


# These forbid until someone acts; the others until a known time.
FOR_GOOD = frozenset({CallRule.NO_PHONE, CallRule.DO_NOT_CALL})


@dataclass(frozen=True, slots=True)
class Callee:
    """Someone who might be called: the E.164 number, and the parts of the address that say where they are."""

    phone: str | None
    zip: str = ""
    state: str = ""
    do_not_call: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is allowed now; else the rule, a sentence, and from when (None: not until someone acts)."""

    allowed: bool
    place: Place
    rule: CallRule | None = None
    why: str = ""
    callable_from: datetime | None = None
    attempts: int = 0

    @property
    def answer(self) -> dict[str, Any]:
        """The three fields that lists add to each row."""
        return {
            "callable_now": self.allowed,
            "callable_from": self.callable_from,
            "why_not": self.why or None,
        }


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of some numbers at one instant: which are suppressed, and when they were called."""

    do_not_call: frozenset[str] = frozenset()
    attempts: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


async def judge_calls(
    db: AsyncSession | AsyncConnection, callees: Sequence[Callee], *, at: datetime | None = None
) -> list[Verdict]:
    """Check whether each may be called, in the order given; two statements regardless of their number."""
    at = at or now()
    known = await find_known(db, (callee.phone for callee in callees), at=at)
    return [judge_call(callee, known, at=at) for callee in callees]


async def find_known(db: AsyncSession | AsyncConnection, phones: Iterable[str | None], *, at: datetime) -> Known:
    """Return the suppressions and the calls of the last day for these numbers."""
    wanted = sorted({phone for phone in phones if phone})
    if not wanted:
        return Known()
    suppressed = await find_suppressed(db, wanted)
    made = await db.execute(_ATTEMPTS_OF_THESE, {"since": at - ATTEMPT_WINDOW, "phones": wanted})
    attempts: dict[str, list[datetime]] = {}
    for phone, made_at in made:
        attempts.setdefault(phone, []).append(made_at)
    return Known(frozenset(phone for phone, mark in suppressed.items() if mark.do_not_call), attempts)


async def find_exhausted_numbers(db: AsyncSession, *, at: datetime) -> list[str]:
    """Return the numbers that were called so often in the last 24 hours that they must not be called again."""
    return list(await db.scalars(_EXHAUSTED, {"since": at - ATTEMPT_WINDOW, "at": at}))


def judge_call(callee: Callee, known: Known, *, at: datetime) -> Verdict:
    """Check whether one may be called at an instant, from what is known of the number; does not use the database."""
    place = find_place(callee.phone, callee.zip, callee.state)
    if not callee.phone:
        return Verdict(False, place, CallRule.NO_PHONE, "There is no number to call.")
    if callee.do_not_call or callee.phone in known.do_not_call:
        return Verdict(False, place, CallRule.DO_NOT_CALL, "They asked not to be called.")
    made = sorted(when for when in known.attempts.get(callee.phone, ()) if at - ATTEMPT_WINDOW < when <= at)
    if len(made) >= MOST_ATTEMPTS:
        free_at = made[-MOST_ATTEMPTS] + ATTEMPT_WINDOW
        why = f"The number was called {len(made)} times in 24 hours; {MOST_ATTEMPTS} is the most."
        return Verdict(False, place, CallRule.ATTEMPTS, why, find_next_opening(place, free_at), len(made))
    shut = _find_what_shuts(place, at)
    if shut is None:
        return Verdict(True, place, attempts=len(made))
    return Verdict(False, place, *shut, len(made))


def find_place(phone: str | None, zip_code: str = "", state: str = "") -> Place:
    """Return where someone may be, from number and address; for an unknown state the default hours apply."""
    known = state.strip().upper()
    if known not in read_state_hours():
        known = "" if known else NARROW_CODES.get(phone[2:5] if phone else "", "")
    return Place(find_zones(phone, zip_code), known)


@lru_cache(maxsize=4096)
def _find_what_shuts(place: Place, at: datetime) -> tuple[CallRule, str, datetime | None] | None:
    """Return None for an open place, else the rule, a sentence and the next opening. Places are few, callees many."""
    return None if is_open(place, at) else (*_explain(place, at), find_next_opening(place, at))


def _explain(place: Place, at: datetime) -> tuple[CallRule, str]:
    """Return the rule that closes the place and a sentence that names it, for the first zone that is closed."""
    for zone in place.zones:
        if is_open(Place((zone,), place.state), at):
            continue
        local = at.astimezone(load_zone(zone))
        where = zone.rpartition("/")[2].replace("_", " ")
        if holiday := find_holiday(local.date()):
            return CallRule.HOLIDAY, f"It is {holiday} there ({where} time)."
        window = find_windows(place.state)[local.weekday()]
        if window is None:
            return CallRule.DAY, f"It is {local:%A} there ({where} time); no calls are made on that day."
        clock = f"{local:%I:%M %p}".lstrip("0").lower()
        opens, closes = (f"{edge:%I:%M %p}".lstrip("0").lower() for edge in window)
        return CallRule.HOURS, f"It is {clock} there ({where} time); calls are made from {opens} to {closes}."
    return CallRule.HOURS, "It is outside calling hours there."
