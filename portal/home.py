"""Home: what needs attention first, then a few figures of a period, each linked to the rows it counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from documents.filters import (
    format_date,
    format_day,
    format_number,
    format_plural,
    format_range,
)
from domain.access.rights import Right, may
from domain.calling.hand_over import LeftCalls, list_left_calls
from domain.invoices.late import LateInvoices, count_late_invoices
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.money import format_money
from domain.reports.first_run import find_first_run
from domain.reports.home import (
    DESK_KINDS,
    Home,
    HomeQuery,
    HomeRange,
    SalesDay,
    Waiting,
    get_home,
)
from domain.sales.rep_home import RepHome, get_rep_home
from domain.scores.newest_run import TierSum, sum_tier
from domain.subscriptions.overview import FailedRenewals, find_failed
from domain.warehouse.floor import DayCounts, Stage, count_day
from domain.warehouse.next_order import find_next_order
from domain.warehouse.queue import QueueRow
from models import Role, Tier
from models.session import current_database
from portal.charts import Chart, Point, draw_chart
from portal.first_run import show_first_run
from portal.home_figures import LIST, URLS, choose_figures, sales_url, write_when
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, settings

blueprint = Blueprint("portal_home", __name__)
RANGE_WORDS = {
    HomeRange.WEEK: "7 days",
    HomeRange.MONTH_BACK: "30 days",
    HomeRange.MONTH: "Month",
    HomeRange.ALL: "All",
}
BEFORE_WORDS = {
    HomeRange.WEEK: "7 days before",
    HomeRange.MONTH_BACK: "30 days before",
    HomeRange.MONTH: "Last month",
    HomeRange.ALL: "",
}


# The right for a line's act; without it, the line links to the order.
_ACT_RIGHTS = {
    Waiting.ON_HOLD: Right.OVERRIDE_TERMS,
    Waiting.FAILED: Right.SEND_PAY_LINKS,
    Waiting.MARKED: Right.ATTEND_ORDERS,
    Waiting.PENDING: Right.CONFIRM_ORDERS,
    Waiting.CHECKS: Right.REVIEW_CHECKS,
}


@dataclass(frozen=True, slots=True)
class Attention:
    """One line of the attention list: its title links to the rows, its verb to the act on the oldest."""

    tone: str
    icon: str
    title: str
    line: str
    url: str
    verb: str
    act_url: str = ""
    posts: bool = False


@dataclass(frozen=True, slots=True)
class OtherWork:
    """What waits beside orders, as far as the reader may see it."""

    late: LateInvoices
    renewals: FailedRenewals | None
    at_risk: TierSum | None
    left: Sequence[LeftCalls]


@blueprint.get("/portal")
@staff_page()
@reads_query(HomeQuery)
async def show_home(query: HomeQuery) -> Response:
    """Work waiting for this colleague, and the figures of a period."""
    me, zone = current_actor(), settings().timezone
    async with current_database().reporting() as connection:
        begun = await find_first_run(connection) if may(me, Right.EDIT_STAFF) else None
        home = await get_home(connection, query, visible_to=me, timezone=zone)
        other = await _read_other(connection, me)
        packs = me.has_role(Role.WAREHOUSE)
        floor = await count_day(connection, visible_to=me, timezone=zone) if packs else None
        following = await find_next_order(connection, by=me) if packs else None
        rep = await _read_rep(connection, home, me) if me.has_role(Role.SALES_REP) else None
    attention = list(_list_work(floor, following) if floor else _list_attention(home, other, me))
    if begun is not None and (checklist := await show_first_run(begun, attention)) is not None:
        return checklist
    return await page_or_block(
        "home/home.html",
        block="home",
        home=home,
        attention=attention,
        waiting=sum(count for count, _ in _count_parts(home, other)) if floor is None else floor.active,
        parts=_write_parts(home, other) if floor is None else "",
        figures=list(choose_figures(home, floor, rep)),
        regulars=rep.regulars if rep else [],
        overdue=rep.overdue if rep else 0,
        chart=_draw(home, query.range, business_today(zone)) if home.days else None,
        ranges=[
            {"word": word, "url": f"/portal?range={name}", "current": name is query.range}
            for name, word in RANGE_WORDS.items()
        ],
        url=f"/portal?range={query.range}",
        # The whole history is too expensive to sum again at every order.
        is_live=query.range is not HomeRange.ALL,
        has_ranges=home.sales is not None,
    )


def _list_work(counts: DayCounts, following: QueueRow | None) -> Iterator[Attention]:
    """A packer's work, with the queue's words and counts; the next order has the oldest promise."""
    queue = "/portal/warehouse"
    begin, line = f"{queue}?stage=to_pick", "A colleague stands at each of them"
    if following is not None:
        begin = f"{queue}/{following.order_number}"
        line = (
            f"Next: {following.delivery_company or following.delivery_name}, since {write_when(following.created_at)}"
        )
    for count, stage, tone, icon, state, text, verb, url in (
        (counts.short, Stage.SHORT, "bad", "package", "short", "Set aside because something is missing", "Look", ""),
        (counts.to_pick, Stage.TO_PICK, "warn", "clock", "to pick", line, "Pack", begin),
        (counts.to_pack, Stage.TO_PACK, "warn", "package", "to pack", "Picked, not packed yet", "Open", ""),
        (counts.to_ship, Stage.TO_SHIP, "info", "truck", "to ship", "Packed, waiting for the carrier", "Ship", ""),
    ):
        if count:
            title, rows = f"{format_plural(count, 'order')} {state}", f"{queue}?stage={stage.value}"
            yield Attention(tone, icon, title, text, rows, verb, url)


def _count_parts(home: Home, other: OtherWork) -> Sequence[tuple[int, str]]:
    """The parts of the needs-attention count; each order counts once, even with several reasons."""
    return (
        (home.waiting_orders, "order"),
        (other.renewals.count if other.renewals else 0, "renewal"),
        (other.late.count, "invoice"),
        (home.failed_mails or 0, "message"),
    )


def _write_parts(home: Home, other: OtherWork) -> str:
    return ", ".join(format_plural(count, noun) for count, noun in _count_parts(home, other) if count)


async def _read_rep(connection: AsyncConnection, home: Home, me: Actor) -> RepHome:
    period = home.period
    return await get_rep_home(connection, period.first, period.last, period.before_first, by=me)


async def _read_other(connection: AsyncConnection, me: Actor) -> OtherWork:
    """Late invoices and failed renewals; for a manager of the callers also customers at risk, and calls left behind."""
    assigns = may(me, Right.ASSIGN_CALLS)
    return OtherWork(
        await count_late_invoices(connection, visible_to=me),
        await find_failed(connection, visible_to=me),
        await sum_tier(connection, Tier.AT_RISK) if assigns else None,
        await list_left_calls(connection) if assigns else (),
    )


def _list_attention(home: Home, other: OtherWork, me: Actor) -> Iterator[Attention]:
    """The kinds with waiting orders, red first; each names the oldest."""
    looks = {
        Waiting.ON_HOLD: ("bad", "hand-stop", "order", "on hold", "Review hold"),
        Waiting.FAILED: ("bad", "alert-circle", "payment", "failed", "Send link"),
        Waiting.MARKED: ("bad", "alert-triangle", "order", "with a problem", "Look into it"),
        Waiting.PENDING: ("warn", "clock", "order", "to confirm", "Confirm"),
        Waiting.CHECKS: ("warn", "eye-check", "check", "to review", "Review check"),
    }
    for kind in DESK_KINDS:
        found = home.waiting[kind]
        if not found.count:
            continue
        tone, icon, noun, state, verb = looks[kind]
        since = write_when(found.oldest_at)
        if kind is Waiting.CHECKS:
            line = f"{format_money(found.balance)} in all, oldest from {since}"
        elif found.oldest_reason:
            line = f"{found.oldest_name}: {found.oldest_reason}"
        elif kind is Waiting.FAILED:
            line = f"{found.oldest_name}, ordered {since}"
        else:
            line = f"Oldest: {found.oldest_name}, since {since}"
        title = f"{format_plural(found.count, noun)} {state}"
        verb = verb if may(me, _ACT_RIGHTS[kind]) else "Open"
        yield Attention(tone, icon, title, line, URLS[kind], verb, _act_url(kind, found.oldest_number, me))
    if (renewals := other.renewals) is not None:
        days = format_plural(renewals.interval_days, "day")
        line = f"Next try: {renewals.customer_name}, {renewals.product_name} every {days}"
        rows, act = "/portal/subscriptions?failed=true", f"/portal/subscriptions/{renewals.next_id}"
        yield Attention("bad", "repeat", f"{format_plural(renewals.count, 'renewal')} failed", line, rows, "Open", act)
    if (late := other.late).count:
        line = f"{format_money(late.amount)} in all, oldest {late.oldest_name}, due {_day(late.oldest_due)}"
        title = f"{format_plural(late.count, 'invoice')} late"
        yield Attention("warn", "file-invoice", title, line, "/portal/invoices?status=overdue", "Open")
    yield from _list_left(other.left)
    if (at_risk := other.at_risk) is not None and at_risk.customers:
        line = f"No order for longer than their usual gap; {format_money(at_risk.revenue)} expected of them in 90 days"
        title = f"{format_plural(at_risk.customers, 'customer')} at risk"
        yield Attention("info", "target", title, line, "/portal/scores?tier=at_risk", "Open")
    if home.failed_mails:
        title = f"{format_plural(home.failed_mails, 'message')} not delivered"
        line = "Given up after several attempts; they can be sent again"
        url = "/portal/outbox?state=failed"
        yield Attention("quiet", "mail", title, line, url, "Retry", "/portal/outbox/again?all=true", posts=True)


def _list_left(left: Sequence[LeftCalls]) -> Iterator[Attention]:
    """Calls of colleagues who no longer sell: no rep is offered them until a manager hands them over."""
    for one in left:
        line = f"{one.name} no longer sells; no one is offered them"
        rows, act = f"/portal/calling?segment=all&assignee={one.staff_id}", f"/portal/calling/hand-over/{one.staff_id}"
        yield Attention(
            "warn", "user-off", f"{format_plural(one.entries, 'call')} left behind", line, rows, "Hand over", act
        )


def _act_url(kind: Waiting, number: str, me: Actor) -> str:
    """The URL of the act on the oldest order; opening it leads through the others of its kind."""
    if kind is Waiting.CHECKS and may(me, Right.REVIEW_CHECKS):
        return f"/portal/checks/{number}"
    if kind is Waiting.FAILED and may(me, Right.SEND_PAY_LINKS):
        return f"{LIST}/{number}/pay-link"
    via = urlencode({"via": f"{URLS[kind].partition('?')[2]}&sort=placed"})
    return f"{LIST}/{number}?{via}"


def _draw(home: Home, wanted: HomeRange, today: date) -> Chart:
    """Revenue by day, or by month for the whole history."""
    by_month = wanted is HomeRange.ALL
    noun = "month" if by_month else "day"
    best = max(home.days, key=lambda day: day.sales.revenue)
    first, last = home.days[0].first, home.days[-1].last
    period = f"{format_range(first, min(last, today), today=today)}, cancelled orders left out"
    revenue = home.sales.revenue if home.sales else Decimal(0)
    before = BEFORE_WORDS[wanted]
    columns = (noun.capitalize(), "Orders", "Revenue") + ((before,) if before else ())
    legend = (("bar", "This period"),) + ((("before", before),) if before else ())
    return draw_chart(
        [_make_point(day, by_month, today) for day in home.days],
        title=f"Revenue by {noun}",
        period=period,
        summary=(
            f"Revenue by {noun}: {format_money(revenue)} in all; the best {noun} was {_label(best, by_month, today)}."
        ),
        columns=columns,
        legend=(*legend, ("bar-soft", "This month so far" if by_month else "Today so far")),
    )


def _make_point(day: SalesDay, by_month: bool, today: date) -> Point:
    label = _label(day, by_month, today)
    full = label if by_month else f"{day.first:%a}, {label}"
    cells: tuple[str, ...] = (full, format_number(day.sales.orders), format_money(day.sales.revenue))
    if day.before is not None:
        cells += (format_money(day.before.revenue),)
    return Point(
        label=label,
        value=float(day.sales.revenue),
        title=f"{full}: {format_money(day.sales.revenue)}, {format_plural(day.sales.orders, 'order')}",
        cells=cells,
        before=float(day.before.revenue) if day.before is not None else None,
        url=sales_url(day.first, day.last),
        soft=day.first <= today <= day.last,
    )


def _label(day: SalesDay, by_month: bool, today: date) -> str:
    if by_month:
        return f"{day.first:%b %Y}"
    return format_day(day.first, today=today) if day.first.year == today.year else format_date(day.first)


def _day(day: date | None) -> str:
    return format_day(day, today=business_today(settings().timezone)) if day else ""
