"""Subscriptions for the office: the failed ones first, details of one, and its acts."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import format_date
from domain.access.rights import Right
from domain.kernel.clock import business_today
from domain.kernel.errors import NotFound
from domain.kernel.paging import Page
from domain.payments.pay_link import SendBy
from domain.subscriptions import change
from domain.subscriptions.export import MOST_EXPORTED, export_subscriptions
from domain.subscriptions.links import send_subscription_link
from domain.subscriptions.list_subscriptions import (
    ListSubscriptions,
    SubscriptionLine,
    SubscriptionSort,
    find_subscription_neighbours,
    get_subscription,
    list_changes,
    list_subscriptions,
)
from domain.subscriptions.overview import (
    AHEAD,
    Need,
    count_subscriptions,
    lay_out_weeks,
    list_coming,
    list_failed,
)
from domain.subscriptions.renew import renew_subscription
from models import Channel, SubscriptionStatus
from models.session import current_database
from portal.attempts import Attempt, NoFields, attempt
from portal.customers.tabs import Tab, register_tab
from portal.lists import Tab as ListTab
from portal.lists import make_tabs
from portal.outgoing import say_leaving
from portal.render import doubt_toast, page_or_block, redirect_to
from portal.subscription_track import list_tries, show_change
from portal.walk import walk_list
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, order_rules, settings
from web.streams import stream_file

blueprint = Blueprint("portal_subscriptions", __name__)
# Number of failed ones shown above the calendar; the tab has all of them.
MOST_FAILED = 6
LIST = "/portal/subscriptions"
# Width of a bar of units against stock, in parts.
BAR = 80
_LINK = "With it they can skip, pause, change the date or the quantity, and use another card."
_WAYS = {"mail": SendBy.EMAIL, "text": SendBy.TEXT}
_TABS = (
    (None, "All"), (SubscriptionStatus.ACTIVE, "Active"), (SubscriptionStatus.PAUSED, "Paused"),
    (SubscriptionStatus.CANCELLED, "Cancelled"),
)  # fmt: skip
# Title, verb, explanation, whether it is dangerous.
_ASKED = {
    "pause": ("Pause the subscription of {}?", "Pause", "Nothing is renewed until it is resumed.", False),
    "resume": (
        "Resume the subscription of {}?", "Resume", "It renews on its next date, at the earliest tomorrow.", False,
    ),
    "cancel": ("End the subscription of {} permanently?", "End it", "An ended subscription can’t be resumed.", True),
    "skip": (
        "Skip the next renewal of {}?", "Skip it", "It is skipped once; the interval continues from its date.", False,
    ),
    "mail": ("Mail the link to {}?", "Mail it", _LINK, False),
    "text": ("Text the link to {}?", "Text it", _LINK, False),
    "renew": (
        "Charge {} now and create the order?", "Charge now",
        "The saved payment method is charged at today’s price. Without a payment there is no order.", False,
    ),
}  # fmt: skip


class SubscriptionFilters(ListSubscriptions):
    """The list's query; the next renewals come first."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 25
    sort: SubscriptionSort = SubscriptionSort.NEXT


@dataclass(frozen=True, slots=True)
class NeedBar:
    """The bar of a need, in parts of `BAR`: the stock, the covered part, and the missing part."""

    stock: float
    covered: float
    missing: float


@blueprint.get(LIST)
@staff_page(Right.SEE_SUBSCRIPTIONS)
@reads_query(SubscriptionFilters)
async def show_subscriptions(query: SubscriptionFilters) -> Response:
    """The list with the failed renewals first and the next 30 days."""
    actor, rules, today = current_actor(), order_rules(), business_today(settings().timezone)
    async with current_database().listing() as connection:
        page = await list_subscriptions(connection, query, rules=rules, visible_to=actor)
        counts = await count_subscriptions(connection, visible_to=actor)
        failed = await list_failed(connection, rules=rules, visible_to=actor)
        days, needs = await list_coming(connection, today, rules=rules, visible_to=actor)
    return await page_or_block(
        "subscriptions/list.html",
        block="subscription_table",
        page=page,
        counts=counts,
        failed=failed,
        most_failed=MOST_FAILED,
        weeks=lay_out_weeks(days, today),
        today=today,
        due_total=sum(day.amount for day in days),
        due_renewals=sum(day.renewals for day in days),
        most=max((day.amount for day in days), default=0),
        needs=[(need, _draw_need(need)) for need in needs],
        sort=query.sort.value,
        due=query.due,
        expires_soon=today + AHEAD,
        tabs=_list_tabs(query, counts, len(failed)),
        most_in_csv=MOST_EXPORTED,
    )


def _draw_need(need: Need) -> NeedBar | None:
    """The bar of a need; None for an untracked product."""
    if need.stock is None:
        return None
    stock = max(need.stock, 0)
    part = BAR / max(need.due, stock, 1)
    covered = min(need.due, stock)
    return NeedBar(round(stock * part, 1), round(covered * part, 1), round((need.due - covered) * part, 1))


def _list_tabs(query: ListSubscriptions, counts: dict[str, int], failed: int) -> list[ListTab]:
    """The statuses with their counts, and failed renewals if there are any."""
    words = [(status, word, counts[status] if status else sum(counts.values())) for status, word in _TABS]
    tabs = make_tabs(LIST, "status", words, query.status, keep={"sort"})
    if failed or query.failed or query.due:
        tabs = [replace(tab, current=tab.current and not (query.failed or query.due)) for tab in tabs]
    if failed or query.failed:
        tabs.insert(1, ListTab("Failed", f"{LIST}?failed=true", query.failed, failed))
    return tabs


