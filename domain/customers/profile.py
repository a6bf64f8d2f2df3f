"""What customers do with their own account: read, change, set the password, delete."""

from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.attempts import reserve_own_attempt
from domain.access.passwords import NewPasswordIn, hash_password, verify_password
from domain.access.sessions import end_sessions_of
from domain.customers.accounts import Profile, describe_account, lock_account, own_id
from domain.customers.columns import notify_of_new_email, read_address_change, set_columns
from domain.customers.delete_customer import remove_customer
from domain.customers.email_change import ask_for_new_email
from domain.customers.followers import queue_following
from domain.customers.links import void_tokens
from domain.customers.messages import send_security_notice
from domain.customers.register import refuse_duplicates
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, Refused
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Input, OptionalEmailIn, PasswordIn, PhoneIn, Text60, Text200
from domain.kernel.phone import split_phone
from models import AuditAction, CodePurpose, Customer, SessionKind


class UpdateProfile(Input):
    """The fields to change; missing ones stay unchanged; an empty string clears any but the email."""

    email: OptionalEmailIn = None
    first_name: Text60 | None = None
    last_name: Text60 | None = None
    company_name: Text200 | None = None
    phone: PhoneIn | None = None
    shipping_address: Text200 | None = None
    billing_address: Text200 | None = None


class ChangePassword(Input):
    """The current password and the new one."""

    current_password: PasswordIn
    new_password: NewPasswordIn


async def get_own_profile(db: AsyncSession, *, by: Actor, customer_id: int | None = None) -> Profile:
    """Return the signed-in customer's account. Raises NotAllowed for any other id, whether or not it exists."""
    _check_own(by, customer_id)
    customer = await db.get_one(Customer, own_id(by))
    return describe_account(customer)


async def update_profile(
    db: AsyncSession, customer_id: int, data: UpdateProfile, *, shop_url: str, by: Actor
) -> Profile:
    """Change the actor's account. Raises NotAllowed for another's, InvalidInput, and Refused for a taken email or
    phone.

    A new email replaces a verified one only through an emailed link; the answer already shows the new one, as
    unverified. The old address is notified and can undo it for 7 days. An unverified email is replaced at once. If the
    email was the username, the new one becomes it. Locks the account.
    """
    _check_own(by, customer_id)
    customer = await lock_account(db, customer_id)
    wanted = _read_changes(customer, data)
    changes = {name: value for name, value in wanted.items() if value != getattr(customer, name)}
    asked = None
    if customer.email_verified_at is not None and (asked := changes.pop("email", None)):
        changes.pop("username", None)
        await ask_for_new_email(db, customer, asked, shop_url=shop_url, by=by)
    if changes:
        await _change(db, customer, changes, shop_url=shop_url, by=by)
    shown = describe_account(customer)
    return replace(shown, email=asked, email_verified=False) if asked else shown


async def _change(db: AsyncSession, customer: Customer, changes: dict[str, Any], *, shop_url: str, by: Actor) -> None:
    """Store changed columns of a locked account, with the audit entry and the emails about them."""
    before = {name: getattr(customer, name) for name in changes}
    await _write_changes(db, customer, changes)
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


async def change_password(db: AsyncSession, data: ChangePassword, *, by: Actor) -> None:
    """Set the actor's password; ends all other sessions and notifies the owner by email.

    Raises InvalidInput naming the wrong field, and TooMany after ten wrong attempts at the current password.
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
        action=AuditAction.CUSTOMER_PASSWORD_CHANGED,
        record_kind="customer",
        record_id=customer_id,
        record_name=customer.company_name or customer.username,
        by=by,
    )
    await send_security_notice(db, customer, "The password of your account was changed.")


async def delete_account(db: AsyncSession, customer_id: int, *, by: Actor) -> None:
    """Delete the actor's account: sessions end, and orders are kept, unlinked.

    Raises NotAllowed for another's account, and the errors of `remove_customer`.
    """
    _check_own(by, customer_id)
    await remove_customer(db, customer_id, note="By the customer", by=by)


def _check_own(by: Actor, customer_id: int | None) -> None:
    if customer_id is not None and own_id(by) != customer_id:
        raise NotAllowed("You can see and change only your own account.", code=Code.NOT_YOUR_ACCOUNT)


def _read_changes(customer: Customer, data: UpdateProfile) -> dict[str, Any]:
    """Return the columns of the input with their new values."""
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
        wanted |= read_address_change(customer, kind, getattr(data, f"{kind}_address"))
    return wanted


def _read_phone(customer: Customer, sent: str, *, has_email: bool) -> dict[str, Any]:
    if not sent:
        if not has_email:
            raise refuse_fields({"phone": "is required as long as the account has no email"})
        return {"phone": None, "phone_raw": ""}
    phone, phone_raw = split_phone(sent)
    return {"phone": phone, "phone_raw": phone_raw} if phone != customer.phone or phone_raw else {}


async def _write_changes(db: AsyncSession, customer: Customer, changes: dict[str, Any]) -> None:
    set_columns(customer, changes)
    with db.no_autoflush:
        # Existing data may contain a phone twice, which is no reason to refuse another change.
        await refuse_duplicates(db, customer, names=changes.keys())
    try:
        await db.flush()
    except IntegrityError as error:
        raise Refused(
            "An account with this email already exists.",
            code=Code.EMAIL_TAKEN,
            fields={"email": "belongs to another account"},
            duplicate_field="email",
            hint="Use another email.",
        ) from error


def _wrong_password() -> InvalidInput:
    return InvalidInput(
        "The current password is wrong.",
        code=Code.WRONG_PASSWORD,
        fields={"current_password": "is not your current password"},
    )
