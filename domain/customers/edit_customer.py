"""Staff change a customer: only the fields that were sent, with an audit entry of who changed what.

A rep changes their own customers and those without a rep. All who may edit can mark a customer as do-not-call; only
administrators can lift it, with a note.
"""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.customers.accounts import lock_account
from domain.customers.columns import notify_of_new_email, read_address_change, set_columns
from domain.customers.followers import queue_following
from domain.customers.rows import EMPTIED, CustomerRow, get_customer
from domain.customers.typed import AddressIn, read_phone
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotFound, Refused
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import EmptyableEmailIn, Input, PhoneIn, Text20, Text60, Text200, Text2000
from domain.kernel.live import Topic, announce
from domain.messages.owners import list_numbers_of
from domain.messages.suppression import find_suppressed, lift_do_not_call, mark_do_not_call, mark_do_not_text
from models import AuditAction, Customer, Role, Staff, SuppressionReason

_PLAIN = ("first_name", "last_name", "company_name", "preferred_language")
_MORE = ("contact_role", "phone_label", "phone2_label", "po_number", "notes")


class UpdateCustomer(Input):
    """The fields to change; missing ones stay unchanged, an empty string clears a field."""

    first_name: Text60 | None = None
    last_name: Text60 | None = None
    email: EmptyableEmailIn | None = None
    """The email for messages and sign-in; an empty string removes it from a contact that has a phone."""
    company_name: Text200 | None = None
    phone: PhoneIn | None = None
    """The primary phone, in any common format."""
    phone2: PhoneIn | None = None
    """The second phone, in any common format."""
    shipping_address: AddressIn | None = None
    """The delivery address as one line: "88 Grist Road, Alder Falls, OH 44099"."""
    billing_address: AddressIn | None = None
    """The billing address as one line."""
    preferred_language: Text20 | None = None
    """The language for speaking and writing, as a code: en, es, zh."""
    do_not_call: bool | None = None
    """True marks the customer's numbers; false lifts the mark, for administrators with a note."""
    do_not_call_note: Text2000 | None = None
    """The reason; required to lift the mark."""


class EditCustomer(UpdateCustomer):
    """The same fields for the page, with those that are not in the contract."""

    billing_email: EmptyableEmailIn | None = None
    contact_role: Text60 | None = None
    phone_label: Text60 | None = None
    phone2_label: Text60 | None = None
    po_number: Text60 | None = None
    notes: Text2000 | None = None
    version: int | None = None


async def update_customer(
    db: AsyncSession, customer_id: int, data: UpdateCustomer, *, shop_url: str, by: Actor
) -> CustomerRow:
    """Change the fields that were sent. Raises NotFound, NotAllowed, InvalidInput, and Refused for an email that is
    taken.

    Raises Refused with code `stale` if the page's version is outdated. Locks the customer. A new email of an account
    that signs in must be verified by its owner, who is notified at the old address.
    """
    customer = await lock_editable(db, customer_id, by=by)
    if isinstance(data, EditCustomer) and data.version is not None and data.version != customer.version:
        raise await make_stale(
            db,
            "this customer",
            record_kind="customer",
            record_id=customer_id,
            changed_at=customer.updated_at,
            version=customer.version,
        )
    _check_lift(data, await _is_marked(db, customer), by)
    wanted = _read_changes(customer, data)
    changes = {name: value for name, value in wanted.items() if value != getattr(customer, name)}
    if changes:
        await _write(db, customer, changes, shop_url=shop_url, by=by)
    await _mark(db, customer, data, changes, by=by)
    return await get_customer(db, customer_id)


async def lock_editable(db: AsyncSession, customer_id: int, *, by: Actor) -> Customer:
    """Return the customer, locked, if the actor may change them; the refusal names the customer's rep."""
    require(by, Right.EDIT_CUSTOMERS, "Your role does not change customers.")
    try:
        customer = await lock_account(db, customer_id)
    except NotFound:
        raise NotFound("There is no such customer.") from None
    if customer.email is None and not customer.is_active and customer.username.startswith(EMPTIED):
        raise NotFound("There is no such customer.")
    if by.has_role(Role.SALES_REP) and customer.sales_rep_id not in {None, by.id}:
        rep = await db.scalar(select(Staff.full_name).where(Staff.id == customer.sales_rep_id))
        raise NotAllowed(f"This customer is {rep or 'another rep'}’s. Ask a manager to change it.")
    return customer


async def _is_marked(db: AsyncSession, customer: Customer) -> bool:
    found = await find_suppressed(db, [customer.phone, customer.phone2])
    return customer.do_not_call or any(mark.do_not_call for mark in found.values())


def _check_lift(data: UpdateCustomer, is_marked: bool, by: Actor) -> None:
    if data.do_not_call is not False or not is_marked:
        return
    if not may(by, Right.LIFT_SUPPRESSION):
        raise NotAllowed("Only an administrator can lift do-not-call.")
    if not data.do_not_call_note:
        raise refuse_fields({"do_not_call_note": "is required to lift do-not-call"})


