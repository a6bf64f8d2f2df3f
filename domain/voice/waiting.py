"""The numbers of waiting items for the voice pages."""

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.counting import MOST_COUNTED
from domain.voice.review import ReviewQuery, conditions_of
from models import CallLog, PromptState, PromptVersion, Rfq, RfqStatus


async def count_waiting(db: AsyncSession) -> dict[str, int]:
    """Count the calls to review, suggested prompts and open requests, in one statement that uses indexes."""
    waiting = {
        "review": select(literal(1)).select_from(CallLog).where(*conditions_of(ReviewQuery())),
        "prompts": select(literal(1)).select_from(PromptVersion).where(PromptVersion.state == PromptState.SUGGESTED),
        "rfqs": select(literal(1)).select_from(Rfq).where(Rfq.status == RfqStatus.OPEN),
    }
    counts = [
        select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery()).scalar_subquery().label(name)
        for name, rows in waiting.items()
    ]
    return dict((await db.execute(select(*counts))).mappings().one())
