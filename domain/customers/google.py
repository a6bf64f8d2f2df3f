"""Sign-in with Google: a new customer gets an account; an existing one is linked, but only by a verified email.

Google is called before the request's transaction begins. State, nonce and PKCE verifier, which tie the return to its
start, are in a signed cookie, so that nobody can be signed in through another person's link.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.signing import TimedSerializer
from domain.access.tokens import is_same_secret
from domain.customers.accounts import as_owner, lock_account
from domain.customers.linking import link_orders
from domain.customers.messages import send_security_notice
from domain.customers.sign_in import SignedIn, SignInContext, enter
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, NotConfigured, NotSignedIn, OutsideServiceFailed, Refused
from domain.kernel.inputs import EmailIn, Input, Text2000
from integrations.errors import ServiceFailed, ServiceRefused
from integrations.google_client import GoogleApp, GoogleIdentity, build_sign_in_url, fetch_identity
from models import AuditAction, Customer

WAY_SECONDS = 600


class GoogleReturn(Input):
    """The parameters with which Google sends the browser back."""

    code: Text2000 | None = None
    state: Text2000 | None = None
    error: Text2000 | None = None


class _GoogleEmail(Input):
    """The email in Google's answer, read like any other email."""

    email: EmailIn


@dataclass(frozen=True, slots=True)
class WayOut:
    """Where the browser goes, and the signed cookie that it must bring back within ten minutes."""

    url: str
    cookie: str


async def start_google_sign_in(app: GoogleApp, *, secret_key: str) -> WayOut:
    """Start a sign-in with Google. Raises NotConfigured naming the setting, OutsideServiceFailed if Google fails."""
    _check_configured(app)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    try:
        url = await build_sign_in_url(app, state=state, nonce=nonce, challenge=challenge)
    except ServiceFailed as error:
        raise _google_failed() from error
    return WayOut(url, str(_serializer(secret_key).dumps([state, nonce, verifier])))


async def finish_google_sign_in(
    db: AsyncSession, data: GoogleReturn, *, cookie: str, app: GoogleApp, secret_key: str, context: SignInContext
) -> SignedIn:
    """Sign in the customer whom Google names; a new customer gets an account.

    Raises NotSignedIn if the return does not belong to a sign-in started by this browser, or if Google refuses;
    NotAllowed for an email that Google or our account has not verified; and Refused if the account is linked to another
    Google user.
    """
    _check_configured(app)
    nonce, verifier = _check_way_back(data, cookie, secret_key)
    try:
        identity = await fetch_identity(app, code=data.code or "", verifier=verifier, nonce=nonce)
    except ServiceRefused as error:
        raise _start_again() from error
    except ServiceFailed as error:
        raise _google_failed() from error
    customer = await _find_or_open_account(db, identity)
    if not customer.is_active:
        raise NotAllowed("This account is closed. Contact us if you think this is wrong.", code=Code.ACCOUNT_CLOSED)
    if customer.is_demo and not context.is_local:
        raise NotAllowed("Demo users can sign in only from this machine.", code=Code.DEMO_USER_IS_LOCAL)
    return await enter(db, customer, context)


async def _find_or_open_account(db: AsyncSession, identity: GoogleIdentity) -> Customer:
    """Return the locked account of a Google user: the linked one, else the one with the email, else a new one."""
    linked_id = await db.scalar(select(Customer.id).where(Customer.google_subject == identity.subject))
    if linked_id is not None:
        return await lock_account(db, linked_id)
    if not identity.is_email_verified:
        raise NotAllowed(
            "Google has not verified your email. Verify it there, or sign in with a password.",
            code=Code.GOOGLE_EMAIL_NOT_VERIFIED,
        )
    email = _read_email(identity.email)
    for _ in range(2):
        customer_id = await db.scalar(select(Customer.id).where(func.lower(Customer.email) == email))
        if customer_id is not None:
            return await _link_account(db, await lock_account(db, customer_id), identity)
        if (opened := await _open_account(db, email, identity)) is not None:
            return opened
    raise Refused("An account with this username already exists.", code=Code.USERNAME_TAKEN, duplicate_field="username")


