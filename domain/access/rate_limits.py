"""Rate limits shared by all processes: one upsert per use, in an unlogged table."""

import math
from datetime import timedelta

from sqlalchemy import case, func, or_
from sqlalchemy.dialects.postgresql import insert

from domain.kernel.clock import now
from domain.kernel.errors import TooMany
from models import RateLimit
from models.session import current_database


async def use_limit(name: str, caller: str, *, limit: int, window: timedelta) -> None:
    """Count one use of `name` by `caller`. Raises TooMany after `limit` uses within the window.

    The count is committed separately from the request, so that a refused attempt counts too.
    """
    at = now()
    fresh = insert(RateLimit).values(name=name, caller=caller[:200], used=1, window_ends_at=at + window)
    # A window whose end is too far in the future began before the clock was set back: all uses since would count in it.
    is_over = or_(RateLimit.window_ends_at <= at, RateLimit.window_ends_at > at + 2 * window)
    statement = fresh.on_conflict_do_update(
        index_elements=[RateLimit.name, RateLimit.caller],
        set_={
            "used": case((is_over, 1), else_=RateLimit.used + 1),
            "window_ends_at": case((is_over, fresh.excluded.window_ends_at), else_=RateLimit.window_ends_at),
        },
    ).returning(RateLimit.used, func.greatest(RateLimit.window_ends_at, at))
    async with current_database().reading() as connection:
        used, ends_at = (await connection.execute(statement)).one()
    if used > limit:
        seconds = max(1, math.ceil((ends_at - at).total_seconds()))
        raise TooMany(f"Too many attempts. Try again in {_spoken(seconds)}.", retry_after_seconds=seconds)


def _spoken(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
