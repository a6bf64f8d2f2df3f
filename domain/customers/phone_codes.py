"""Six-digit codes by text message, and the phone session that a correct one opens.

Answer and work are the same whether or not the phone is known. Five attempts invalidate a code, also if made at once:
each is counted under the row's lock before the code is compared, in its own transaction.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import hash_code, is_same_secret, new_code
from domain.customers.accounts import as_owner, find_account_by_phone, lock_account
from domain.customers.linking import link_orders
from domain.customers.links import LIFETIMES, commit_without_waiting, count_recent, issue_token
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled20, Input, PhoneIn
from domain.kernel.phone import parse_phone
from domain.messages.outbox import Secret, queue_text
from models import AuditAction, CodePurpose, Customer, OneTimeCode, Order
from models.session import separate_transaction

CODE_LIFETIME = timedelta(minutes=10)
MOST_ATTEMPTS = 5
MOST_CODES = 3
GUEST_DAYS = timedelta(days=90)


class SendPhoneCode(Input):
    """The phone to which a code is sent."""

    phone: Annotated[PhoneIn, Field(json_schema_extra={"minLength": 1})]


class VerifyPhoneCode(Input):
    """The phone and the code that was texted to it."""

    phone: Annotated[PhoneIn, Field(json_schema_extra={"minLength": 1})]
    code: Filled20


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """The answer in all cases. `debug_code` is None unless DEBUG_TOKENS is on."""

    message: str
    expires_in: int
    debug_code: str | None = None


@dataclass(frozen=True, slots=True)
class PhoneSession:
    """A short-lived, single-use proof that the caller reads this phone's messages; `expires_in` is in seconds."""

    phone_session_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class _Tried:
    """A code whose digits were correct when compared."""

    code_id: int
    customer_id: int | None


async def send_phone_code(db: AsyncSession, data: SendPhoneCode, *, secret_key: str, shows_code: bool) -> CodeAnswer:
    """Text a code to a customer's phone, or to that of a guest who ordered within 90 days.

    A phone that several accounts share gets no code, and no phone gets more than three per hour; the answer is the
    same.
    """
    phone = read_phone(data.phone)
    await commit_without_waiting(db)
    customer_id = await find_account_by_phone(db, phone)
    shared_by = await db.scalar(select(func.count()).where(Customer.phone == phone, Customer.is_active))
    is_guests = await db.scalar(
        select(Order.id)
        .where(Order.delivery_phone == phone, Order.customer_id.is_(None), Order.created_at > now() - GUEST_DAYS)
        .limit(1)
    )
    sent = await count_recent(db, CodePurpose.PHONE_CODE, phone)
    goes_out = (customer_id is not None or (not shared_by and is_guests is not None)) and sent < MOST_CODES
    async with db.begin_nested() as writing:
        code = await text_code(db, customer_id, phone=phone, secret_key=secret_key)
        if not goes_out:
            await writing.rollback()
    return CodeAnswer(
        "If a customer's account or order has this phone, we have sent a code. It works for ten minutes.",
        expires_in=int(CODE_LIFETIME.total_seconds()),
        debug_code=code if shows_code and goes_out else None,
    )


async def text_code(db: AsyncSession, customer_id: int | None, *, phone: str, secret_key: str) -> str:
    """Text a new code to an E.164 number and return it; earlier codes become invalid."""
    code = new_code()
    await db.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.target == phone,
            OneTimeCode.purpose == CodePurpose.PHONE_CODE,
            OneTimeCode.used_at.is_(None),
        )
        .values(used_at=now())
        .execution_options(synchronize_session=False)
    )
    db.add(
        OneTimeCode(
            purpose=CodePurpose.PHONE_CODE,
            code_hash=_hash(code, phone, secret_key),
            target=phone,
            customer_id=customer_id,
            expires_at=now() + CODE_LIFETIME,
        )
    )
    await db.flush()
    await queue_text(
        db,
        kind="phone_code",
        to=phone,
        text=(
            f"{code} is your code. It works for ten minutes and confirms an account with this phone."
            " If you did not ask for it, do not share it and do not use it."
        ),
        customer_id=customer_id,
        secret=Secret(code, now() + CODE_LIFETIME),
    )
    return code


