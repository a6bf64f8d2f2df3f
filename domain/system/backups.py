"""The last backup written by `run.py backup`. Backups by other programs are not known here."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import ScalarSelect

from domain.kernel.clock import now
from models import JobRun, JobState

NAME = "backup"


async def note_backup(db: AsyncSession, file_name: str, *, began_at: datetime) -> None:
    """Record a backup as a finished job. Pages show the newest."""
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
    """Select the time when the newest backup was complete. Rows of jobs are kept for 30 days."""
    return (
        select(func.max(JobRun.finished_at)).where(JobRun.name == NAME, JobRun.state == JobState.DONE).scalar_subquery()
    )
