"""Signs staff in: password, then the second factor if set up, then a session and a JWT that ends with it.

Neither the answer nor the work done reveals whether an account exists, is archived or locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from itsdangerous import BadSignature
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.attempts import NOBODY, give_back_attempt, reserve_attempt, reserve_browser_attempt
from domain.access.passwords import hash_password, needs_rehash, verify_password
from domain.access.sessions import end_session, open_session
from domain.access.signing import TimedSerializer
from domain.access.tokens import hash_token, is_same_secret
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotSignedIn
from domain.kernel.inputs import Filled200, Filled2000, Input, PasswordIn, Text20
from domain.staff.second_factor import CodeIn, lock_staff, use_code
from domain.staff.tokens import issue_staff_token, revoke_token
from domain.staff.users import find_by_name
from models import LoginSession, SessionKind, Staff
from models.session import current_database

SECOND_STEP_SECONDS = 300


class SignIn(Input):
    """Username (or email) and password, and the app's six digits if a second factor is set up."""

    username: Filled200
    password: PasswordIn
    totp: Text20 | None = None


class FinishSignIn(Input):
    """The second step on the page: the proof that the password was right, and the app's six digits."""

    proof: Filled2000
    totp: CodeIn


@dataclass(frozen=True, slots=True)
class SignInContext:
    """Where somebody signs in from, and the keys needed for it."""

    secret_key: str
    data_keys: Sequence[str]
    address: str
    user_agent: str
    is_local: bool
    # The names of this browser for the colleagues who signed in with it before, by colleague id.
    known_as: Mapping[int, str] = field(default_factory=dict)
    # The session id in this browser's cookie, if it has one.
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A signed-in colleague: the session's token for the cookie, and a JWT for other domains."""

    staff: Staff
    session_token: str
    jwt: str


@dataclass(frozen=True, slots=True)
class SecondStep:
    """The password was right and the second factor is missing. The proof is valid for five minutes."""

    proof: str


@dataclass(frozen=True, slots=True)
class _Checked:
    """An account whose password was right when `password_hash` was read."""

    staff_id: int
    password_hash: str
    better_hash: str | None
    needs_code: bool
    was_locked: bool = False
    password: str = field(default="", repr=False)


async def sign_in(db: AsyncSession, data: SignIn, context: SignInContext) -> SignedIn:
    """Sign a colleague in at once. Raises NotSignedIn, with `second_factor_required` if the digits are missing.

    Ten wrong attempts lock the account for a quarter of an hour.
    """
    done = await start_sign_in(db, data, context)
    if isinstance(done, SecondStep):
        raise NotSignedIn(
            "Send the six-digit code of your authenticator app as totp.", code=Code.SECOND_FACTOR_REQUIRED
        )
    return done


async def start_sign_in(db: AsyncSession, data: SignIn, context: SignInContext) -> SignedIn | SecondStep:
    """Like `sign_in`, but if the digits are missing, return a proof for `finish_sign_in`."""
    checked = await _check_password(data, context)
    if checked.needs_code and not data.totp:
        if not checked.was_locked:
            await give_back_attempt(Staff, checked.staff_id)
        return SecondStep(_seal(context.secret_key, checked))
    return await _enter(db, checked, data.totp, context)


async def finish_sign_in(db: AsyncSession, data: FinishSignIn, context: SignInContext) -> SignedIn:
    """Do the second step. Raises NotSignedIn for wrong digits, and with `proof_expired` to start again."""
    staff_id, fingerprint = _unseal(context.secret_key, data.proof)
    async with current_database().reading() as connection:
        kept_hash = await connection.scalar(select(Staff.password_hash).where(Staff.id == staff_id))
    if kept_hash is None or not is_same_secret(hash_token(kept_hash), fingerprint):
        raise _start_again()
    is_open, browser = await reserve_attempt(Staff, staff_id), context.known_as.get(staff_id)
    if not is_open and not (browser is not None and await reserve_browser_attempt(browser)):
        raise _wrong()
    checked = _Checked(staff_id, kept_hash, None, needs_code=True, was_locked=not is_open)
    return await _enter(db, checked, data.totp, context)