async def verify_phone_code(db: AsyncSession, data: VerifyPhoneCode, *, secret_key: str, by: Actor) -> PhoneSession:
    """Exchange a correct code for a phone session. Raises InvalidInput for a wrong, old, used or invalidated one.

    It verifies the phone of an account without an email, and of the caller's own account. Otherwise it does not:
    somebody who entered another person's number in an account must not get that person's orders through that person's
    code.
    """
    phone = read_phone(data.phone)
    tried = await _try_code(phone, data.code, secret_key)
    if tried is None:
        raise _wrong_code()
    customer = await lock_account(db, tried.customer_id) if tried.customer_id is not None else None
    used = await db.scalar(
        update(OneTimeCode)
        .where(OneTimeCode.id == tried.code_id, OneTimeCode.used_at.is_(None))
        .values(used_at=now())
        .returning(OneTimeCode.id)
        .execution_options(synchronize_session=False)
    )
    if used is None:
        raise _wrong_code()
    if customer is not None:
        await _note_proof(db, customer, phone, by)
    token = await issue_token(
        db, CodePurpose.PHONE_SESSION, customer_id=customer.id if customer is not None else None, target=phone
    )
    return PhoneSession(token, int(LIFETIMES[CodePurpose.PHONE_SESSION].total_seconds()))


async def _try_code(phone: str, code: str, secret_key: str) -> _Tried | None:
    """Count an attempt at the phone's open code and compare it; None if it is wrong."""
    at = now()
    newest = (
        select(OneTimeCode.id)
        .where(
            OneTimeCode.target == phone,
            OneTimeCode.purpose == CodePurpose.PHONE_CODE,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > at,
        )
        .order_by(OneTimeCode.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        update(OneTimeCode)
        .where(OneTimeCode.id == newest, OneTimeCode.attempts < MOST_ATTEMPTS, OneTimeCode.used_at.is_(None))
        .values(attempts=OneTimeCode.attempts + 1)
        .returning(OneTimeCode.id, OneTimeCode.customer_id, OneTimeCode.code_hash)
        .execution_options(synchronize_session=False)
    )
    async with separate_transaction() as apart:
        await commit_without_waiting(apart)
        row = (await apart.execute(statement)).first()
    given = _hash("".join(code.split()), phone, secret_key)
    is_right = is_same_secret(given, row.code_hash if row is not None else _hash("", phone, secret_key))
    return _Tried(row.id, row.customer_id) if row is not None and is_right else None


async def _note_proof(db: AsyncSession, customer: Customer, phone: str, by: Actor) -> None:
    """Mark the phone as verified if the session belongs to the account, and link its orders."""
    is_own = by.is_customer and by.id == customer.id
    if customer.phone != phone or not customer.is_active or not (customer.email is None or is_own):
        return
    if customer.phone_verified_at is None:
        customer.phone_verified_at = now()
        customer.version += 1
        await record_audit(
            db,
            action=AuditAction.CUSTOMER_PHONE_VERIFIED,
            record_kind="customer",
            record_id=customer.id,
            record_name=customer.company_name or customer.username,
            after={"phone": phone},
            by=as_owner(customer),
        )
    await link_orders(db, customer)


def read_phone(text: str) -> str:
    """Return the E.164 form of a phone number. Raises InvalidInput if it can't be dialled."""
    phone = parse_phone(text)
    if phone is None:
        raise refuse_fields({"phone": "must be a valid phone number, like (216) 555-0148"})
    return phone


def _hash(code: str, phone: str, secret_key: str) -> str:
    return hash_code(code, key=secret_key.split(",", maxsplit=1)[0], purpose=f"phone:{phone}")


def _wrong_code() -> InvalidInput:
    return InvalidInput(
        "That code is wrong or used up. After five attempts ask for a new one.",
        code=Code.INVALID_CODE,
        fields={"code": "is wrong, too old or used up"},
    )
