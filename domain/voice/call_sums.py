"""The results of all calls per prompt version, from the rows that triggers write; the fold adds them up."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.voice.voice_hours import fold_voice_hours
from models import CallSum
from models.session import raw_connection

FOLD_JOB = "fold_call_sums"
NAMES = (
    "calls", "orders", "evaluated", "score_sum", "resolved", "hallucinated", "cost", "bad_flagged", "bad_approved",
    "good_flagged", "good_approved",
)  # fmt: skip
# The results of each prompt version (0: calls without one), with the names above.
SUMS = (
    select(CallSum.prompt_version_id, *(func.sum(getattr(CallSum, name)).label(name) for name in NAMES))
    .group_by(CallSum.prompt_version_id)
    .subquery()
)
_ALL, _ADDED = ", ".join(NAMES), ", ".join(f"sum({name})" for name in NAMES)
# A single snapshot deletes the changes and adds them up, so that later changes remain. A fold that runs next to another
# one may see only the deductions of a version; these are kept too.
_FOLD = f"""
WITH noted AS (DELETE FROM call_sum RETURNING prompt_version_id, {_ALL})
INSERT INTO call_sum (prompt_version_id, {_ALL})
SELECT prompt_version_id, {_ADDED} FROM noted
GROUP BY prompt_version_id HAVING ({_ADDED}) <> ({", ".join("0" for _ in NAMES)}) ORDER BY prompt_version_id
"""  # noqa: S608 - constants of ours


async def fold_call_sums(db: AsyncSession) -> None:
    """Fold the rows into one for each prompt version, and store the hours of calls that changed."""
    await (await raw_connection(db)).execute(_FOLD)
    await fold_voice_hours(db)
