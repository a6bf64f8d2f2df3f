"""The calling list: entries, their scores, and the call script."""

from typing import Any, BinaryIO

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.refusals import SPREADSHEET
from api.schemas.calling import (
    AssignedEntriesOut,
    AssigneeOut,
    CallingSegmentsOut,
    CallScriptOut,
    EntryListOut,
    LinkedEntriesOut,
    NextEntryOut,
    PurchasedProductsOut,
    RecalculatedOut,
    RescoredOut,
    SavedEntryOut,
    SavedScriptOut,
    UpdatedEntriesOut,
    UploadedProspectsOut,
    show_entries,
    show_purchased_products,
)
from api.schemas.orders import DoneOut
from domain.access.rights import Right
from domain.calling import (
    assign,
    claim,
    counts,
    edit_entry,
    entries,
    link_customers,
    outcomes,
    purchases,
    scores,
    script,
    segments,
)
from domain.imports import from_api, queries
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.paging import NewestPageInput, cut_page
from domain.sales.prospects import PROSPECTS
from models import KeyScope
from models.session import current_database
from web.guards import api_key_for, staff_only
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db, settings
from web.uploads import reads_spooled

blueprint = Blueprint("staff_calling", __name__)
tag_blueprint(blueprint, ["calling"])


@blueprint.get("/api/sales/calling-list")
@staff_only(Right.CALL_CUSTOMERS)
@reads_query(entries.ListEntries)
@answers(EntryListOut)
async def list_calling(query: entries.ListEntries) -> Any:
    """Prospects and customers to call, most urgent first; reps see their own and unassigned entries."""
    asked = query.within(settings().calling_min, settings().calling_max)
    async with current_database().listing() as connection:
        page = await entries.list_entries(connection, asked, visible_to=current_actor(), timezone=settings().timezone)
    return show_entries(page)


@blueprint.post("/api/sales/calling-list")
@staff_only(Right.CALL_CUSTOMERS)
@reads(edit_entry.AddEntry)
@answers(SavedEntryOut, 201)
@refuses(Code.ALREADY_LISTED)
async def add_calling_entry(data: edit_entry.AddEntry) -> Any:
    """Add a prospect; a number that is already listed is refused."""
    return {"entry": await edit_entry.add_entry(db(), data, by=current_actor(), timezone=settings().timezone)}


@blueprint.patch("/api/sales/calling-list/<id:id>")
@staff_only(Right.CALL_CUSTOMERS)
@reads(edit_entry.UpdateEntry)
@answers(SavedEntryOut)
@refuses(Code.ALREADY_LISTED)
async def update_calling_entry(id: int, data: edit_entry.UpdateEntry) -> Any:  # noqa: A002 - the contract names it
    """Change the fields sent; `mark_called` records a call made now."""
    return await _update(id, data)


@blueprint.put("/api/sales/calling-list/<id:id>")
@staff_only(Right.CALL_CUSTOMERS)
@reads(edit_entry.UpdateEntry)
@answers(SavedEntryOut)
@refuses(Code.ALREADY_LISTED)
async def replace_calling_entry(id: int, data: edit_entry.UpdateEntry) -> Any:  # noqa: A002
    """The same as PATCH: fields that are not sent stay unchanged."""
    return await _update(id, data)


async def _update(entry_id: int, data: edit_entry.UpdateEntry) -> dict[str, Any]:
    entry = await edit_entry.update_entry(db(), entry_id, data, by=current_actor(), timezone=settings().timezone)
    return {"entry": entry}


@blueprint.delete("/api/sales/calling-list/<id:id>")
@staff_only(Right.ASSIGN_CALLS)
@answers(DoneOut)
async def delete_calling_entry(id: int) -> Any:  # noqa: A002
    """Remove an entry from the list; its calls stay in the log."""
    await edit_entry.delete_entry(db(), id, by=current_actor())
    return {}


@blueprint.post("/api/sales/calling-list/backfill")
@staff_only(Right.ASSIGN_CALLS)
@answers(LinkedEntriesOut)
async def link_calling_customers() -> Any:
    """Link entries to customers by phone or email; safe to run again."""
    return await link_customers.link_customers(db(), by=current_actor(), timezone=settings().timezone)


@blueprint.post("/api/sales/calling-list/assign")
@staff_only(Right.ASSIGN_CALLS)
@reads(assign.AssignEntries)
@answers(AssignedEntriesOut)
async def assign_calling(data: assign.AssignEntries) -> Any:
    """Assign entries to a sales rep or an administrator; null removes the assignment. Customers keep their rep."""
    return await assign.assign_entries(db(), data, by=current_actor())


