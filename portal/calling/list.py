"""The calling list as a page: its tabs, filters and acts, and the caller's day beside it."""

from datetime import date

from quart import Blueprint, Response, request

from documents.filters import format_number, format_plural, with_query
from domain.access.rights import Right, may
from domain.calling import assign
from domain.calling.assign import Assigned, AssignEntries, MarkCalled
from domain.calling.counts import count_tabs
from domain.calling.edit_entry import AddEntry, add_entry
from domain.calling.entries import EntryRow, ListEntries, list_entries
from domain.calling.hand_over import list_left_calls
from domain.calling.link_customers import link_customers
from domain.calling.rules import judge_calls
from domain.calling.segments import find_usual_day, get_caller_day
from domain.calling.tabs import Segment
from domain.calling.upkeep import recalculate
from domain.customers.export import MOST_LISTED
from domain.kernel.clock import business_date, business_today
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Input
from domain.kernel.spreadsheets import write_csv
from domain.kernel.whole_numbers import read_id, read_ids
from domain.sales.call_page import FloorDay, get_floor_day
from models.session import plan_for_values
from portal.attempts import attempt
from portal.calling.day_figures import make_figures
from portal.calling.words import OUTCOMES, SEGMENTS, STATUSES, WHO
from portal.lists import Tab, make_tabs
from portal.render import page_or_block, redirect_to
from web.exports import audits_export
from web.guards import staff_page
from web.reading import read_form_body, reads_query
from web.request import current_actor, db, settings
from web.streams import answer_file

blueprint = Blueprint("portal_calling", __name__)
LIST = "/portal/calling"
COLUMNS = (
    "company", "contact", "phone", "second_phone", "email", "address", "status", "assigned_to", "last_called",
    "last_outcome", "callback_on", "last_order", "orders", "spent", "score", "notes",
)  # fmt: skip


class BulkAct(Input):
    """What to do with the ticked entries."""

    act: str
    """assign or called."""
    assignee_id: str | None = None
    """A colleague's id, or none."""


@blueprint.get(LIST)
@staff_page(Right.CALL_CUSTOMERS)
@reads_query(ListEntries)
async def show_calling(query: ListEntries) -> Response:
    """The list of one tab, or what to do when it is empty."""
    me, zone = current_actor(), settings().timezone
    today = business_today(zone)
    await plan_for_values(db())
    counts = await count_tabs(db(), visible_to=me, timezone=zone)
    page = await list_entries(db(), query, visible_to=me, timezone=zone, counts=counts)
    verdicts = await judge_calls(db(), [row.callee for row in page.rows])
    floor = await get_floor_day(db(), by=me)
    return await page_or_block(
        "calling/list.html",
        block="calling_table",
        page=page,
        rows=list(zip(page.rows, verdicts, strict=True)),
        callable_count=sum(verdict.allowed for verdict in verdicts),
        query=query,
        tabs=make_segment_tabs(query.segment, counts),
        is_empty=not counts[Segment.ALL],
        next_segment=find_next(query.segment, counts),
        segment_words=SEGMENTS,
        clear=_say_clear(query.segment, counts, floor, today) if not page.rows else "",
        today=today,
        most_in_csv=MOST_LISTED,
        statuses=[("", "Any status"), *((status.value, word) for status, word in STATUSES.items())],
        status_words=STATUSES,
        outcome_words=OUTCOMES,
        assignees=await assign.list_assignees(db()),
        left=await list_left_calls(db()) if may(me, Right.ASSIGN_CALLS) else [],
        figures=make_figures(
            await get_caller_day(db(), by=me, timezone=zone),
            await find_usual_day(db(), by=me, timezone=zone),
            floor.commission,
            day_word=f"{today:%A}",
        ),
        floor=floor,
        calls_url="/portal/performance/calls" + with_query({}, rep_id=me.id, from_date=today, to_date=today),
    )


@blueprint.get(f"{LIST}.csv")
@staff_page(Right.EXPORT_CUSTOMER_LIST)
@reads_query(ListEntries)
@audits_export("calling_entry")
async def download_calling(query: ListEntries) -> Response:
    """The first rows of a tab as CSV, with the customer list's limit; suppressed people are left out."""
    asked = query.model_copy(update={"page": 1, "per_page": MOST_LISTED})
    page = await list_entries(db(), asked, visible_to=current_actor(), timezone=settings().timezone)
    return answer_file(b"".join(write_csv(COLUMNS, map(_list_cells, page.rows))), "calling-list.csv")


