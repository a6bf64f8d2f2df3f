"""Changing a customer's email: it takes effect through an emailed link, and the old address can undo it for 7 days."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.email_change import (
    EmailCode,
    EmailLink,
    Owner,
    bad_email_link,
    find_email_code,
    issue_email_code,
    use_email_code,
    void_later_email_codes,
)
from domain.access.sessions import end_sessions_of
from domain.customers.accounts import Profile, as_owner, describe_account, lock_account
from domain.customers.letters import write_email_undo, write_new_email
from domain.customers.linking import link_orders
from domain.customers.links import void_tokens
from domain.customers.register import refuse_duplicates
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.messages.outbox import Secret, queue_mail
from models import AuditAction, CodePurpose, Customer, SessionKind

_LINKS = (CodePurpose.EMAIL_VERIFICATION, CodePurpose.PASSWORD_RESET, CodePurpose.PHONE_SESSION)


async def ask_for_new_email(db: AsyncSession, customer: Customer, email: str, *, shop_url: str, by: Actor) -> None:
    """Email a link to the new address of a locked account, and a link that undoes the change to the old one.

    Raises Refused for an address that another account has. Nothing changes until the link is opened.
    """
    with db.no_autoflush:
        before, customer.email = customer.email, email
        try:
            await refuse_duplicates(db, customer, names=("email",))
        finally:
            customer.email = before
    token, ends_at = await issue_email_code(db, CodePurpose.EMAIL_CHANGE, Owner(customer_id=customer.id), email)
    await queue_mail(
        db,
        write_new_email(f"{shop_url}/verify-email?token={token}"),
        to=email,
        customer_id=customer.id,
        secret=Secret(token, ends_at),
    )
    await _offer_undo(
        db,
        customer,
        f"The email of your account will change to {email} once the link sent there is opened.",
        shop_url=shop_url,
    )
    await _audit(db, customer, AuditAction.CUSTOMER_EMAIL_CHANGE_ASKED, after=email, before=customer.email, by=by)


async def confirm_new_email(db: AsyncSession, code: EmailCode, *, shop_url: str) -> Profile:
    """Make the address of an emailed link the account's email. The old address is notified and can undo it.

    Raises InvalidInput for a link that no longer works, and Refused if another account has the address by now.
    """
    customer = await lock_account(db, code.owner.customer_id or 0)
    await use_email_code(db, code)
    if not customer.is_active:
        raise bad_email_link()
    old = customer.email
    await _offer_undo(db, customer, f"The email of your account is now {code.target}.", shop_url=shop_url)
    await _set_email(db, customer, code.target)
    await _audit(db, customer, AuditAction.CUSTOMER_EMAIL_CHANGED, after=code.target, before=old, by=as_owner(customer))
    await link_orders(db, customer)
    return describe_account(customer)


async def undo_email_change(db: AsyncSession, data: EmailLink) -> Profile:
    """Restore the email to which the link was sent. Ends all sessions, and links of later changes.

    Raises InvalidInput for a link that no longer works, and Refused if another account has the address by now.
    """
    code = await find_email_code(db, CodePurpose.EMAIL_CHANGE_UNDO, data.token)
    if code is None or code.owner.customer_id is None:
        raise bad_email_link()
    customer = await lock_account(db, code.owner.customer_id)
    await use_email_code(db, code)
    await void_later_email_codes(db, code)
    old = customer.email
    await _set_email(db, customer, code.target)
    await end_sessions_of(db, SessionKind.CUSTOMER, customer.id)
    await _audit(
        db, customer, AuditAction.CUSTOMER_EMAIL_CHANGE_UNDONE, after=code.target, before=old, by=as_owner(customer)
    )
    return describe_account(customer)


async def _set_email(db: AsyncSession, customer: Customer, email: str) -> None:
    """Set a verified address, also as username if that was the email; links to other addresses are invalidated."""
    if customer.email is not None and customer.username.lower() == customer.email.lower():
        customer.username = email
    customer.email = email
    customer.email_verified_at = now()
    customer.updated_at = now()
    customer.version += 1
    with db.no_autoflush:
        await refuse_duplicates(db, customer, names=("username", "email"))
    try:
        await db.flush()
    except IntegrityError as error:
        raise Refused(
            "An account with this email already exists.",
            code=Code.EMAIL_TAKEN,
            fields={"email": "belongs to another account"},
            duplicate_field="email",
        ) from error
    await void_tokens(db, customer.id, _LINKS)


async def _offer_undo(db: AsyncSession, customer: Customer, sentence: str, *, shop_url: str) -> None:
    """Notify the current address, with a link that keeps it or restores it."""
    if customer.email is None:
        return
    owner = Owner(customer_id=customer.id)
    token, ends_at = await issue_email_code(db, CodePurpose.EMAIL_CHANGE_UNDO, owner, customer.email)
    await queue_mail(
        db,
        write_email_undo(sentence, customer.email, f"{shop_url}/undo-email?token={token}"),
        to=customer.email,
        customer_id=customer.id,
        secret=Secret(token, ends_at),
    )


async def _audit(
    db: AsyncSession, customer: Customer, action: AuditAction, *, before: str | None, after: str, by: Actor
) -> None:
    await record_audit(
        db,
        action=action,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        before={"email": before},
        after={"email": after},
        by=by,
    )