async def sign_out(db: AsyncSession, *, by: Actor, claims: dict[str, object] | None) -> None:
    """End the current session and revoke the JWT sent with the request."""
    if by.session_id is not None:
        await end_session(db, by.session_id)
    if claims is not None:
        await revoke_token(db, claims)


async def _check_password(data: SignIn, context: SignInContext) -> _Checked:
    """Return the account with this password. The steps are the same in all cases; only the result differs."""
    async with current_database().reading() as connection:
        row = await find_by_name(connection, data.username)
    is_open = await reserve_attempt(Staff, row.id if row is not None else NOBODY)
    # Locking an account with wrong passwords does not lock out the browsers that the colleague already uses.
    browser = context.known_as.get(row.id) if row is not None else None
    may_try = is_open or (browser is not None and await reserve_browser_attempt(browser))
    tries_hash = row.password_hash if row is not None and row.is_active and may_try else None
    if not await verify_password(tries_hash, data.password) or row is None:
        raise _wrong()
    if row.is_demo and not context.is_local:
        if is_open:
            await give_back_attempt(Staff, row.id)
        raise NotAllowed("Demo users can sign in only from this machine.", code=Code.DEMO_USER_IS_LOCAL)
    better_hash = await hash_password(data.password) if needs_rehash(row.password_hash) else None
    needs_code = row.totp_confirmed_at is not None
    return _Checked(row.id, row.password_hash, better_hash, needs_code, not is_open, data.password)


async def _enter(db: AsyncSession, checked: _Checked, totp: str | None, context: SignInContext) -> SignedIn:
    """Open the session under the row's lock, which uses up the code and checks that nothing changed since the check."""
    staff = await lock_staff(db, checked.staff_id)
    if not staff.is_active or not await _is_still_right(staff, checked):
        raise _wrong()
    if staff.totp_confirmed_at is not None and not use_code(staff, totp or "", data_keys=context.data_keys):
        raise NotSignedIn(
            "That code is not correct. Wait for the next one and try again.", code=Code.SECOND_FACTOR_WRONG
        )
    if not checked.was_locked:
        staff.failed_sign_ins, staff.locked_until = 0, None
    if checked.better_hash is not None and staff.password_hash == checked.password_hash:
        staff.password_hash = checked.better_hash
    token = await open_session(
        db,
        SessionKind.STAFF,
        checked.staff_id,
        address=context.address,
        user_agent=context.user_agent,
        replaced=context.session_token,
    )
    session_id = await db.scalar(select(LoginSession.id).where(LoginSession.token_hash == hash_token(token)))
    return SignedIn(staff, token, issue_staff_token(context.secret_key, checked.staff_id, session_id or 0))


async def _is_still_right(staff: Staff, checked: _Checked) -> bool:
    """The hash may have changed since the check: by a new password, or only by a sign-in that made it stronger."""
    if staff.password_hash == checked.password_hash:
        return True
    return bool(checked.password) and await verify_password(staff.password_hash, checked.password)


def _wrong() -> NotSignedIn:
    return NotSignedIn(
        "The username or the password is wrong. After ten wrong attempts an account is locked for 15 minutes.",
        code=Code.INVALID_CREDENTIALS,
    )


def _start_again() -> NotSignedIn:
    return NotSignedIn("That took too long. Sign in again.", code=Code.PROOF_EXPIRED)


def _serializer(secret_key: str) -> TimedSerializer:
    return TimedSerializer(secret_key.split(",", maxsplit=1)[0], salt="staff second step")


def _seal(secret_key: str, checked: _Checked) -> str:
    """The proof is bound to the password's hash, so that changing the password invalidates it."""
    return str(_serializer(secret_key).dumps([checked.staff_id, hash_token(checked.password_hash)]))


def _unseal(secret_key: str, proof: str) -> tuple[int, str]:
    try:
        staff_id, fingerprint = _serializer(secret_key).loads(proof, max_age=SECOND_STEP_SECONDS)
    except BadSignature as error:
        raise _start_again() from error
    return int(staff_id), str(fingerprint)
