"""Schedule a call to a customer for today: their calling-list entry, created if needed, gets a callback today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.calling.edit_entry import write_entry
from domain.calling.entries import get_entry
from domain.calling.hours_key import find_hours_key
from domain.calling.marks import MAY_BE_LISTED
from domain.calling.rules import FOR_GOOD, judge_calls
from domain.calling.totals import refresh_totals
from domain.calling.visible import ENTRIES, may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.live import Topic, announce
from models import CallingEntry, CallingStatus, Customer


@dataclass(frozen=True, slots=True)
class NextCall:
    """A customer's state on the calling list: the day to call back, and whether calls are forbidden."""

    entry_id: int
    callback_on: date | None
    is_closed: bool


async def list_next_calls(
    db: AsyncConnection, customer_ids: Sequence[int], *, visible_to: Actor
) -> dict[int, NextCall]:
    """Return the entries of these customers, by customer id; a closed one only if there is no other."""
    is_closed = or_(ENTRIES.status == CallingStatus.CLOSED, ~MAY_BE_LISTED)
    rows = await db.execute(
        select(ENTRIES.customer_id, ENTRIES.id, ENTRIES.callback_on, is_closed)
        .where(ENTRIES.customer_id.in_(customer_ids), may_be_seen_by(visible_to))
        .order_by(is_closed.desc(), ENTRIES.id.desc())
    )
    return {row[0]: NextCall(*row[1:]) for row in rows}


async def call_customer_today(db: AsyncSession, customer_id: int, *, timezone: tzinfo, by: Actor) -> int:
    """Schedule a call to a customer today, before all entries without a callback; return the id of the entry.

    Raises NotFound for a customer or an entry that is not the actor's, and Refused for a customer without a number, one
    who asked not to be called at either of their numbers, or one whose entry is closed.
    """
    require(by, Right.CALL_CUSTOMERS, "Your role does not work the calling list.")
    customer = await db.get(Customer, customer_id)
    if customer is None or not customer.is_active:
        raise NotFound("There is no such customer.")
    entry = await _lock_entry(db, customer) or await _make_entry(db, customer)
    visible = select(ENTRIES.id).where(ENTRIES.id == entry.id, may_be_seen_by(by))
    if await db.scalar(visible) is None:
        raise NotFound("A colleague is responsible for calling this customer.")
    entry.customer_id = customer.id
    await db.flush()
    shown = await get_entry(db, entry.id, visible_to=by, timezone=timezone)
    (verdict,) = await judge_calls(db, [shown.callee])
    if verdict.rule in FOR_GOOD:
        raise _refuse(verdict.why)
    if entry.status == CallingStatus.CLOSED:
        raise _refuse("Calls to the customer are closed: the number was wrong.")
    entry.callback_on = business_today(timezone)
    entry.updated_at = now()
    entry.version += 1
    await db.flush()
    await refresh_totals(db, [entry.id], timezone=timezone)
    await announce(db, Topic.CALLING, entry.id)
    return entry.id


def _refuse(why: str) -> Refused:
    return Refused(why, code=Code.STATE_NOT_ALLOWED, allowed=[])


async def _lock_entry(db: AsyncSession, customer: Customer) -> CallingEntry | None:
    """Return the customer's entry, else the one with their number and no customer; open ones first."""
    has_number = (ENTRIES.phone == customer.phone) & ENTRIES.customer_id.is_(None)
    found = await db.execute(
        select(CallingEntry)
        .where(or_(ENTRIES.customer_id == customer.id, has_number))
        .order_by(ENTRIES.status == CallingStatus.CLOSED, ENTRIES.customer_id.is_(None), ENTRIES.id)
        .limit(1)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def _make_entry(db: AsyncSession, customer: Customer) -> CallingEntry:
    """Create an entry for the customer. Raises Refused without a number, or if another customer's entry has it."""
    if customer.phone is None:
        raise _refuse("The customer has no number to call.")
    entry = CallingEntry(
        customer_id=customer.id,
        first_name=customer.first_name,
        last_name=customer.last_name,
        contact_name=f"{customer.first_name} {customer.last_name}".strip(),
        company_name=customer.company_name,
        email=customer.email,
        phone=customer.phone,
        phone2=customer.phone2,
        street=customer.shipping_street,
        city=customer.shipping_city,
        state=customer.shipping_state,
        zip=customer.shipping_zip,
        country=customer.shipping_country,
        assigned_to=customer.sales_rep_id,
        status=CallingStatus.CUSTOMER,
        hours_key=find_hours_key(customer.phone, customer.shipping_zip, customer.shipping_state),
    )
    db.add(entry)
    await write_entry(db)
    return entry
