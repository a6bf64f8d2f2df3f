"""The second factor of staff: six digits that an authenticator app shows for thirty seconds (TOTP, RFC 6238).

The secret is stored encrypted, and a code works only once: codes of the same or an earlier step are then refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pyotp
from pydantic import AfterValidator, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.access.attempts import reserve_own_attempt
from domain.access.crypto import decrypt, encrypt, newest_prefix
from domain.access.passwords import verify_password
from domain.access.sessions import end_sessions_of
from domain.access.tokens import is_same_secret
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import Input, PasswordIn
from domain.staff.notices import send_notice
from domain.staff.users import get_staff
from models import AuditAction, SessionKind, Staff

STEP_SECONDS = 30
# Phone clocks may be slightly wrong: the previous and the next step are accepted too.
STEPS_OFF = (-1, 0, 1)


def _join_digits(code: str) -> str:
    return "".join(code.split())


CodeIn = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_join_digits)]


class ConfirmSecondFactor(Input):
    """The first code of a new authenticator."""

    code: CodeIn


class RemoveSecondFactor(Input):
    """The password, which is required to remove the second factor."""

    password: PasswordIn


@dataclass(frozen=True, slots=True)
class SecondFactorSetup:
    """The data for an authenticator app: the URL in the QR code, and the secret for typing."""

    address: str
    secret: str

    @property
    def secret_in_fours(self) -> str:
        """The secret in groups of four, for reading and typing."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))


async def start_second_factor(db: AsyncSession, *, data_keys: Sequence[str], by: Actor) -> None:
    """Create a new secret for the actor's account; it takes effect only once a code confirms it.

    Raises Refused if there is already a confirmed one.
    """
    staff = await lock_staff(db, _own_id(by))
    if staff.totp_confirmed_at is not None:
        raise Refused("Your second factor is already on. Remove it first.", code=Code.SECOND_FACTOR_ON)
    staff.totp_secret = encrypt(pyotp.random_base32(), data_keys, _context(staff))
    await db.flush()


async def get_second_factor_setup(
    db: AsyncSession, *, data_keys: Sequence[str], company_name: str, by: Actor
) -> SecondFactorSetup:
    """Return what to show for the actor's unconfirmed secret. Raises NotFound without one."""
    staff = await get_staff(db, _own_id(by))
    if staff.totp_secret is None or staff.totp_confirmed_at is not None:
        raise NotFound("No second factor is being set up.")
    secret = decrypt(staff.totp_secret, data_keys, _context(staff))
    address = pyotp.TOTP(secret).provisioning_uri(name=staff.username, issuer_name=company_name)
    return SecondFactorSetup(address, secret)


async def confirm_second_factor(
    db: AsyncSession, data: ConfirmSecondFactor, *, data_keys: Sequence[str], by: Actor
) -> None:
    """Turn on the actor's second factor with its first code; ends the sessions that began without it.

    Raises NotFound if none is being set up, InvalidInput for a wrong code, and TooMany after ten of them.
    """
    await reserve_own_attempt(Staff, _own_id(by))
    staff = await lock_staff(db, _own_id(by))
    if staff.totp_secret is None or staff.totp_confirmed_at is not None:
        raise NotFound("No second factor is being set up.")
    if not use_code(staff, data.code, data_keys=data_keys):
        raise InvalidInput(
            "That code is not correct. Wait for the next one and try again.",
            code=Code.WRONG_CODE,
            fields={"code": "is not the code that the app shows now"},
        )
    staff.totp_confirmed_at = now()
    staff.failed_sign_ins, staff.locked_until = 0, None
    await _note_change(
        db, staff, AuditAction.STAFF_SECOND_FACTOR_ON, "The second factor of your account was turned on.", by
    )
    await end_sessions_of(db, SessionKind.STAFF, _own_id(by), except_session_id=by.session_id)


async def remove_own_second_factor(db: AsyncSession, data: RemoveSecondFactor, *, by: Actor) -> None:
    """Turn off the actor's second factor. Raises InvalidInput for a wrong password."""
    await reserve_own_attempt(Staff, _own_id(by))
    kept_hash = (await get_staff(db, _own_id(by))).password_hash
    if not await verify_password(kept_hash, data.password):
        raise InvalidInput(
            "The password is wrong.", code=Code.WRONG_PASSWORD, fields={"password": "is not your password"}
        )
    staff = await lock_staff(db, _own_id(by))
    staff.failed_sign_ins, staff.locked_until = 0, None
    await _remove(db, staff, by)


async def remove_second_factor_of(db: AsyncSession, staff_id: int, *, by: Actor) -> Staff:
    """Turn off a colleague's second factor, for example after a lost phone; ends their sessions. Raises NotFound."""
    staff = await lock_staff(db, staff_id)
    await _remove(db, staff, by)
    if by.id != staff_id:
        await end_sessions_of(db, SessionKind.STAFF, staff_id)
    return staff


async def _remove(db: AsyncSession, staff: Staff, by: Actor) -> None:
    if staff.totp_confirmed_at is None:
        raise Refused("There is no second factor to remove.", code=Code.SECOND_FACTOR_OFF)
    staff.totp_secret = staff.totp_confirmed_at = staff.totp_last_step = None
    await _note_change(
        db, staff, AuditAction.STAFF_SECOND_FACTOR_OFF, "The second factor of your account was turned off.", by
    )


async def _note_change(db: AsyncSession, staff: Staff, action: AuditAction, sentence: str, by: Actor) -> None:
    staff.version += 1
    staff.updated_at = now()
    await db.flush()
    await record_audit(db, action=action, record_kind="staff", record_id=staff.id, record_name=staff.username, by=by)
    await send_notice(db, staff.email, sentence)


async def rotate_second_factors(db: AsyncSession, data_keys: Sequence[str]) -> int:
    """Encrypt again all secrets that use an older data key. Returns how many. Locks their rows."""
    is_old = ~col(Staff.totp_secret).startswith(newest_prefix(data_keys))
    old = (await db.scalars(select(Staff).where(is_old).order_by(Staff.id).with_for_update())).all()
    for staff in old:
        secret = decrypt(staff.totp_secret or "", data_keys, _context(staff))
        staff.totp_secret = encrypt(secret, data_keys, _context(staff))
    await db.flush()
    return len(old)


async def lock_staff(db: AsyncSession, staff_id: int) -> Staff:
    """Return the current row, locked until the transaction ends. Raises NotFound."""
    staff = await db.get(Staff, staff_id, with_for_update=True, populate_existing=True)
    if staff is None:
        raise NotFound("There is no such staff user.")
    return staff


def use_code(staff: Staff, code: str, *, data_keys: Sequence[str]) -> bool:
    """Return True for a code that is valid and unused, and record its step. The caller must hold the row's lock."""
    step = find_step(
        decrypt(staff.totp_secret or "", data_keys, _context(staff)), _join_digits(code), staff.totp_last_step
    )
    if step is None:
        return False
    staff.totp_last_step = step
    return True


def find_step(secret: str, code: str, last_step: int | None) -> int | None:
    """Return the time step of a code if it is close to now and later than the last one used; otherwise None."""
    present = int(now().timestamp()) // STEP_SECONDS
    for step in (present + off for off in STEPS_OFF):
        is_right = is_same_secret(pyotp.TOTP(secret).at(step * STEP_SECONDS), code)
        if is_right and (last_step is None or step > last_step):
            return step
    return None


def _context(staff: Staff) -> str:
    return f"staff_totp:{staff.id}"


def _own_id(by: Actor) -> int:
    if not by.is_staff or by.id is None:
        raise NotFound("Only staff have a profile here.")
    return by.id
