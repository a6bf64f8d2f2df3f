"""The order list: tabs, filters, bulk acts, and the same rows as CSV."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural, with_query
from domain.access.rights import Right, may, require
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.inputs import read_values
from domain.kernel.live import Topic
from domain.order_desk.assign import AssignOrder
from domain.order_desk.bulk import (
    BulkOutcome,
    ChosenOrders,
    TakenBack,
    assign_orders,
    confirm_orders,
    unassign_orders,
    unconfirm_orders,
)
from domain.orders.export import export_orders
from domain.orders.filters import OrderFilters, OrderSort
from domain.orders.queries import OrderListing, OrderRow, list_for_page
from domain.orders.statuses import allowed_next
from domain.orders.tab_counts import TabCount
from models import OrderStatus, Role
from models.session import current_database
from portal.lists import Tab, back_to, list_rep_choices
from portal.render import page_or_block, redirect_to
from portal.shared_blocks import shares_block
from web.exports import audits_export
from web.guards import staff_page
from web.reading import read_form_body, reads_query
from web.request import current_actor, db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_orders", __name__)
LIST = "/portal/orders"


class When(StrEnum):
    """The date filter's choices; only `between` reads the two dates."""

    ANY = "any"
    TODAY = "today"
    WEEK = "7d"
    MONTH = "30d"
    BETWEEN = "between"


class OrderListQuery(OrderFilters):
    """The list's query: its filters, and the date filter's choice."""

    when: When | None = None


# The rights for the bulk acts; assigning is the last one.
BULK_RIGHTS = {"slips": Right.SEE_ORDERS, "confirm": Right.CONFIRM_ORDERS}
DAYS_BACK = {When.TODAY: 0, When.WEEK: 6, When.MONTH: 29}
WHEN_WORDS = [
    ("", "Any date"), (When.TODAY, "Today"), (When.WEEK, "Last 7 days"), (When.MONTH, "Last 30 days"),
    (When.BETWEEN, "Between…"),
]  # fmt: skip
PAYMENT_WORDS = [
    ("", "Any payment"), ("unpaid", "Unpaid"), ("part_paid", "Part paid"), ("pending_review", "Check to review"),
    ("paid", "Paid"), ("failed", "Failed"), ("partially_refunded", "Part refunded"), ("refunded", "Refunded"),
]  # fmt: skip
TABS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("all", "All", {}),
    ("attention", "Needs attention", {"attention": "true"}),
    ("pending", "Pending", {"status": "pending", "on_hold": "false"}),
    ("on_hold", "On hold", {"on_hold": "true"}),
    ("confirmed", "Confirmed", {"status": "confirmed"}),
    ("packed", "Packed", {"status": "packed"}),
    ("shipped", "Shipped", {"status": "shipped"}),
    ("delivered", "Delivered", {"status": "delivered"}),
    ("cancelled", "Cancelled", {"status": "cancelled"}),
)
NARROWING = ("search", "rep_id", "payment", "customer_id", "from_date", "to_date")
TAB_NAMES = ("status", "on_hold", "attention")
SOURCE_WORDS = {
    "web": "Web", "desk": "Desk", "rep": "Rep", "voice": "Voice", "subscription": "Renewal", "import": "Import",
}  # fmt: skip


@blueprint.get(LIST)
@staff_page(Right.SEE_ORDERS)
@shares_block(Topic.ORDERS)
@reads_query(OrderListQuery)
async def show_orders(query: OrderListQuery) -> Response:
    """The list, or the block of it that changed."""
    filters = set_dates(query)
    async with current_database().listing() as connection:
        listing = await list_for_page(connection, filters, visible_to=current_actor(), timezone=settings().timezone)
    return await page_or_block(
        "orders/list.html",
        block="order_list",
        listing=listing,
        page=listing.page,
        filters=filters,
        tabs=_make_tabs(listing),
        **await _filter_choices(query),
    )


@blueprint.get("/portal/orders.csv")
@staff_page(Right.SEE_ORDERS)
@reads_query(OrderListQuery)
@audits_export("order")
async def download_orders(query: OrderListQuery) -> Response:
    """All orders that match the filters as CSV, streamed."""
    rows: AsyncIterator[bytes] = export_orders(
        current_database(), set_dates(query), visible_to=current_actor(), timezone=settings().timezone
    )
    return await stream_file(rows, "orders.csv")


@blueprint.post("/portal/orders/bulk")
@staff_page(Right.SEE_ORDERS)
async def act_on_orders() -> Response:
    """Confirm, assign or print the selected orders; assigning asks for the rep first."""
    act = (await request.form).get("act", "")
    require(current_actor(), BULK_RIGHTS.get(act, Right.ASSIGN_ORDERS), "Your role can't assign orders.")
    data = await read_form_body(ChosenOrders)
    back = back_to(LIST)
    if data.act == "slips":
        return await redirect_to("/portal/orders/slips" + with_query({"order": data.order}))
    if data.act == "confirm":
        outcome = await confirm_orders(db(), data.order, by=current_actor())
        may_go_back = OrderStatus.PENDING in allowed_next(OrderStatus.CONFIRMED, current_actor().role)
        undo = f"{LIST}/bulk/undo" + with_query({"order": outcome.done}) if may_go_back and outcome.done else None
        return await redirect_to(back, toast=_describe(outcome, "confirmed"), undo=undo)
    if data.sales_rep_id is None:
        return await page_or_block(
            "orders/assign.html",
            block="dialog",
            title=f"Assign {format_plural(len(data.order), 'order')}",
            orders=data.order,
            url=request.full_path.rstrip("?"),
            back_url=back,
            reps=await list_rep_choices(),
        )
    outcome = await assign_orders(db(), data.order, AssignOrder(sales_rep_id=data.sales_rep_id), by=current_actor())
    undo = f"{LIST}/bulk/unassign" + with_query({"event": outcome.events}) if outcome.events else None
    name = next((name for rep_id, name in await list_rep_choices() if rep_id == data.sales_rep_id), "")
    return await redirect_to(back, toast=_describe(outcome, f"assigned to {name}"), undo=undo)


