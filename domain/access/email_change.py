"""Change of email: it takes effect by a mailed link, and the old address gets a link that undoes it for 7 days.

The same for customers and staff: the row of the code names the account. Tokens are stored as hashes and work once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import hash_token, new_token
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, TooMany
from domain.kernel.inputs import Filled200, Input
from models import CodePurpose, OneTimeCode

MOST_LINKS = 3
HOUR = timedelta(hours=1)
LIFETIMES = {CodePurpose.EMAIL_CHANGE: timedelta(hours=48), CodePurpose.EMAIL_CHANGE_UNDO: timedelta(days=7)}


class EmailLink(Input):
    """The token of a mailed link."""

    token: Filled200


@dataclass(frozen=True, slots=True)
class Owner:
    """The account whose email changes; one of the two is set."""

    customer_id: int | None = None
    staff_id: int | None = None

    @property
    def codes(self) -> ColumnElement[bool]:
        """The condition for the codes of this account."""
        if self.customer_id is not None:
            return OneTimeCode.customer_id == self.customer_id
        return OneTimeCode.staff_id == self.staff_id


@dataclass(frozen=True, slots=True)
class EmailCode:
    """A code that was sent: the account and its new address."""

    id: int
    owner: Owner
    target: str


async def issue_email_code(db: AsyncSession, purpose: CodePurpose, owner: Owner, target: str) -> tuple[str, datetime]:
    """Write a code for an address and return its token and when it expires; an earlier pending change is invalidated.

    The caller holds the account's lock. Raises TooMany if three links were sent to a new address within the hour.
    """
    if purpose is CodePurpose.EMAIL_CHANGE:
        await _check_not_too_many(db, target)
        await _void(db, owner, OneTimeCode.purpose == purpose)
    token, expires_at = new_token(), now() + LIFETIMES[purpose]
    db.add(
        OneTimeCode(
            purpose=purpose,
            code_hash=hash_token(token),
            target=target,
            customer_id=owner.customer_id,
            staff_id=owner.staff_id,
            expires_at=expires_at,
        )
    )
    await db.flush()
    return token, expires_at


async def find_email_code(db: AsyncSession, purpose: CodePurpose, token: str) -> EmailCode | None:
    """Return the code of a token, so that its account can be locked; `use_email_code` checks whether it is valid."""
    row = (
        await db.execute(
            select(OneTimeCode.id, OneTimeCode.customer_id, OneTimeCode.staff_id, OneTimeCode.target).where(
                OneTimeCode.code_hash == hash_token(token), OneTimeCode.purpose == purpose
            )
        )
    ).first()
    return EmailCode(row.id, Owner(row.customer_id, row.staff_id), row.target) if row else None


async def use_email_code(db: AsyncSession, code: EmailCode) -> None:
    """Use up a code under its account's lock. Raises InvalidInput if it is used up, expired or invalidated."""
    used = await db.execute(
        update(OneTimeCode)
        .where(OneTimeCode.id == code.id, OneTimeCode.used_at.is_(None), OneTimeCode.expires_at > now())
        .values(used_at=now())
        .returning(OneTimeCode.id)
        .execution_options(synchronize_session=False)
    )
    if used.first() is None:
        raise bad_email_link()


async def void_later_email_codes(db: AsyncSession, code: EmailCode) -> None:
    """After an undo, invalidate pending changes and the undo of later changes, so that no other address returns.

    The undo of an earlier change stays valid: the owner of that address had the account first.
    """
    is_later = (OneTimeCode.purpose == CodePurpose.EMAIL_CHANGE) | (
        (OneTimeCode.purpose == CodePurpose.EMAIL_CHANGE_UNDO) & (OneTimeCode.id > code.id)
    )
    await _void(db, code.owner, is_later)


async def _check_not_too_many(db: AsyncSession, target: str) -> None:
    sent = select(func.count()).where(
        OneTimeCode.target == target,
        OneTimeCode.purpose == CodePurpose.EMAIL_CHANGE,
        OneTimeCode.created_at > now() - HOUR,
    )
    if (await db.scalar(sent) or 0) >= MOST_LINKS:
        raise TooMany(
            "Three links were sent to this address within an hour. Use the last one, or try again later.",
            retry_after_seconds=3600,
        )


async def _void(db: AsyncSession, owner: Owner, which: ColumnElement[bool]) -> None:
    await db.execute(
        update(OneTimeCode)
        .where(owner.codes, which, OneTimeCode.used_at.is_(None))
        .values(used_at=now())
        .execution_options(synchronize_session=False)
    )


def bad_email_link() -> InvalidInput:
    """Build the error for a link, the same for every cause."""
    return InvalidInput(
        "This link no longer works. Change the email again, or ask us for help.",
        code=Code.INVALID_TOKEN,
        fields={"token": "is unknown, used or expired"},
    )
