"""What customers do to their own account: reading it, changing it, setting the password, deleting it."""

from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.attempts import reserve_own_attempt
from domain.access.passwords import NewPasswordIn, hash_password, verify_password
from domain.access.sessions import end_sessions_of
from domain.credit.exposure import calculate_exposure, find_customer
from domain.credit.ledger import get_credit_balance
from domain.customers.accounts import Profile, describe_account, lock_account, own_id
from domain.customers.linking import unlink_orders
from domain.customers.links import void_tokens
from domain.customers.messages import send_security_notice, send_verification_link
from domain.customers.register import refuse_duplicates
from domain.kernel.actor import Actor
from domain.kernel.addresses import compose_address, parse_address
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, Refused
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Input, OptionalEmailIn, PasswordIn, PhoneIn, Text60, Text200
from domain.kernel.money import ZERO, format_money
from domain.kernel.phone import parse_phone
from domain.payments.intents import has_money_without_order
from models import CodePurpose, CreditEntry, Customer, SessionKind
from models.session import raw_connection


class UpdateProfile(Input):
    """The fields to change; an absent one stays, an empty text empties it. An email is changed, never removed."""

    email: OptionalEmailIn = None
    first_name: Text60 | None = None
    last_name: Text60 | None = None
    company_name: Text200 | None = None
    phone: PhoneIn | None = None
    shipping_address: Text200 | None = None
    billing_address: Text200 | None = None


class ChangePassword(Input):
    """The present password and the new one."""

    current_password: PasswordIn
    new_password: NewPasswordIn


async def get_own_profile(db: AsyncSession, *, by: Actor, customer_id: int | None = None) -> Profile:
    """The signed-in customer's account; raises NotAllowed when another id is asked for, existing or not."""
    _check_own(by, customer_id)
    customer = await db.get_one(Customer, own_id(by))
    return describe_account(customer)


async def update_profile(
    db: AsyncSession, customer_id: int, data: UpdateProfile, *, shop_url: str, by: Actor
) -> Profile:
    """Change one's own account; raises NotAllowed for another's, InvalidInput, and Refused for a taken email or phone.

    A new email takes the old one's place at once and must be verified: the running session goes on, the next sign-in
    waits for the mailed link. The old address is told, and links that went there stop working. Where the email was the
    username, the new one becomes it. Locks the account.
    """
    _check_own(by, customer_id)
    customer = await lock_account(db, customer_id)
    wanted = _read_changes(customer, data)
    changes = {name: value for name, value in wanted.items() if value != getattr(customer, name)}
    if not changes:
        return describe_account(customer)
    before = {name: getattr(customer, name) for name in changes}
    await _write_changes(db, customer, changes)
    await record_audit(
        db,
        action="customer.updated",
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        before=before,
        after=changes,
        by=by,
    )
    if "email" in changes:
        await _announce_new_email(db, customer, before["email"], shop_url=shop_url)
    return describe_account(customer)


async def change_password(db: AsyncSession, data: ChangePassword, *, by: Actor) -> None:
    """Set one's own password; ends every other session and tells the owner by email.

    Raises InvalidInput naming the wrong field, TooMany after ten wrong tries of the present password.
    """
    customer_id = own_id(by)
    await reserve_own_attempt(Customer, customer_id)
    kept_hash = (await db.get_one(Customer, customer_id)).password_hash
    if not await verify_password(kept_hash, data.current_password):
        raise _wrong_password()
    new_hash = await hash_password(data.new_password)
    customer = await lock_account(db, customer_id)
    if customer.password_hash != kept_hash:
        raise _wrong_password()
    customer.password_hash = new_hash
    customer.failed_sign_ins, customer.locked_until = 0, None
    customer.updated_at = now()
    customer.version += 1
    await db.flush()
    await void_tokens(db, customer_id, [CodePurpose.PASSWORD_RESET, CodePurpose.PHONE_SESSION])
    await end_sessions_of(db, SessionKind.CUSTOMER, customer_id, except_session_id=by.session_id)
    await record_audit(
        db,
        action="customer.password_changed",
        record_kind="customer",
        record_id=customer_id,
        record_name=customer.company_name or customer.username,
        by=by,
    )
    await send_security_notice(db, customer, "The password of your account was changed.")


async def delete_account(db: AsyncSession, customer_id: int, *, by: Actor) -> None:
    """Delete one's own account: sessions end, orders stay in the books unlinked.

    Raises NotAllowed for another's account, Refused while there is a balance, store credit or money on its way. Where
    the credit ledger or a do-not-call mark must stay, the row stays too, emptied of everything else about the person.
    Locks the account.
    """
    _check_own(by, customer_id)
    customer = await lock_account(db, customer_id)
    await _refuse_open_account(db, customer)
    await end_sessions_of(db, SessionKind.CUSTOMER, customer_id)
    await unlink_orders(db, customer)
    username = customer.username
    has_ledger = await db.scalar(select(exists().where(CreditEntry.customer_id == customer_id)))
    if has_ledger or customer.do_not_call:
        _empty(customer)
        await void_tokens(db, customer_id, list(CodePurpose))
        await db.flush()
    else:
        await db.execute(delete(Customer).where(Customer.id == customer_id))
    await record_audit(
        db,
        action="customer.deleted",
        record_kind="customer",
        record_id=customer_id,
        record_name=username,
        note="By the customer",
        by=by,
    )


