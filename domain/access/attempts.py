"""Limits wrong passwords and codes of an account: after ten, it is locked for 15 minutes.

An attempt is counted before it is checked, in a transaction of its own, so that neither a rollback nor a hundred
concurrent attempts can bypass the count. Never call these functions while the request holds the account's lock.
"""

import math
from datetime import timedelta

from sqlalchemy import case, func, select, text, update

from domain.access.rate_limits import use_limit
from domain.kernel.clock import now
from domain.kernel.errors import TooMany
from models import Customer, Staff
from models.session import current_database, separate_transaction

MOST_ATTEMPTS = 10
REST = timedelta(minutes=15)
NOBODY = 0

Kind = type[Customer] | type[Staff]


async def reserve_attempt(kind: Kind, account_id: int) -> bool:
    """Count one attempt; False while the account is locked. An unknown account (id 0) takes as long and gets False."""
    at = now()
    # If a lock has expired, the count starts again.
    tries = case((kind.locked_until.is_not(None), 1), else_=kind.failed_sign_ins + 1)
    statement = (
        update(kind)
        .where(kind.id == account_id, func.coalesce(kind.locked_until, at) <= at)
        .values(failed_sign_ins=tries, locked_until=case((tries >= MOST_ATTEMPTS, at + REST), else_=None))
        .returning(kind.id)
        .execution_options(synchronize_session=False)
    )
    async with separate_transaction() as apart:
        # Waiting for the disk would reveal by timing that the account exists; in a crash, a count may be lost.
        await apart.execute(text("SET LOCAL synchronous_commit = off"))
        return await apart.scalar(statement) is not None


async def reserve_browser_attempt(browser: str) -> bool:
    """Count one attempt of a browser in which a colleague has signed in before; False after ten in 15 minutes."""
    try:
        await use_limit("known_browser", browser, limit=MOST_ATTEMPTS, window=REST)
    except TooMany:
        return False
    return True


async def reserve_own_attempt(kind: Kind, account_id: int) -> None:
    """Count one attempt of someone who is signed in. Raises TooMany while the account is locked."""
    if await reserve_attempt(kind, account_id):
        return
    async with current_database().reading() as connection:
        locked_until = await connection.scalar(select(kind.locked_until).where(kind.id == account_id))
    seconds = max(1, math.ceil((locked_until - now()).total_seconds())) if locked_until else 1
    raise TooMany(
        f"Too many wrong attempts. Try again in {math.ceil(seconds / 60)} minutes.", retry_after_seconds=seconds
    )


async def give_back_attempt(kind: Kind, account_id: int) -> None:
    """Take back the count of an attempt that was correct so far."""
    async with separate_transaction() as apart:
        await apart.execute(
            update(kind)
            .where(kind.id == account_id)
            .values(failed_sign_ins=func.greatest(kind.failed_sign_ins - 1, 0), locked_until=None)
            .execution_options(synchronize_session=False)
        )
