"""Drafts over HTTP: saved by the script while typing, restored by the page, discarded and restored again."""

from datetime import UTC

from quart import Blueprint, Response, jsonify, request

from domain.kernel.inputs import Filled200, Id, Input
from domain.kernel.whole_numbers import read_id
from domain.staff.drafts import KeptDraft, SaveDraft, discard_draft, find_draft, restore_draft, save_draft
from portal.render import redirect_to
from web.guards import staff_page
from web.reading import reads_form, reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_drafts", __name__)


class DraftQuery(Input):
    """The form whose draft is requested."""

    page: Filled200
    """The form's path."""
    draft: Id | None = None
    """Id of one draft among several."""


async def find_shown_draft(page: str) -> KeptDraft | None:
    """The draft restored on the current page: the newest, or the one in the URL."""
    wanted = read_id(request.args.get("draft", ""))
    return await find_draft(db(), page, by=current_actor(), draft_id=wanted)


@blueprint.get("/portal/drafts.json")
@staff_page()
@reads_query(DraftQuery)
async def show_draft(query: DraftQuery) -> Response:
    """The draft of a form, for the script of its page."""
    kept = await find_draft(db(), query.page, by=current_actor(), draft_id=query.draft)
    if kept is None:
        return jsonify({"draft": None})
    saved_at = kept.updated_at.astimezone(UTC).isoformat()
    found = {"id": kept.id, "version": kept.version, "fields": kept.pairs, "saved_at": saved_at, "others": kept.others}
    return jsonify({"draft": found})


@blueprint.post("/portal/drafts")
@staff_page()
@reads_form(SaveDraft)
async def keep_draft(data: SaveDraft) -> Response:
    """Save a form's current values."""
    saved = await save_draft(db(), data, by=current_actor())
    return jsonify({"id": saved.id, "version": saved.version, "is_own": saved.is_own})


@blueprint.post("/portal/drafts/<id:draft_id>/discard")
@staff_page()
async def discard(draft_id: int) -> Response:
    """Discard a draft; a toast offers Undo."""
    page = await discard_draft(db(), draft_id, by=current_actor())
    return await redirect_to(page, toast="Draft discarded", undo=f"/portal/drafts/{draft_id}/restore")


@blueprint.post("/portal/drafts/<id:draft_id>/restore")
@staff_page()
async def restore(draft_id: int) -> Response:
    """Restore a discarded draft."""
    page = await restore_draft(db(), draft_id, by=current_actor())
    return await redirect_to(page, toast="Undone: your draft is back")
