"""Signs customers in and out. Neither answer nor work reveals whether an account exists, is closed or locked."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.attempts import NOBODY, give_back_attempt, reserve_attempt
from domain.access.passwords import hash_password, needs_rehash, verify_password
from domain.access.sessions import end_session, end_sessions_of, open_session
from domain.customers.accounts import Profile, describe_account, find_account, is_verified, lock_account
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotSignedIn
from domain.kernel.inputs import Filled200, Input, PasswordIn
from models import Customer, SessionKind
from models.session import current_database


class SignIn(Input):
    """Username (or email) and password."""

    username: Filled200
    password: PasswordIn


class SignOut(Input):
    """Whether to sign out all browsers of the account."""

    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class SignInContext:
    """Where somebody signs in from; demo customers can sign in only from the server's machine.

    `session_token` is the session id in the browser's cookie, if it has one.
    """

    address: str
    user_agent: str
    is_local: bool
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A signed-in customer, and the session's token for the cookie."""

    user: Profile
    session_token: str


async def sign_in(db: AsyncSession, data: SignIn, context: SignInContext) -> SignedIn:
    """Sign a customer in.

    Raises NotSignedIn for wrong credentials, and NotAllowed with `email_verification_required` (or
    `phone_verification_required`) while the account is not verified. Ten wrong attempts lock it for a quarter of an
    hour. Locks the account.
    """
    async with current_database().reading() as connection:
        row = await find_account(connection, data.username)
    may_try = await reserve_attempt(Customer, row.id if row is not None else NOBODY)
    tries_hash = row.password_hash if row is not None and row.is_active and may_try else None
    if not await verify_password(tries_hash, data.password) or row is None:
        raise _wrong()
    if row.is_demo and not context.is_local:
        await give_back_attempt(Customer, row.id)
        raise NotAllowed("Demo users can sign in only from this machine.", code=Code.DEMO_USER_IS_LOCAL)
    if not is_verified(row):
        await give_back_attempt(Customer, row.id)
        raise _unproven(by_email=row.email is not None)
    better_hash = await hash_password(data.password) if needs_rehash(row.password_hash) else None
    customer = await lock_account(db, row.id)
    if not customer.is_active or customer.password_hash != row.password_hash or customer.email != row.email:
        raise _wrong()
    if better_hash is not None:
        customer.password_hash = better_hash
    return await enter(db, customer, context)


async def enter(db: AsyncSession, customer: Customer, context: SignInContext) -> SignedIn:
    """Open a session for a locked account whose owner is authenticated."""
    customer.failed_sign_ins, customer.locked_until = 0, None
    token = await open_session(
        db,
        SessionKind.CUSTOMER,
        customer.id,
        address=context.address,
        user_agent=context.user_agent,
        replaced=context.session_token,
    )
    return SignedIn(describe_account(customer), token)


async def sign_out(db: AsyncSession, data: SignOut, *, by: Actor) -> None:
    """End the current session, or all sessions of the account; does nothing without a sign-in."""
    if not by.is_customer or by.id is None:
        return
    if data.everywhere:
        await end_sessions_of(db, SessionKind.CUSTOMER, by.id)
    elif by.session_id is not None:
        await end_session(db, by.session_id)


def _wrong() -> NotSignedIn:
    return NotSignedIn(
        "The username or the password is wrong. After ten wrong attempts an account is locked for 15 minutes.",
        code=Code.INVALID_CREDENTIALS,
    )


def _unproven(*, by_email: bool) -> NotAllowed:
    if by_email:
        return NotAllowed(
            "Confirm your email first, with the link in our email.",
            code=Code.EMAIL_VERIFICATION_REQUIRED,
            email_verification_required=True,
        )
    return NotAllowed(
        "Confirm your phone first, with the code that we texted you.",
        code=Code.PHONE_VERIFICATION_REQUIRED,
        email_verification_required=False,
        phone_verification_required=True,
    )
