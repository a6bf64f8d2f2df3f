"""The audit trail: who changed which record how, with the values before and after."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.system import trail
from portal.administration.jobs import write_name, write_value
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import reads_query
from web.request import db, settings

blueprint = Blueprint("portal_audit", __name__)


@blueprint.get("/portal/audit")
@staff_page(Right.SEE_AUDIT)
@reads_query(trail.TrailFilters)
async def show_audit(query: trail.TrailFilters) -> Response:
    """The list, or the block of it that changed."""
    page, counted = await trail.list_trail(db(), query, timezone=settings().timezone)
    kinds = await trail.list_record_kinds(db())
    return await page_or_block(
        "administration/audit/list.html",
        block="audit_table",
        page=page.map(show_entry),
        filters=query,
        more=counted.is_more,
        is_filtered=any(request.args.get(name) for name in request.args if name != "page"),
        kinds=[("", "Any record"), *[(kind, write_name(kind)) for kind in kinds]],
    )


def show_entry(entry: Any) -> dict[str, Any]:
    """An entry as the list shows it: each changed field with its value before and after."""
    before, after = entry.before or {}, entry.after or {}
    names = [*after, *[name for name in before if name not in after]]
    kind = write_name(entry.record_kind)
    return {
        "id": entry.id,
        "at": entry.created_at,
        "who": entry.actor_name or write_name(entry.actor_kind or "system"),
        "act": write_name(entry.action.rpartition(".")[2]),
        "record": f"{kind} {entry.record_name or entry.record_id or ''}".strip(),
        "note": entry.note,
        "changes": [
            (write_name(name), write_value(before.get(name)), write_value(after.get(name)))
            for name in names
            if write_value(before.get(name)) != write_value(after.get(name))
        ],
    }