@blueprint.post("/api/sales/calling-list/mark-called")
@staff_only(Right.CALL_CUSTOMERS)
@reads(assign.MarkCalled)
@answers(UpdatedEntriesOut)
async def mark_called(data: assign.MarkCalled) -> Any:
    """Mark many entries as called now."""
    return {"updated": await assign.mark_called(db(), data, by=current_actor())}


@blueprint.get("/api/sales/calling-list/products")
@staff_only(Right.CALL_CUSTOMERS)
@answers(PurchasedProductsOut)
async def purchased_products() -> bytes:
    """All SKUs ever purchased, with the number of orders that contain them, for the filter."""
    async with current_database().raw_reading() as connection:
        return show_purchased_products(await purchases.list_purchased_products(connection))


@blueprint.post("/api/sales/calling-list/recalculate")
@staff_only(Right.ASSIGN_CALLS)
@answers(RecalculatedOut)
async def recalculate_scores() -> Any:
    """Recalculate the scores of all entries that may be called."""
    return await scores.recalculate_scores(db())


@blueprint.post("/api/sales/calling-list/score-event")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION, right=Right.CALL_CUSTOMERS)
@reads(scores.ApplyScoreEvent)
@answers(RescoredOut)
@refuses(Code.NOT_FOUND)
async def score_event(data: scores.ApplyScoreEvent) -> Any:
    """Record an event for the entry with a phone or an email; without an event only decays its score."""
    return await scores.apply_score_event(db(), data, by=current_actor())


@blueprint.get("/api/sales/calling-list/segments")
@staff_only(Right.CALL_CUSTOMERS)
@answers(CallingSegmentsOut)
async def calling_segments() -> Any:
    """Number of entries under each tab, and the caller's own figures of today."""
    async with current_database().reading() as connection:
        zone = settings().timezone
        tabs = await counts.count_tabs(connection, visible_to=current_actor(), timezone=zone)
        day = await segments.get_caller_day(connection, by=current_actor(), timezone=zone)
    return {"segments": {str(segment): count for segment, count in tabs.items()}, "kpi": day}


@blueprint.get("/api/sales/calling-list/assignees")
@staff_only(Right.CALL_CUSTOMERS)
@reads_query(NewestPageInput)
@answers(list[AssigneeOut])
async def calling_assignees(query: NewestPageInput) -> Any:
    """Active sales reps and administrators, for the assign menu."""
    async with current_database().reading() as connection:
        return cut_page(await assign.list_assignees(connection), query)


@blueprint.post("/api/sales/calling-list/next")
@staff_only(Right.CALL_CUSTOMERS)
@reads(claim.ClaimNext, optional=True)
@answers(NextEntryOut)
async def next_calling_entry(data: claim.ClaimNext) -> Any:
    """Claim the best entry that may be called now, for 15 minutes; null if there is none."""
    entry = await claim.claim_next(db(), data, by=current_actor())
    return {"entry": entry, "claimed_until": now() + outcomes.CLAIM_LASTS if entry else None}


@blueprint.post("/api/sales/calling-list/upload")
@staff_only(Right.UPLOAD_PROSPECTS)
@reads_spooled("file")
@answers(UploadedProspectsOut)
@refuses(*SPREADSHEET)
async def upload_calling_list(file: BinaryIO, filename: str) -> Any:
    """Import prospects from CSV: listed numbers are counted, bad rows are reported by line; 202 if it takes long."""
    run = await from_api.import_and_wait(PROSPECTS, file, filename, timezone=settings().timezone, by=current_actor())
    if run.is_open:
        body = UploadedProspectsOut(job_id=run.id, message="The import goes on in the background.")
        return Response(body.to_bytes(), 202, content_type="application/json")
    async with current_database().reading() as connection:
        errors = await queries.list_kept_rows(connection, run.id)
    counts = {"created": run.created_rows, "skipped": run.bad_rows, "dupes": run.skipped_rows}
    return counts | {"errors": errors, "job_id": run.id}


@blueprint.get("/api/sales/script")
@staff_only(Right.CALL_CUSTOMERS)
@answers(CallScriptOut)
async def get_call_script() -> Any:
    """The call script."""
    async with current_database().reading() as connection:
        return await script.get_script(connection)


@blueprint.put("/api/sales/script")
@staff_only(Right.EDIT_SCRIPT)
@reads(script.UpdateScript)
@answers(SavedScriptOut)
async def update_call_script(data: script.UpdateScript) -> Any:
    """Change the script; earlier versions are kept."""
    await script.update_script(db(), data, by=current_actor())
    return {"message": "The call script is saved; the version before it is kept."}
