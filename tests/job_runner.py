"""Runs the queued jobs of a test in the test's own process, oldest first, until none is left."""

from sqlalchemy import select

from models import JobRun, JobState
from models.session import current_database, separate_transaction
from settings import Settings
from tasks.job import Work
from tasks.jobs import load_jobs


async def run_jobs(settings: Settings, *names: str) -> list[str]:
    """Run what is queued under these names (all but messages without any); returns the names in their order."""
    jobs = load_jobs()
    done: list[str] = []
    while True:
        async with current_database().session() as db:
            wanted = JobRun.name.in_(names) if names else JobRun.name != "send_message"
            statement = select(JobRun).where(JobRun.state == JobState.QUEUED, wanted).order_by(JobRun.id).limit(1)
            run = (await db.execute(statement)).scalar_one_or_none()
        if run is None:
            return done
        await jobs[run.name].run(Work(run.id, run.payload, settings))
        async with separate_transaction() as db:
            (await db.get_one(JobRun, run.id)).state = JobState.DONE
        done.append(run.name)
