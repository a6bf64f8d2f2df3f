"""Add, change and delete entries of the calling list; a number is on the list only once."""

from datetime import tzinfo
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.calling.assign import find_assignee
from domain.calling.entries import EntryRow, get_entry
from domain.calling.hours_key import find_hours_key
from domain.calling.scores import BASE_SCORE, LEAST_SCORE, MOST_SCORE, add_event, set_score
from domain.calling.totals import refresh_totals
from domain.calling.visible import may_be_called_by, may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.addresses import parse_address
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound, Refused
from domain.kernel.inputs import Id, Input, OptionalEmailIn, PastIn, PhoneIn, Text60, Text200, Text2000
from domain.kernel.live import Topic, announce
from domain.kernel.phone import parse_phone
from models import AuditAction, CallingEntry, CallingStatus, Customer, Role

Score = Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE)]
CALLED = "called"
_TEXTS = ("first_name", "last_name", "contact_name", "company_name", "notes")


class AddEntry(Input):
    """A prospect for the calling list."""

    phone: Annotated[PhoneIn, Field(min_length=1)]
    """The number to call, in any common format."""
    company_name: Text200 | None = None
    """The name of the company."""
    contact_name: Text200 | None = None
    """The person to ask for."""
    email: OptionalEmailIn = None
    """The email address."""
    address: Text200 | None = None
    """On one line; street, city, state and ZIP are parsed from it."""
    notes: Text2000 | None = None
    """Notes for colleagues."""
    priority_score: Score | None = None
    """The initial score, 0–100; by default 30."""
    status: CallingStatus | None = None
    """The status; by default `new`."""


class UpdateEntry(Input):
    """The values to change; fields that are not sent stay as they are."""

    customer_id: Id | None = None
    """The id of the customer who this is."""
    first_name: Text60 | None = None
    """First name."""
    last_name: Text60 | None = None
    """Last name."""
    contact_name: Text200 | None = None
    """The person to ask for."""
    company_name: Text200 | None = None
    """The name of the company."""
    email: OptionalEmailIn = None
    """The email address; null removes it."""
    phone: PhoneIn | None = None
    """The number to call."""
    phone2: PhoneIn | None = None
    """Another number; null removes it."""
    address: Text200 | None = None
    """On one line; street, city, state and ZIP are parsed from it."""
    notes: Text2000 | None = None
    """Notes for colleagues."""
    assigned_to: Id | None = None
    """The id of the colleague who calls them; null for none."""
    status: CallingStatus | None = None
    """The status."""
    priority_score: Score | None = None
    """The score to set, 0–100."""
    mark_called: bool | None = None
    """True records a call made now."""
    last_called: PastIn | None = None
    """The time of the last call."""


async def add_entry(db: AsyncSession, data: AddEntry, *, by: Actor, timezone: tzinfo) -> EntryRow:
    """Add a prospect. Raises InvalidInput for an invalid number, and Refused for one that is already listed."""
    require(by, Right.CALL_CUSTOMERS, "Your role does not work the calling list.")
    phone = read_number(data.phone, "phone")
    address = parse_address(data.address or "")
    entry = CallingEntry(
        phone=phone,
        company_name=data.company_name or "",
        contact_name=data.contact_name or "",
        email=data.email,
        street=address.street,
        city=address.city,
        state=address.state,
        zip=address.zip,
        country=address.country,
        notes=data.notes or "",
        status=data.status or CallingStatus.NEW,
        base_score=BASE_SCORE if data.priority_score is None else data.priority_score,
        priority_score=BASE_SCORE if data.priority_score is None else data.priority_score,
        hours_key=find_hours_key(phone, address.zip, address.state),
    )
    db.add(entry)
    await write_entry(db)
    await announce(db, Topic.CALLING, entry.id)
    return await get_entry(db, entry.id, visible_to=by, timezone=timezone)


async def update_entry(
    db: AsyncSession, entry_id: int, data: UpdateEntry, *, by: Actor, timezone: tzinfo, version: int | None = None
) -> EntryRow:
    """Change the fields sent of an entry the actor works with.

    Raises NotFound, InvalidInput, NotAllowed for a rep who assigns it to a colleague, and Refused for a number that is
    already listed or a version that is not the current one.
    """
    entry = await lock_entry(db, entry_id, by=by, version=version)
    sent = data.model_fields_set
    # Queries in between must not flush the entry: only `write_entry` handles a number that is taken.
    with db.no_autoflush:
        for name in sent & set(_TEXTS):
            setattr(entry, name, getattr(data, name) or "")
        if "status" in sent and data.status is not None:
            entry.status = data.status
        if "email" in sent:
            entry.email = data.email
        await _set_places(db, entry, data)
        if "assigned_to" in sent:
            await _set_assignee(db, entry, data.assigned_to, by=by)
    if data.last_called is not None:
        entry.last_called_at = data.last_called
    if data.mark_called:
        entry.last_called_at = now()
    entry.updated_at = now()
    entry.version += 1
    await write_entry(db)
    if data.mark_called:
        await add_event(db, entry.id, CALLED, by=by)
    if data.priority_score is not None:
        await set_score(db, entry.id, data.priority_score)
    if "customer_id" in sent:
        await refresh_totals(db, [entry.id], timezone=timezone)
    await announce(db, Topic.CALLING, entry.id)
    return await get_entry(db, entry.id, visible_to=by, timezone=timezone)


