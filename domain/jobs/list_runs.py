"""The jobs as administrators see them: what failed or was parked first, repeats in one row, and doing it again."""

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
    # Every job like this one, each in a row of its own.
    like: Id | None = None


class ChosenJobs(Input):
    """The ticked rows: single jobs, and jobs that stand for all that are like them."""

    job: list[Id] = Field(default_factory=list)
    like: list[Id] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FoldedRuns:
    """A row of the list: the newest of the jobs of one name that ended alike, and how many there are."""

    run: JobRun
    alike: int


STOPPED = (JobState.FAILED, JobState.PARKED)
# Repeats are looked for among this many of the newest jobs.
FOLDED_OVER = 1_000
# Jobs are alike by name, state and error; one that runs has a progress of its own.
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
    """The jobs under the filters, the newest first, with the count of each tab.

    Jobs that are alike stand in one row, unless those like one job are asked for; then each has its own. Raises
    NotFound when there is no such job.
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
    """One job; raises NotFound."""
    run = await db.get(JobRun, run_id)
    if run is None:
        raise NotFound("There is no such job.")
    return run


async def retry_chosen(db: AsyncSession, data: ChosenJobs, *, by: Actor) -> int:
    """Queue the ticked jobs once more, and of a row of repeats the newest thousand; answers how many."""
    run_ids = list(data.job)
    for run_id in data.like:
        alike = _like(await get_run(db, run_id)).order_by(JobRun.id.desc()).limit(FOLDED_OVER)
        run_ids.extend(await db.scalars(alike.with_only_columns(JobRun.id)))
    return await retry_runs(db, run_ids, by=by)


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