async def _link_account(db: AsyncSession, customer: Customer, identity: GoogleIdentity) -> Customer:
    """Link a Google user to a locked account whose email is verified, or that has never been signed in to."""
    if customer.google_subject == identity.subject:
        return customer
    if customer.google_subject is not None:
        raise Refused("This account belongs to another Google user.", code=Code.OTHER_GOOGLE_USER)
    if customer.email_verified_at is None and customer.password_hash is not None:
        # The person who set the password never verified the email, and would otherwise share the account.
        raise NotAllowed(
            "Confirm your email first with the link in our email, or set a new password.",
            code=Code.EMAIL_VERIFICATION_REQUIRED,
            email_verification_required=True,
        )
    customer.google_subject = identity.subject
    customer.email_verified_at = customer.email_verified_at or now()
    customer.updated_at = now()
    customer.version += 1
    await _note(db, customer, AuditAction.CUSTOMER_GOOGLE_LINKED)
    await link_orders(db, customer)
    await send_security_notice(db, customer, "You can now sign in to your account with Google.")
    return customer


async def _open_account(db: AsyncSession, email: str, identity: GoogleIdentity) -> Customer | None:
    """Return a new account without a password; None if the name was taken in the meantime."""
    customer = Customer(
        username=email,
        email=email,
        email_verified_at=now(),
        google_subject=identity.subject,
        first_name=identity.first_name,
        last_name=identity.last_name,
    )
    try:
        async with db.begin_nested():
            db.add(customer)
            await db.flush()
    except IntegrityError:
        return None
    await _note(db, customer, AuditAction.CUSTOMER_REGISTERED)
    await link_orders(db, customer)
    return customer


async def _note(db: AsyncSession, customer: Customer, action: AuditAction) -> None:
    await record_audit(
        db,
        action=action,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        after={"email": customer.email},
        note="By Google sign-in",
        by=as_owner(customer),
    )


def _check_way_back(data: GoogleReturn, cookie: str, secret_key: str) -> tuple[str, str]:
    """Return the nonce and the PKCE verifier of the sign-in to which this return belongs."""
    try:
        state, nonce, verifier = _serializer(secret_key).loads(cookie, max_age=WAY_SECONDS)
    except (BadSignature, ValueError, TypeError) as error:
        raise _start_again() from error
    if not is_same_secret(data.state or "", str(state)):
        raise _start_again()
    if data.error or not data.code:
        raise NotSignedIn("Google did not sign you in. Try again, or use your password.", code=Code.GOOGLE_REFUSED)
    return str(nonce), str(verifier)


def _check_configured(app: GoogleApp) -> None:
    missing = [
        name
        for name, value in (
            ("GOOGLE_CLIENT_ID", app.client_id),
            ("GOOGLE_CLIENT_SECRET", app.client_secret),
            ("GOOGLE_ISSUER", app.issuer),
        )
        if not value
    ]
    if missing:
        raise NotConfigured(f"Google sign-in is not set up: {missing[0]} is missing.")


def _read_email(email: str) -> str:
    try:
        return _GoogleEmail(email=email).email
    except ValueError as error:
        raise InvalidInput("Google returned no usable email for you.", code=Code.GOOGLE_EMAIL_MISSING) from error


def _serializer(secret_key: str) -> TimedSerializer:
    return TimedSerializer(secret_key.split(",", maxsplit=1)[0], salt="google sign-in")


def _start_again() -> NotSignedIn:
    return NotSignedIn(
        "That did not work, or it took too long. Start the Google sign-in again.", code=Code.GOOGLE_REFUSED
    )


def _google_failed() -> OutsideServiceFailed:
    return OutsideServiceFailed("Google's answer was not valid. Try again, or use your password.")