def _list_cells(row: EntryRow) -> list[str]:
    called = business_date(row.last_called_at, settings().timezone) if row.last_called_at else ""
    return [
        row.company_name,
        row.contact_name or f"{row.first_name} {row.last_name}".strip(),
        row.phone or "",
        row.phone2 or "",
        row.email or "",
        row.address,
        row.status,
        row.assignee_name or "",
        str(called),
        row.last_outcome,
        str(row.callback_on or ""),
        str(row.last_order_date or ""),
        str(row.order_count),
        str(row.total_spend),
        str(row.priority_score),
        row.notes,
    ]


def make_segment_tabs(current: Segment, counts: dict[Segment, int]) -> list[Tab]:
    """The tabs of the list with their counts."""
    return make_tabs(
        LIST, "segment", [(segment, word, counts[segment]) for segment, word in SEGMENTS.items()], current, keep=()
    )


def _say_clear(current: Segment, counts: dict[Segment, int], floor: FloorDay, today: date) -> str:
    """What is left when a tab is empty: the callbacks that are due, and the tab that N continues with."""
    due = sum(each.callback_on <= today for each in floor.callbacks)
    more = "more than " if due and floor.has_more_callbacks else ""
    callbacks = f"{more}{format_plural(due, 'callback')} {'is' if due == 1 else 'are'} due. " if due else ""
    after = find_next(current, counts)
    left = f"{SEGMENTS[after]} has {format_number(counts[after])} {WHO[after]}." if counts[after] else ""
    said = callbacks[:1].upper() + callbacks[1:] + left
    return said or "The other tabs are empty too."


def find_next(current: Segment, counts: dict[Segment, int]) -> Segment:
    """The tab that N continues with: this one, or the next that is not empty."""
    worth = [segment for segment in (current, Segment.PRIORITY, Segment.WINDOW, Segment.LAPSED) if counts[segment]]
    usable = [segment for segment in worth if segment not in {Segment.CALLED, Segment.ALL}]
    return usable[0] if usable else Segment.PRIORITY


@blueprint.get(f"{LIST}/new")
@staff_page(Right.CALL_CUSTOMERS)
async def show_new_entry() -> Response:
    """Ask for a prospect."""
    return await page_or_block("calling/new.html", block="dialog", values={}, errors={}, problem="")


@blueprint.post(f"{LIST}/new")
@staff_page(Right.CALL_CUSTOMERS)
async def create_entry() -> Response:
    """Add a prospect."""

    async def save(data: AddEntry) -> EntryRow:
        return await add_entry(db(), data, by=current_actor(), timezone=settings().timezone)

    tried = await attempt(AddEntry, save)
    if tried.result is None:
        return await page_or_block(
            "calling/new.html", block="dialog", status=tried.status, values=tried.typed, errors=tried.errors,
            problem=tried.problem,
        )  # fmt: skip
    return await redirect_to(f"{LIST}/{tried.result.id}", toast=f"{tried.result.name} is on the list")


@blueprint.post(f"{LIST}/bulk")
@staff_page(Right.CALL_CUSTOMERS)
async def act_on_many() -> Response:
    """Assign the selected entries to a colleague, or mark them as called."""
    ids = read_ids((await request.form).getlist("entry"))
    data = await read_form_body(BulkAct)
    if not ids:
        raise InvalidInput("Select an entry first.", code=Code.INVALID_INPUT)
    if data.act == "called":
        called = await assign.mark_called(db(), MarkCalled(ids=ids), by=current_actor())
        return await redirect_to(LIST, toast=f"{called} marked as called")
    to = read_id(data.assignee_id or "")
    done = await assign.assign_entries(db(), AssignEntries(ids=ids, assignee_id=to), by=current_actor())
    return await redirect_to(LIST, toast=_say_assigned(done))


def _say_assigned(done: Assigned) -> str:
    """Also say whose customers they are: a rep enters orders only for their own and for unassigned customers."""
    match done.customers_of_other_reps:
        case 0:
            return f"{done.updated} assigned"
        case 1:
            return f"{done.updated} assigned; 1 of the customers belongs to another rep"
        case several:
            return f"{done.updated} assigned; {several} of the customers belong to other reps"


@blueprint.post(f"{LIST}/link")
@staff_page(Right.ASSIGN_CALLS)
async def link_entries() -> Response:
    """Link entries to customers by phone or email."""
    linked = await link_customers(db(), by=current_actor(), timezone=settings().timezone)
    return await redirect_to(f"{LIST}?segment=all", toast=linked.message)


@blueprint.post(f"{LIST}/recalculate")
@staff_page(Right.ASSIGN_CALLS)
async def recalculate_list() -> Response:
    """Recalculate all scores."""
    done = await recalculate(db())
    return await redirect_to(LIST, toast=f"{done.updated:,} scores updated")
