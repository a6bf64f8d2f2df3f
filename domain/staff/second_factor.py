"""The second factor of staff: six digits that an authenticator app shows for thirty seconds (TOTP).

The secret is kept encrypted, and a code is good once: one of the same or an earlier step is refused afterwards.
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
# Clocks of phones go wrong by a little: the step before and the one after count too.
STEPS_OFF = (-1, 0, 1)


def _join_digits(code: str) -> str:
    return "".join(code.split())


CodeIn = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_join_digits)]


class ConfirmSecondFactor(Input):
    """The first code of a new authenticator."""

    code: CodeIn


class RemoveSecondFactor(Input):
    """Taking the second factor away asks for the password again."""

    password: PasswordIn


@dataclass(frozen=True, slots=True)
class SecondFactorSetup:
    """What an authenticator app needs: the address in the QR code, and the secret to type by hand."""

    address: str
    secret: str

    @property
    def secret_in_fours(self) -> str:
        """The secret in groups that can be read and typed."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))


async def start_second_factor(db: AsyncSession, *, data_keys: Sequence[str], by: Actor) -> None:
    """Make a new secret for one's own account; it counts only once a code confirms it.

    Raises Refused while a confirmed one is there.
    """
    staff = await lock_staff(db, _own_id(by))
    if staff.totp_confirmed_at is not None:
        raise Refused("Your second factor is on already. Take it away first.", code=Code.SECOND_FACTOR_ON)
    staff.totp_secret = encrypt(pyotp.random_base32(), data_keys, _context(staff))
    await db.flush()


async def get_second_factor_setup(
    db: AsyncSession, *, data_keys: Sequence[str], company_name: str, by: Actor
) -> SecondFactorSetup:
    """What to show for one's own secret that is not confirmed yet; raises NotFound without one."""
    staff = await get_staff(db, _own_id(by))
    if staff.totp_secret is None or staff.totp_confirmed_at is not None:
        raise NotFound("No second factor is being set up.")
    secret = decrypt(staff.totp_secret, data_keys, _context(staff))
    address = pyotp.TOTP(secret).provisioning_uri(name=staff.username, issuer_name=company_name)
    return SecondFactorSetup(address, secret)


async def confirm_second_factor(
    db: AsyncSession, data: ConfirmSecondFactor, *, data_keys: Sequence[str], by: Actor
) -> None:
    """Turn one's own second factor on with its first code; ends the sessions that began without it.

    Raises InvalidInput for a wrong code, TooMany after ten of them.
    """
    await reserve_own_attempt(Staff, _own_id(by))
    staff = await lock_staff(db, _own_id(by))
    if staff.totp_secret is None or staff.totp_confirmed_at is not None:
        raise NotFound("No second factor is being set up.")
    if not use_code(staff, data.code, data_keys=data_keys):
        raise InvalidInput(
            "That code is not right. Wait for the next one and try again.",
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
    """Turn one's own second factor off; raises InvalidInput for a wrong password."""
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
    """Turn a colleague's second factor off, say for a lost phone; ends their sessions. Raises NotFound."""
    staff = await lock_staff(db, staff_id)
    await _remove(db, staff, by)
    if by.id != staff_id:
        await end_sessions_of(db, SessionKind.STAFF, staff_id)
    return staff


async def _remove(db: AsyncSession, staff: Staff, by: Actor) -> None:
    if staff.totp_confirmed_at is None:
        raise Refused("There is no second factor to take away.", code=Code.SECOND_FACTOR_OFF)
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
    """Encrypt again every secret that an older data key closed; returns how many. Locks their rows."""
    is_old = ~col(Staff.totp_secret).startswith(newest_prefix(data_keys))
    old = (await db.scalars(select(Staff).where(is_old).order_by(Staff.id).with_for_update())).all()
    for staff in old:
        secret = decrypt(staff.totp_secret or "", data_keys, _context(staff))
        staff.totp_secret = encrypt(secret, data_keys, _context(staff))
    await db.flush()
    return len(old)


async def lock_staff(db: AsyncSession, staff_id: int) -> Staff:
    """The row as it is now, locked until the transaction ends; raises NotFound."""
    staff = await db.get(Staff, staff_id, with_for_update=True, populate_existing=True)
    if staff is None:
        raise NotFound("There is no such staff user.")
    return staff


def use_code(staff: Staff, code: str, *, data_keys: Sequence[str]) -> bool:
    """True for a code that is right now and was not used yet; notes its step. The caller holds the row's lock."""
    step = find_step(
        decrypt(staff.totp_secret or "", data_keys, _context(staff)), _join_digits(code), staff.totp_last_step
    )
    if step is None:
        return False
    staff.totp_last_step = step
    return True


def find_step(secret: str, code: str, last_step: int | None) -> int | None:
    """The time step whose code this is, if it is about now and later than the last one used."""
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