def _check_own(by: Actor, customer_id: int | None) -> None:
    if customer_id is not None and own_id(by) != customer_id:
        raise NotAllowed("You can see and change your own account only.", code=Code.NOT_YOUR_ACCOUNT)


def _read_changes(customer: Customer, data: UpdateProfile) -> dict[str, Any]:
    """The columns that the input names, with the values that they would get."""
    wanted: dict[str, Any] = {
        name: getattr(data, name)
        for name in ("email", "first_name", "last_name", "company_name")
        if getattr(data, name) is not None
    }
    if customer.email is not None and wanted.get("email") and customer.username.lower() == customer.email.lower():
        wanted["username"] = wanted["email"]
    if data.phone is not None:
        wanted |= _read_phone(customer, data.phone, has_email=customer.email is not None or "email" in wanted)
    for kind in ("shipping", "billing"):
        sent = getattr(data, f"{kind}_address")
        if sent is not None and sent != _kept_address(customer, kind):
            parsed = parse_address(sent)
            parts = {"street": parsed.street, "city": parsed.city, "state": parsed.state}
            parts |= {"zip": parsed.zip, "country": parsed.country}
            wanted |= {f"{kind}_{part}": value for part, value in parts.items()}
    return wanted


def _kept_address(customer: Customer, kind: str) -> str:
    """The address as its owner was shown it: sent back as it was, it is no change."""
    parts = ("street", "city", "state", "zip", "country")
    return compose_address(*(getattr(customer, f"{kind}_{part}") for part in parts))


def _read_phone(customer: Customer, sent: str, *, has_email: bool) -> dict[str, Any]:
    if not sent:
        if not has_email:
            raise refuse_fields({"phone": "is needed as long as the account has no email"})
        return {"phone": None, "phone_raw": ""}
    phone = parse_phone(sent)
    return {"phone": phone, "phone_raw": ""} if phone != customer.phone else {}


async def _write_changes(db: AsyncSession, customer: Customer, changes: dict[str, Any]) -> None:
    """Store the changed columns; a new email or phone is unproven until it is proven anew."""
    for name, value in changes.items():
        setattr(customer, name, value)
    if "email" in changes:
        customer.email_verified_at = None
    if "phone" in changes:
        customer.phone_verified_at = None
    customer.updated_at = now()
    customer.version += 1
    with db.no_autoflush:
        # The book may hold one phone twice, which is no reason to refuse another change.
        await refuse_duplicates(db, customer, names=changes.keys())
    try:
        await db.flush()
    except IntegrityError as error:
        raise Refused(
            "There is an account with this email already.",
            code=Code.EMAIL_TAKEN,
            fields={"email": "belongs to another account"},
            duplicate_field="email",
            hint="Use another email.",
        ) from error


async def _announce_new_email(db: AsyncSession, customer: Customer, old_email: str | None, *, shop_url: str) -> None:
    await void_tokens(db, customer.id, [CodePurpose.EMAIL_VERIFICATION, CodePurpose.PASSWORD_RESET])
    assert customer.email is not None  # an email is changed, never removed
    await send_verification_link(db, customer.id, email=customer.email, shop_url=shop_url)
    if old_email is not None:
        await send_security_notice(db, customer, f"The email of your account is now {customer.email}.", to=old_email)


async def _refuse_open_account(db: AsyncSession, customer: Customer) -> None:
    connection = await raw_connection(db)
    row = await find_customer(connection, customer.id)
    assert row is not None  # its row is locked
    balance = (await calculate_exposure(connection, row)).exposure
    if balance > ZERO:
        raise Refused(
            f"The account still owes {format_money(balance)}. Pay it first, then delete the account.",
            code=Code.HAS_BALANCE,
        )
    credit = await get_credit_balance(db, customer.id)
    if credit > ZERO:
        raise Refused(
            f"The account still has {format_money(credit)} of store credit. Use it or ask us to refund it first.",
            code=Code.HAS_CREDIT,
        )
    if await has_money_without_order(db, customer.id):
        raise Refused(
            "A payment of the account waits for its order. Place the order, or wait until the payment is credited.",
            code=Code.HAS_PAYMENT,
        )


def _empty(customer: Customer) -> None:
    """Take everything about the person out of a row that has to stay, but the number that must not be called."""
    phone, raw = (customer.phone, customer.phone_raw) if customer.do_not_call else (None, "")
    for column in Customer.__table__.columns:  # type: ignore[attr-defined]
        if column.name.startswith(("shipping_", "billing_")) and not column.name.endswith("country"):
            setattr(customer, column.name, "")
    for name in (
        "first_name", "last_name", "company_name", "business_type", "business_ein", "resale_certificate",
        "state_of_operation", "po_number", "notes",
    ):  # fmt: skip
        setattr(customer, name, "")
    for name in (
        "email", "email_verified_at", "password_hash", "google_subject", "phone2", "phone_verified_at",
        "claimed_order_id", "external_id", "sales_rep_id",
    ):  # fmt: skip
        setattr(customer, name, None)
    customer.phone, customer.phone_raw = phone, raw
    customer.username = f"deleted-{customer.id}"
    customer.is_active = False
    customer.updated_at = now()
    customer.version += 1


def _wrong_password() -> InvalidInput:
    return InvalidInput(
        "The present password is wrong.",
        code=Code.WRONG_PASSWORD,
        fields={"current_password": "is not your present password"},
    )
