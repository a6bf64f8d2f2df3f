"""When a backup was last written by the program's own command; one that another program takes is not known here."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import ScalarSelect

from domain.kernel.clock import now
from models import JobRun, JobState

NAME = "backup"


async def note_backup(db: AsyncSession, file_name: str, *, began_at: datetime) -> None:
    """Keep that a backup was written: a job that is done, of which the pages show the newest."""
    db.add(
        JobRun(
            name=NAME,
            payload={"file": file_name},
            state=JobState.DONE,
            starts=1,
            started_at=began_at,
            finished_at=now(),
        )
    )


def select_last_backup() -> ScalarSelect[datetime | None]:
    """When the newest backup that is still known was complete; rows of jobs are kept for 30 days."""
    return (
        select(func.max(JobRun.finished_at)).where(JobRun.name == NAME, JobRun.state == JobState.DONE).scalar_subquery()
    )
