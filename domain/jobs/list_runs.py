"""The jobs as administrators see them: what failed or was parked first, and doing it again."""

from enum import StrEnum

from pydantic import Field
from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.runs import open_run_again
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.counting import Counted, count_capped
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Id, Input, Text60
from domain.kernel.live import Topic, announce
from domain.kernel.paging import Page, PageInput, make_page
from models import AuditAction, JobRun, JobState


class JobTab(StrEnum):
    """What the list shows; the first is what waits for a person."""

    ATTENTION = "attention"
    RUNNING = "running"
    QUEUED = "queued"
    DONE = "done"
    ALL = "all"


class JobFilters(PageInput):
    """The address of the list."""

    state: JobTab = JobTab.ATTENTION
    q: Text60 | None = None


class ChosenJobs(Input):
    """The ticked rows."""

    job: list[Id] = Field(default_factory=list)


STOPPED = (JobState.FAILED, JobState.PARKED)


def _choose(asked: JobFilters, tab: JobTab) -> Select[JobRun]:
    wanted: list[ColumnElement[bool]] = [true()]
    if tab is JobTab.ATTENTION:
        wanted.append(JobRun.state.in_(STOPPED))
    elif tab is not JobTab.ALL:
        wanted.append(JobRun.state == tab.value)
    if asked.q:
        wanted.append(JobRun.name.icontains(asked.q, autoescape=True))
    return select(JobRun).where(*wanted)


async def list_runs(db: AsyncSession, asked: JobFilters) -> tuple[Page[JobRun], dict[str, Counted]]:
    """The jobs under the filters, the newest first, with the count of each tab."""
    counts = await count_capped(db, {tab.value: _choose(asked, tab) for tab in JobTab})
    chosen = _choose(asked, asked.state).order_by(JobRun.id.desc())
    rows = (await db.scalars(chosen.limit(asked.per_page).offset(asked.offset))).all()
    return make_page(rows, counts[asked.state].count, asked), counts


async def get_run(db: AsyncSession, run_id: int) -> JobRun:
    """One job; raises NotFound."""
    run = await db.get(JobRun, run_id)
    if run is None:
        raise NotFound("There is no such job.")
    return run


async def retry_runs(db: AsyncSession, run_ids: list[int], *, by: Actor) -> int:
    """Queue failed and parked jobs once more with a fresh count; one whose like waits already is left alone."""
    opened = []
    for run_id in sorted(set(run_ids)):
        try:
            async with db.begin_nested():
                if await open_run_again(db, run_id):
                    opened.append(run_id)
        except IntegrityError:
            continue
    if opened:
        await record_audit(
            db,
            action=AuditAction.JOB_DONE_AGAIN,
            record_kind="job",
            record_id=opened[0] if len(opened) == 1 else None,
            after={"jobs": opened},
            by=by,
        )
        await announce(db, Topic.JOBS, opened[0])
    return len(opened)


def can_retry(run: JobRun) -> bool:
    """True for a job that failed for the last time or was parked."""
    return run.state in STOPPED
