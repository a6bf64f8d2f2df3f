"""The list of jobs for administrators: failed and parked ones first, repeats in one row, and running them again."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field
from sqlalchemy import ColumnElement, Select, case, func, select, true
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
from models.session import plan_for_values


class JobTab(StrEnum):
    """The tabs of the list; the first one is what needs a person."""

    ATTENTION = "attention"
    RUNNING = "running"
    QUEUED = "queued"
    DONE = "done"
    ALL = "all"


class JobFilters(PageInput):
    """The filters of the list, from its URL."""

    state: JobTab = JobTab.ATTENTION
    q: Text60 | None = None
    # All jobs like this one, each in its own row.
    like: Id | None = None


class ChosenJobs(Input):
    """The selected rows: single jobs, and jobs that represent all that are like them."""

    job: list[Id] = Field(default_factory=list)
    like: list[Id] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FoldedRuns:
    """A row of the list: the newest of the jobs with the same name and result, and how many there are."""

    run: JobRun
    alike: int


STOPPED = (JobState.FAILED, JobState.PARKED)
# Repeats are grouped among this many of the newest jobs.
FOLDED_OVER = 1_000
# Jobs are alike by name, state and error; a running job has its own progress.
_ALIKE = (
    JobRun.name,
    JobRun.state,
    JobRun.last_error,
    case((JobRun.state == JobState.RUNNING, JobRun.id), else_=0),
)


def _choose(asked: JobFilters, tab: JobTab) -> Select[JobRun]:
    wanted: list[ColumnElement[bool]] = [true()]
    if tab is JobTab.ATTENTION:
        wanted.append(JobRun.state.in_(STOPPED))
    elif tab is not JobTab.ALL:
        wanted.append(JobRun.state == tab.value)
    if asked.q:
        wanted.append(JobRun.name.icontains(asked.q, autoescape=True))
    return select(JobRun).where(*wanted)


async def list_runs(db: AsyncSession, asked: JobFilters) -> tuple[Page[FoldedRuns], dict[str, Counted]]:
    """Return the matching jobs, newest first, with the count of each tab.

    Jobs that are alike are in one row, unless those like one job are requested. Raises NotFound if there is no such
    job.
    """
    await plan_for_values(db)
    counts = await count_capped(db, {tab.value: _choose(asked, tab) for tab in JobTab})
    newest = _choose(asked, asked.state)
    if asked.like is not None:
        newest = _like(await get_run(db, asked.like))
    chosen = newest.order_by(JobRun.id.desc()).limit(FOLDED_OVER).with_only_columns(JobRun.id).scalar_subquery()
    keys = [JobRun.id] if asked.like is not None else _ALIKE
    folded = select(func.max(JobRun.id).label("id"), func.count().label("alike"), func.count().over().label("rows"))
    found = folded.where(JobRun.id.in_(chosen)).group_by(*keys).subquery()
    rows = await db.execute(
        select(JobRun, found.c.alike, found.c.rows)
        .join(found, found.c.id == JobRun.id)
        .order_by(JobRun.id.desc())
        .limit(asked.per_page)
        .offset(asked.offset)
    )
    read = rows.all()
    total = read[0].rows if read else 0
    return make_page([FoldedRuns(row.JobRun, row.alike) for row in read], total, asked), counts


def _like(run: JobRun) -> Select[JobRun]:
    return select(JobRun).where(JobRun.name == run.name, JobRun.state == run.state, JobRun.last_error == run.last_error)


async def get_run(db: AsyncSession, run_id: int) -> JobRun:
    """Return one job. Raises NotFound."""
    run = await db.get(JobRun, run_id)
    if run is None:
        raise NotFound("There is no such job.")
    return run


async def retry_chosen(db: AsyncSession, data: ChosenJobs, *, by: Actor) -> int:
    """Queue the selected jobs again, and for a row of repeats the newest thousand. Returns how many."""
    run_ids = list(data.job)
    for run_id in data.like:
        alike = _like(await get_run(db, run_id)).order_by(JobRun.id.desc()).limit(FOLDED_OVER)
        run_ids.extend(await db.scalars(alike.with_only_columns(JobRun.id)))
    return await retry_runs(db, run_ids, by=by)


async def retry_runs(db: AsyncSession, run_ids: list[int], *, by: Actor) -> int:
    """Queue failed and parked jobs again with their counters reset; one with an identical waiting job is skipped."""
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
    """Return True for a job that has finally failed or was parked."""
    return run.state in STOPPED