@blueprint.post("/portal/orders/bulk/unassign")
@staff_page(Right.ASSIGN_ORDERS)
async def undo_assigning() -> Response:
    """Undo assigning several orders: restore their earlier reps."""
    events = read_values(TakenBack, {"event": request.args.getlist("event")})
    outcome = await unassign_orders(db(), events, by=current_actor())
    return await redirect_to(LIST, toast=f"Undone: {_describe(outcome, 'with the rep from before')}")


@blueprint.post("/portal/orders/bulk/undo")
@staff_page(Right.CONFIRM_ORDERS)
async def undo_confirming() -> Response:
    """Undo confirming several orders."""
    chosen = read_values(ChosenOrders, {"order": request.args.getlist("order")})
    outcome = await unconfirm_orders(db(), chosen.order, by=current_actor())
    return await redirect_to(f"{LIST}?status=pending", toast=f"Undone: {_describe(outcome, 'pending again')}")


def set_dates(query: OrderListQuery) -> OrderListQuery:
    """The filters with the dates of the chosen range."""
    if query.when in DAYS_BACK:
        today = business_today(settings().timezone)
        return query.model_copy(update={"from_date": today - timedelta(days=DAYS_BACK[query.when]), "to_date": today})
    if query.when is When.ANY:
        return query.model_copy(update={"from_date": None, "to_date": None})
    return query


def describe_list(query: OrderListQuery) -> tuple[str, str]:
    """The list's title ("Pending orders"), and its short description ("pending, oldest first")."""
    shown = query.model_dump(mode="json", include={*TAB_NAMES}, exclude_none=True)
    here = {name: str(value).lower() for name, value in shown.items()}
    state = query.status.value.capitalize() if query.status else "All"
    word = next((word for _, word, changes in TABS if changes == here), state)
    narrowed = any(getattr(query, name) for name in NARROWING)
    crumb = {"All": "Orders", "Needs attention": "Orders that need attention"}.get(word, f"{word} orders")
    words = ["filtered" if narrowed else "", "orders" if word == "All" else word.lower()]
    order = "oldest first" if query.sort is OrderSort.OLDEST else "newest first"
    return crumb, f"{' '.join(filter(None, words))}, {order}"


async def _filter_choices(query: OrderListQuery) -> dict[str, Any]:
    """The values of the filter row, and the query parameters that it keeps."""
    when = query.when or (When.BETWEEN if query.from_date or query.to_date else None)
    reps = [] if current_actor().has_role(Role.SALES_REP) else await list_rep_choices()
    words = [(When.ANY if when is When.BETWEEN and not value else value, word) for value, word in WHEN_WORDS]
    return {
        "reps": [("", "Any rep"), *reps],
        "when": when,
        "when_words": words,
        "payment_words": PAYMENT_WORDS,
        "source_words": SOURCE_WORDS,
        "keep": {
            name: request.args.get(name, "") for name in (*TAB_NAMES, "cancelled", "marked", "customer_id", "sort")
        },
        "is_filtered": any(request.args.get(name) for name in request.args if name not in {"page", "sort"}),
        "allows": allowed_acts(current_actor()),
    }


def _make_tabs(listing: OrderListing) -> list[Tab]:
    kept = {name: values for name, values in request.args.to_dict(flat=False).items() if name != "page"}
    clear = dict.fromkeys(TAB_NAMES)
    here = {name: request.args[name] for name in TAB_NAMES if request.args.get(name)}
    return [
        Tab(
            word,
            LIST + with_query(kept, **(clear | changes)).rstrip("?"),
            here == changes,
            write_count(listing.tabs[name]),
        )
        for name, word, changes in TABS
    ]


def write_count(tab: TabCount) -> str:
    """A count on a tab: `1,286`, or `10,000+` where counting stopped."""
    return f"{tab.count:,}{'+' if tab.is_more else ''}"


def allowed_acts(me: Actor) -> Callable[[OrderRow], str]:
    """Returns the bulk acts possible for a row; the reader's rights are looked up once."""
    assigns = ["assign"] if may(me, Right.ASSIGN_ORDERS) else []
    confirms = ["confirm"] if may(me, Right.CONFIRM_ORDERS) else []

    def allows(order: OrderRow) -> str:
        acts = ["slips"] if order.status != OrderStatus.CANCELLED else []
        acts += assigns
        if order.status == OrderStatus.PENDING and not order.on_hold:
            acts += confirms
        return " ".join(acts)

    return allows


def _describe(outcome: BulkOutcome, done: str) -> str:
    text = f"{format_plural(len(outcome.done), 'order')} {done}"
    if outcome.refused:
        number, reason = next(iter(outcome.refused.items()))
        text += f", {len(outcome.refused)} not. {number}: {reason}"
    return text
