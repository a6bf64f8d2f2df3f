"""The one history: who changed which record or order how, with the values before and after."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.kernel.money import format_money, parse_money
from domain.system import trail
from models.session import current_database
from portal.administration.jobs import write_name, write_value
from portal.render import list_pages, page_or_block
from web.guards import staff_page
from web.reading import reads_query
from web.request import db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_audit", __name__)
RECORD_PAGES = {
    "product": "/portal/products", "staff": "/portal/staff", "customer": "/portal/customers",
    "invoice": "/portal/invoices", "subscription": "/portal/subscriptions",
}  # fmt: skip
AMOUNTS = ("price", "amount", "fee", "subtotal", "limit", "cost_per_item", "balance")
OTHERS = [("voice", "The voice agents"), ("customer", "Customers"), ("api_key", "Programs"), ("system", "The system")]


@blueprint.get("/portal/audit")
@staff_page(Right.SEE_AUDIT)
@reads_query(trail.TrailFilters)
async def show_audit(query: trail.TrailFilters) -> Response:
    """The list, or the block of it that changed."""
    page, counted = await trail.list_trail(db(), query, timezone=settings().timezone)
    kinds = await trail.list_record_kinds(db())
    people = await trail.list_people(db())
    return await page_or_block(
        "administration/audit/list.html",
        block="audit_table",
        page=page.map(show_entry),
        filters=query,
        more=counted.is_more,
        is_filtered=any(request.args.get(name) for name in request.args if name != "page"),
        kinds=[("", "Any record"), *[(kind, write_name(kind)) for kind in kinds]],
        people=[("", "Anybody"), *[(f"staff:{number}", name) for number, name in people], *OTHERS],
    )


@blueprint.get("/portal/audit.csv")
@staff_page(Right.SEE_AUDIT)
@reads_query(trail.TrailFilters)
async def download_audit(query: trail.TrailFilters) -> Response:
    """The newest changes under the list's filters as CSV."""
    rows = trail.export_trail(current_database(), query, timezone=settings().timezone)
    return await stream_file(rows, "audit.csv")


def show_entry(entry: trail.TrailRow) -> dict[str, Any]:
    """An entry as the list shows it: each changed field with its value before and after."""
    kind = write_name(entry.record_kind)
    name = entry.record_name or str(entry.record_id or "")
    return {
        "id": f"{entry.source}-{entry.id}",
        "at": entry.created_at,
        "who": entry.actor_name or write_name(entry.actor_kind or "system"),
        "act": write_name(entry.action.rpartition(".")[2]),
        "record": name if entry.source == "order" else f"{kind} {name}".strip(),
        "url": find_url(entry),
        "note": entry.note,
        "changes": [
            (write_name(name), _write(name, before), _write(name, after))
            for name, before, after in entry.pairs
            if write_value(before) != write_value(after)
        ],
    }


def find_url(entry: trail.TrailRow) -> str:
    """Where the record is looked at, as far as it has a page."""
    if entry.source == "order":
        return f"/portal/orders/{entry.record_name}"
    place = RECORD_PAGES.get(entry.record_kind, "")
    return f"{place}/{entry.record_id}" if place in list_pages() and entry.record_id is not None else ""


def _write(name: str, value: Any) -> str:
    """A value as people read it; amounts as money, exact to the cent."""
    is_amount = name.endswith(AMOUNTS) and isinstance(value, str | int | float)
    amount = parse_money(str(value)) if is_amount else None
    return write_value(value) if amount is None else format_money(amount)
