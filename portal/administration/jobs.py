"""Background jobs: failed and parked ones first, progress of the others, and running one again."""

from typing import Any

import orjson
from quart import Blueprint, Response

from documents.filters import format_plural
from domain.access.rights import Right
from domain.jobs import list_runs
from domain.jobs.list_runs import JobTab
from portal.lists import back_to, make_tabs
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_form, reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_jobs", __name__)
LIST = "/portal/jobs"
TAB_WORDS = {
    JobTab.ATTENTION: "Needs attention",
    JobTab.RUNNING: "Running",
    JobTab.QUEUED: "Queued",
    JobTab.DONE: "Done",
    JobTab.ALL: "All",
}


@blueprint.get(LIST)
@staff_page(Right.SEE_JOBS)
@reads_query(list_runs.JobFilters)
async def show_jobs(query: list_runs.JobFilters) -> Response:
    """The list, or the block of it that changed."""
    page, counts = await list_runs.list_runs(db(), query)
    return await page_or_block(
        "administration/jobs/list.html",
        block="job_table",
        page=page,
        filters=query,
        more=counts[query.state].count > list_runs.FOLDED_OVER,
        is_filtered=bool(query.q or query.like),
        say=f"{counts[JobTab.ATTENTION].words} jobs need attention",
        can_retry=list_runs.can_retry,
        write_name=write_name,
        tabs=make_tabs(
            LIST, "state", [(tab, word, counts[tab].words) for tab, word in TAB_WORDS.items()], query.state, keep={"q"}
        ),
    )


@blueprint.get(f"{LIST}/<id:run_id>")
@staff_page(Right.SEE_JOBS)
async def show_job(run_id: int) -> Response:
    """One job: its progress, result and arguments."""
    run = await list_runs.get_run(db(), run_id)
    return await page_or_block(
        "administration/jobs/job.html",
        block="job_state",
        run=run,
        name=write_name(run.name),
        payload=list_facts(run.payload),
        result=list_facts(run.result),
        can_retry=list_runs.can_retry(run),
    )


@blueprint.post(f"{LIST}/<id:run_id>/again")
@staff_page(Right.SEE_JOBS)
async def retry_job(run_id: int) -> Response:
    """Queue the job once more."""
    await list_runs.get_run(db(), run_id)
    opened = await list_runs.retry_runs(db(), [run_id], by=current_actor())
    toast = "The job is queued again" if opened else "This job, or one like it, is already queued"
    return await redirect_to(f"{LIST}/{run_id}", toast=toast)


@blueprint.post(f"{LIST}/again")
@staff_page(Right.SEE_JOBS)
@reads_form(list_runs.ChosenJobs)
async def retry_jobs(data: list_runs.ChosenJobs) -> Response:
    """Queue the ticked jobs once more."""
    opened = await list_runs.retry_chosen(db(), data, by=current_actor())
    back = back_to(LIST)
    return await redirect_to(back, toast=f"{format_plural(opened, 'job')} queued again")


def write_name(name: str) -> str:
    """A job's display name: `send_message` becomes Send message."""
    return name.replace("_", " ").capitalize()


def list_facts(values: dict[str, Any] | None) -> list[tuple[str, str]]:
    """A job's arguments or result as lines of name and value."""
    return [(write_name(name), write_value(value)) for name, value in (values or {}).items()]


def write_value(value: Any) -> str:
    """A plain value for display; a compound one as JSON."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "nothing"
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)