def _read_changes(customer: Customer, data: UpdateCustomer) -> dict[str, Any]:
    """Return the columns of the input with their new values. Raises InvalidInput naming each bad field."""
    wanted: dict[str, Any] = {name: value for name in (*_PLAIN, *_MORE) if (value := _sent(data, name)) is not None}
    wrong: dict[str, str] = {}
    for field, raw in (("phone", "phone_raw"), ("phone2", None)):
        text = _sent(data, field)
        if text is None:
            continue
        phone, rest = read_phone(text) if text else (None, "")
        wanted[field] = phone
        if raw:
            wanted[raw] = rest
    wanted |= _read_emails(customer, data, wanted, wrong)
    for kind in ("shipping", "billing"):
        wanted |= read_address_change(customer, kind, _sent(data, f"{kind}_address"))
    if wrong:
        raise refuse_fields(wrong)
    return wanted


def _sent(data: UpdateCustomer, name: str) -> str | None:
    """Return what was sent for a field; forms clear a field by leaving it empty, JSON by an empty string."""
    value: str | None = getattr(data, name, None)
    if value is None and isinstance(data, EditCustomer) and name in data.model_fields_set:
        return ""
    return value


def _read_emails(
    customer: Customer, data: UpdateCustomer, wanted: dict[str, Any], wrong: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if (billing := _sent(data, "billing_email")) is not None:
        found["billing_email"] = billing or None
    phone = wanted.get("phone", customer.phone)
    email = _sent(data, "email")
    if email == "" and customer.email is not None and customer.password_hash is not None:
        wrong["email"] = "is how this customer signs in; change it instead of removing it"
    elif email is not None:
        found["email"] = email or None
        if email and customer.email is not None and customer.username.lower() == customer.email.lower():
            found["username"] = email
    has_email = found.get("email", customer.email) is not None
    is_touched = ("phone" in wanted or "email" in found) and not wrong
    if is_touched and phone is None and not has_email and not wanted.get("phone_raw", customer.phone_raw):
        wrong["phone"] = "is required as long as there is no email"
    return found


async def _write(db: AsyncSession, customer: Customer, changes: dict[str, Any], *, shop_url: str, by: Actor) -> None:
    before = {name: getattr(customer, name) for name in changes}
    await refuse_taken_email(db, changes.get("email"), besides=[customer.id])
    set_columns(customer, changes)
    try:
        async with db.begin_nested():
            await db.flush()
    except IntegrityError as error:
        raise email_taken() from error
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_UPDATED,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        before=before,
        after=changes,
        by=by,
    )
    await queue_following(db, customer.id, before)
    if "email" in changes:
        await notify_of_new_email(db, customer, before["email"], shop_url=shop_url)
    await announce(db, Topic.CUSTOMERS, customer.id)


async def refuse_taken_email(db: AsyncSession, email: str | None, *, besides: list[int]) -> None:
    """Raise Refused if another customer has this email."""
    if email is None:
        return
    others = select(Customer.id).where(func.lower(Customer.email) == email.lower(), Customer.id.not_in(besides))
    if await db.scalar(others.limit(1)):
        raise email_taken()


def email_taken() -> Refused:
    """Return the refusal of an email that another customer has."""
    return Refused(
        "Another customer already has this email.",
        code=Code.EMAIL_TAKEN,
        fields={"email": "belongs to another customer"},
        duplicate_field="email",
        hint="Merge the two, or use another email.",
    )


async def _mark(
    db: AsyncSession, customer: Customer, data: UpdateCustomer, changes: dict[str, Any], *, by: Actor
) -> None:
    """Mark or lift the customer and all their numbers; a new number of a marked customer is marked too."""
    note = data.do_not_call_note or ""
    phones = await list_numbers_of(db, customer)
    if data.do_not_call is False:
        await lift_customer(db, customer, note=note, by=by)
    elif data.do_not_call or (customer.do_not_call and changes.keys() & {"phone", "phone2"}):
        for phone in phones:
            await mark_do_not_call(db, phone, reason=SuppressionReason.STAFF, note=note, by=by)
        await _set_flag(db, customer, True, note, by)
    elif data.do_not_call_note is not None and data.do_not_call_note != customer.do_not_call_note:
        customer.do_not_call_note = data.do_not_call_note
    if customer.do_not_text and changes.keys() & {"phone", "phone2"}:
        for phone in phones:
            await mark_do_not_text(db, phone, reason=SuppressionReason.STAFF, by=by)
    await db.flush()
    await db.refresh(customer)


async def lift_customer(db: AsyncSession, customer: Customer, *, note: str, by: Actor) -> None:
    """Allow calls to the customer again, on all their numbers."""
    for phone in await list_numbers_of(db, customer):
        await lift_do_not_call(db, phone, note=note, by=by)
    await _set_flag(db, customer, False, note, by)


async def _set_flag(db: AsyncSession, customer: Customer, wanted: bool, note: str, by: Actor) -> None:
    await db.refresh(customer, ["do_not_call"])
    was = customer.do_not_call
    customer.do_not_call = wanted
    if note:
        customer.do_not_call_note = note
    customer.updated_at = now()
    await db.flush()
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_DO_NOT_CALL_MARKED,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        before={"do_not_call": was},
        after={"do_not_call": wanted},
        note=note,
        by=by,
    )
    await announce(db, Topic.CUSTOMERS, customer.id)