async def delete_entry(db: AsyncSession, entry_id: int, *, by: Actor) -> None:
    """Remove an entry from the list; its calls stay in the log, and a suppressed number stays suppressed."""
    require(by, Right.ASSIGN_CALLS, "Only a manager deletes entries of the calling list.")
    entry = await lock_entry(db, entry_id, by=by)
    await record_audit(
        db,
        action=AuditAction.CALLING_ENTRY_DELETED,
        record_kind="calling_entry",
        record_id=entry.id,
        record_name=entry.company_name or entry.contact_name or entry.phone or "",
        before={"phone": entry.phone, "company_name": entry.company_name, "notes": entry.notes},
        by=by,
    )
    await db.delete(entry)
    await db.flush()
    await announce(db, Topic.CALLING, entry_id)


async def lock_entry(db: AsyncSession, entry_id: int, *, by: Actor, version: int | None = None) -> CallingEntry:
    """Lock and return the entry. Raises NotFound for another rep's, and Refused with code `stale`."""
    return await _lock(db, entry_id, may_be_seen_by(by), version)


async def lock_called_entry(db: AsyncSession, entry_id: int, *, by: Actor) -> CallingEntry:
    """The same for an act of a call, which also its caller may finish who is on it."""
    return await _lock(db, entry_id, may_be_called_by(by), None)


async def lock_any_entry(db: AsyncSession, entry_id: int) -> CallingEntry:
    """The same for an act whose right does not depend on the entry."""
    return await _lock(db, entry_id, true(), None)


async def _lock(db: AsyncSession, entry_id: int, is_visible: ColumnElement[bool], version: int | None) -> CallingEntry:
    found = await db.execute(
        select(CallingEntry)
        .where(CallingEntry.id == entry_id, is_visible)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    entry = found.scalar_one_or_none()
    if entry is None:
        raise NotFound("There is no such entry on the calling list.")
    if version is not None and version != entry.version:
        raise await make_stale(
            db,
            "this entry",
            record_kind="calling_entry",
            record_id=entry_id,
            changed_at=entry.updated_at,
            version=entry.version,
        )
    return entry


def read_number(text: str, name: str) -> str:
    """Return a number in E.164 format. Raises InvalidInput for a number that can't be called."""
    phone = parse_phone(text)
    if phone is None:
        raise InvalidInput("That is not a phone number.", fields={name: "must be a phone number"})
    return phone


async def _set_places(db: AsyncSession, entry: CallingEntry, data: UpdateEntry) -> None:
    """Set numbers, address and customer, and the calling hours that follow from them."""
    sent = data.model_fields_set
    if data.phone is not None:
        entry.phone = read_number(data.phone, "phone")
        entry.phone_raw = ""
    if "phone2" in sent:
        entry.phone2 = read_number(data.phone2, "phone2") if data.phone2 else None
    if data.address is not None:
        address = parse_address(data.address)
        entry.street, entry.city, entry.state = address.street, address.city, address.state
        entry.zip, entry.country = address.zip, address.country
    entry.hours_key = find_hours_key(entry.phone, entry.zip, entry.state)
    if "customer_id" in sent:
        exists = data.customer_id is None or await db.scalar(
            select(func.count()).select_from(Customer).where(Customer.id == data.customer_id)
        )
        if not exists:
            raise InvalidInput("There is no such customer.", fields={"customer_id": "is unknown"})
        entry.customer_id = data.customer_id


async def _set_assignee(db: AsyncSession, entry: CallingEntry, staff_id: int | None, *, by: Actor) -> None:
    if staff_id == entry.assigned_to:
        return
    if not may(by, Right.ASSIGN_CALLS) and not (by.has_role(Role.SALES_REP) and staff_id in {None, by.id}):
        raise NotAllowed("Only a manager can assign entries to colleagues.")
    if staff_id is not None:
        await find_assignee(db, staff_id, name="assigned_to")
    entry.assigned_to = staff_id


async def write_entry(db: AsyncSession) -> None:
    """Write the entry. Raises Refused if its number is already listed, which the database decides."""
    try:
        async with db.begin_nested():
            await db.flush()
    except IntegrityError as error:
        refused: Any = getattr(error.orig, "__cause__", None)
        if getattr(refused, "constraint_name", "") != "uq_calling_entry_phone":
            raise
        raise Refused(
            "The number is already on the calling list.",
            code=Code.ALREADY_LISTED,
            fields={"phone": "is already listed"},
        ) from None