@blueprint.get(f"{LIST}.csv")
@staff_page(Right.SEE_SUBSCRIPTIONS)
@reads_query(SubscriptionFilters)
async def download_subscriptions(query: SubscriptionFilters) -> Response:
    """The list as CSV, at most 1,000 rows."""
    rows = await export_subscriptions(db(), query, rules=order_rules(), visible_to=current_actor())
    return await stream_file(rows, "subscriptions.csv")


@blueprint.get(f"{LIST}/<id:subscription_id>")
@staff_page(Right.SEE_SUBSCRIPTIONS)
async def show_subscription(subscription_id: int) -> Response:
    """One subscription with its renewals and its customer's orders."""
    async with current_database().reading() as connection:
        me, rules = current_actor(), order_rules()
        found = await get_subscription(connection, subscription_id, rules=rules, visible_to=me)
        walk = await walk_list(
            SubscriptionFilters,
            lambda asked: find_subscription_neighbours(connection, subscription_id, asked, rules=rules, visible_to=me),
            list_url=LIST,
            crumb="Subscriptions",
        )
    return await page_or_block(
        "subscriptions/subscription.html",
        block="subscription_page",
        subscription=found.line,
        walk=walk,
        renewals=found.renewals,
        orders=found.order_history,
        track=list_tries(found),
        history=[show_change(entry) for entry in await list_changes(db(), subscription_id)],
        url=f"{LIST}/{subscription_id}",
    )


@blueprint.get(f"{LIST}/<id:subscription_id>/<act>")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def ask_first(subscription_id: int, act: str) -> Response:
    """Ask for confirmation."""
    return await _ask(subscription_id, act)


@blueprint.post(f"{LIST}/<id:subscription_id>/<act>")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def do(subscription_id: int, act: str) -> Response:
    """Pause, resume, end or renew it."""
    _check_act(act)

    async def save(_: NoFields) -> str:
        return await (_send_link if act in _WAYS else _act)(subscription_id, act)

    tried = await attempt(NoFields, save)
    if tried.result is None:
        return await _ask(subscription_id, act, tried)
    return await redirect_to(f"{LIST}/{subscription_id}", toast=tried.result)


def _check_act(act: str) -> None:
    if act not in _ASKED:
        raise NotFound("A subscription has no such action.")


async def _act(subscription_id: int, act: str) -> str:
    """The outcome as a sentence."""
    by, zone = current_actor(), settings().timezone
    if act == "pause":
        await change.pause_subscription(db(), subscription_id, by=by)
        return "The subscription is paused"
    if act == "resume":
        resumed = await change.resume_subscription(db(), subscription_id, timezone=zone, by=by)
        return f"It renews on {format_date(resumed.next_renewal_date)}"
    if act == "skip":
        skipped = await change.skip_renewal(db(), subscription_id, timezone=zone, by=by)
        return f"Skipped. It renews on {format_date(skipped.next_renewal_date)}"
    if act == "cancel":
        await change.cancel_subscription(db(), subscription_id, by=by)
        return "The subscription has ended"
    renewed = await renew_subscription(
        subscription_id, by=by, caller=by.caller, client_key=None, settings=settings(), rules=order_rules()
    )
    if renewed.success:
        return f"Renewed: order {renewed.renewal.order_number}"
    doubt_toast()
    return f"Not renewed: {renewed.renewal.error or 'Stripe has not answered yet; we ask again.'}"


async def _send_link(subscription_id: int, way: str) -> str:
    """The delivery state of the link."""
    by = current_actor()
    to = await send_subscription_link(db(), subscription_id, way=_WAYS[way], by=by, settings=settings())
    channel = Channel.TEXT if _WAYS[way] is SendBy.TEXT else Channel.EMAIL
    return f"The link {await say_leaving(channel, to)}"


async def _ask(subscription_id: int, act: str, tried: Attempt[Any] | None = None) -> Response:
    _check_act(act)
    async with current_database().reading() as connection:
        found = await get_subscription(connection, subscription_id, rules=order_rules(), visible_to=current_actor())
    title, verb, text, danger = _ASKED[act]
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        status=tried.status if tried else 200,
        title=title.format(found.line.customer_company or found.line.customer_name),
        url=f"{LIST}/{subscription_id}/{act}",
        verb=verb,
        back_url=f"{LIST}/{subscription_id}",
        text=text,
        danger=danger,
        problem=tried.problem if tried else "",
    )


async def _load_of_customer(session: AsyncSession, customer_id: int) -> list[SubscriptionLine]:
    return list((await _list_of_customer(session, ListSubscriptions(user_id=customer_id))).rows)


async def _count_of_customer(session: AsyncSession, customer_id: int) -> int:
    return (await _list_of_customer(session, ListSubscriptions(user_id=customer_id, per_page=1))).total


async def _list_of_customer(session: AsyncSession, asked: ListSubscriptions) -> Page[SubscriptionLine]:
    connection = await session.connection()
    return await list_subscriptions(connection, asked, rules=order_rules(), visible_to=current_actor())


register_tab(
    Tab(
        "subscriptions", "Subscriptions", Right.SEE_SUBSCRIPTIONS, "subscriptions/customer_tab.html",
        _load_of_customer, _count_of_customer, 40,
    )
)  # fmt: skip
