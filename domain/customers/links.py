"""Single-use links and tokens for accounts: stored as hashes, used up under the account's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import hash_token, new_token
from domain.customers.accounts import lock_account
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.messages.outbox import Secret
from models import CodePurpose, Customer, OneTimeCode

LIFETIMES = {
    CodePurpose.EMAIL_VERIFICATION: timedelta(hours=48),
    CodePurpose.PASSWORD_RESET: timedelta(hours=1),
    CodePurpose.PHONE_SESSION: timedelta(minutes=10),
}
MOST_LINKS = 3
COUNTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The locked account of a token, and the email or phone that the token verifies."""

    customer: Customer
    target: str


async def commit_without_waiting(db: AsyncSession) -> None:
    """Do not wait for the disk at the end of this transaction: the delay would reveal that something was written.

    A crash within the next second may lose the email or text; its owner can ask again.
    """
    await db.execute(text("SET LOCAL synchronous_commit = off"))


async def issue_token(db: AsyncSession, purpose: CodePurpose, *, customer_id: int | None, target: str) -> str:
    """Write a single-use token for `target` (an email or E.164 number) and return it. Only its hash is stored."""
    token = new_token()
    db.add(
        OneTimeCode(
            purpose=purpose,
            code_hash=hash_token(token),
            target=target,
            customer_id=customer_id,
            expires_at=now() + LIFETIMES[purpose],
        )
    )
    await db.flush()
    return token


def as_secret(token: str, purpose: CodePurpose) -> Secret:
    """Return a token as the secret of the message that contains it."""
    return Secret(token, now() + LIFETIMES[purpose])


async def count_recent(db: AsyncSession, purpose: CodePurpose, target: str) -> int:
    """Return how many tokens of this kind were sent to the target within the last hour."""
    statement = select(func.count()).where(
        OneTimeCode.target == target,
        OneTimeCode.purpose == purpose,
        OneTimeCode.created_at > now() - COUNTED_FOR,
    )
    return await db.scalar(statement) or 0


async def redeem_token(db: AsyncSession, purpose: CodePurpose, token: str) -> Redeemed:
    """Use up a token and lock its account. Raises InvalidInput if it is unknown, used, too old or superseded.

    The account is locked first, so that a token sent twice at once works once.
    """
    found = (
        await db.execute(
            select(OneTimeCode.id, OneTimeCode.customer_id).where(
                OneTimeCode.code_hash == hash_token(token), OneTimeCode.purpose == purpose
            )
        )
    ).first()
    if found is None or found.customer_id is None:
        raise bad_token(purpose)
    customer = await lock_account(db, found.customer_id)
    used = (
        await db.execute(
            update(OneTimeCode)
            .where(OneTimeCode.id == found.id, OneTimeCode.used_at.is_(None), OneTimeCode.expires_at > now())
            .values(used_at=now())
            .returning(OneTimeCode.target)
            .execution_options(synchronize_session=False)
        )
    ).first()
    owned = customer.phone if purpose is CodePurpose.PHONE_SESSION else customer.email
    if used is None or not customer.is_active or owned != used.target:
        raise bad_token(purpose)
    return Redeemed(customer, used.target)


async def void_tokens(db: AsyncSession, customer_id: int, purposes: Sequence[CodePurpose]) -> None:
    """Invalidate all open tokens of these kinds. The caller holds the account's lock."""
    await db.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.customer_id == customer_id,
            OneTimeCode.purpose.in_(purposes),
            OneTimeCode.used_at.is_(None),
        )
        .values(used_at=now())
        .execution_options(synchronize_session=False)
    )


def bad_token(purpose: CodePurpose) -> InvalidInput:
    """Return the refusal of a token, which is the same whatever is wrong with it."""
    if purpose is CodePurpose.PHONE_SESSION:
        return InvalidInput(
            "This phone session is no longer valid. Ask for a new code.",
            code=Code.INVALID_TOKEN,
            fields={"phone_session_token": "is unknown, used or older than ten minutes"},
        )
    return InvalidInput(
        "This link no longer works. Ask for a new one.",
        code=Code.INVALID_TOKEN,
        fields={"token": "is unknown, used or expired"},
    )
