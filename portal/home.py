"""Home: what needs somebody first, then a few figures of a period, each a link to the rows it counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from documents.filters import (
    format_date,
    format_day,
    format_number,
    format_percent,
    format_plural,
    format_range,
    format_when,
)
from domain.access.rights import Right, may
from domain.invoices.late import LateInvoices, count_late_invoices
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.money import format_money
from domain.reports.first_run import find_first_run
from domain.reports.home import (
    DESK_KINDS,
    FLOOR_KINDS,
    Home,
    HomeQuery,
    HomeRange,
    Sales,
    SalesDay,
    Waiting,
    get_home,
)
from domain.sales.rep_home import RepHome, get_rep_home
from domain.scores.newest_run import TierSum, sum_tier
from domain.warehouse.floor import DayCounts, Stage, count_day
from models import Role, Tier
from models.session import current_database
from portal.charts import Chart, Point, draw_chart
from portal.first_run import show_first_run
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, settings

SINCE_EVER = date(2000, 1, 1)
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
LIST = "/portal/orders"
CALLED = "/portal/calling?segment=called"
URLS = {
    Waiting.ON_HOLD: f"{LIST}?on_hold=true",
    Waiting.FAILED: f"{LIST}?payment=failed",
    Waiting.MARKED: f"{LIST}?marked=true",
    Waiting.PENDING: f"{LIST}?status=pending&on_hold=false",
    Waiting.CHECKS: f"{LIST}?payment=pending_review",
    Waiting.CONFIRMED: f"{LIST}?status=confirmed",
    Waiting.PACKED: f"{LIST}?status=packed",
    Waiting.SHIPPED: f"{LIST}?status=shipped",
}


@dataclass(frozen=True, slots=True)
class Attention:
    """One line of the attention list: its title leads to the rows, its verb to the act on the oldest."""

    tone: str
    icon: str
    title: str
    line: str
    url: str
    verb: str
    act_url: str = ""
    posts: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its value, what it was before, what it means, and where its rows are."""

    label: str
    value: str
    url: str
    meaning: str
    tone: str = "quiet"
    arrow: str = ""
    change: str = ""
    was: str = ""


@blueprint.get("/portal")
@staff_page()
@reads_query(HomeQuery)
async def show_home(query: HomeQuery) -> Response:
    """What waits for this colleague, and the figures of a period."""
    me, zone = current_actor(), settings().timezone
    async with current_database().reporting() as connection:
        begun = await find_first_run(connection) if may(me, Right.EDIT_STAFF) else None
        home = await get_home(connection, query, visible_to=me, timezone=zone)
        late = await count_late_invoices(connection, visible_to=me)
        floor = await count_day(connection, visible_to=me, timezone=zone) if me.has_role(Role.WAREHOUSE) else None
        rep = await _read_rep(connection, home, me) if me.has_role(Role.SALES_REP) else None
        at_risk = await sum_tier(connection, Tier.AT_RISK) if may(me, Right.ASSIGN_CALLS) else None
    attention = list(_list_attention(home, me, late, at_risk))
    if begun is not None and (checklist := await show_first_run(begun, attention)) is not None:
        return checklist
    return await page_or_block(
        "home/home.html",
        block="home",
        home=home,
        attention=attention,
        waiting=home.waiting_orders + (home.failed_mails or 0) + late.count,
        figures=list(_choose_figures(home, floor, rep)),
        regulars=rep.regulars if rep else [],
        overdue=rep.overdue if rep else 0,
        chart=_draw(home, query.range, business_today(zone)) if home.days else None,
        ranges=[
            {"word": word, "url": f"/portal?range={name}", "current": name is query.range}
            for name, word in RANGE_WORDS.items()
        ],
        url=f"/portal?range={query.range}",
        # The whole history is too dear to be added up again at every order.
        is_live=query.range is not HomeRange.ALL,
        has_ranges=home.sales is not None,
    )


async def _read_rep(connection: AsyncConnection, home: Home, me: Actor) -> RepHome:
    period = home.period
    return await get_rep_home(connection, period.first, period.last, period.before_first, by=me)


def _choose_figures(home: Home, floor: DayCounts | None, rep: RepHome | None) -> Iterator[Figure]:
    """The figures of this role."""
    if floor is not None:
        return _list_floor(floor)
    return _list_figures(home) if rep is None else _list_rep(home, rep)


def _kinds_for(me: Actor) -> tuple[Waiting, ...]:
    """What waits for this role."""
    return FLOOR_KINDS if me.has_role(Role.WAREHOUSE) else DESK_KINDS


def _list_attention(home: Home, me: Actor, late: LateInvoices, at_risk: TierSum | None) -> Iterator[Attention]:
    """The kinds that have something waiting, red first; each names the one that waits longest."""
    looks = {
        Waiting.ON_HOLD: ("bad", "hand-stop", "order", "on hold", "Review hold"),
        Waiting.FAILED: ("bad", "alert-circle", "payment", "failed", "Send link"),
        Waiting.MARKED: ("bad", "alert-triangle", "order", "with a problem", "Look into it"),
        Waiting.PENDING: ("warn", "clock", "order", "to confirm", "Confirm"),
        Waiting.CHECKS: ("warn", "eye-check", "check", "to review", "Review check"),
        Waiting.CONFIRMED: ("warn", "package", "order", "to pack", "Pack"),
        Waiting.PACKED: ("info", "truck", "order", "to ship", "Ship"),
    }
    for kind in _kinds_for(me):
        found = home.waiting[kind]
        if not found.count:
            continue
        tone, icon, noun, state, verb = looks[kind]
        since = _write_when(found.oldest_at)
        if kind is Waiting.CHECKS:
            line = f"{format_money(found.balance)} in all, oldest from {since}"
        elif found.oldest_reason:
            line = f"{found.oldest_name}: {found.oldest_reason}"
        elif kind is Waiting.FAILED:
            line = f"{found.oldest_name}, ordered {since}"
        else:
            line = f"Oldest: {found.oldest_name}, since {since}"
        title = f"{format_plural(found.count, noun)} {state}"
        yield Attention(tone, icon, title, line, URLS[kind], verb, _act_url(kind, found.oldest_number, me))
    if late.count:
        line = f"{format_money(late.amount)} in all, oldest {late.oldest_name}, due {_day(late.oldest_due)}"
        title = f"{format_plural(late.count, 'invoice')} late"
        yield Attention("warn", "file-invoice", title, line, "/portal/invoices?status=overdue", "Open")
    if at_risk is not None and at_risk.customers:
        line = f"Silent for longer than their own gap; {format_money(at_risk.revenue)} expected of them in 90 days"
        title = f"{format_plural(at_risk.customers, 'customer')} at risk"
        yield Attention("info", "target", title, line, "/portal/scores?tier=at_risk", "Open")
    if home.failed_mails:
        title = f"{format_plural(home.failed_mails, 'message')} not delivered"
        line = "Given up after several tries; they can be sent again"
        url = "/portal/outbox?state=failed"
        yield Attention("quiet", "mail", title, line, url, "Retry", "/portal/outbox/again?all=true", posts=True)


def _act_url(kind: Waiting, number: str, me: Actor) -> str:
    """Where the act on the order that waits longest is; one that is opened leads through the others of its kind."""
    if kind is Waiting.CHECKS and may(me, Right.REVIEW_CHECKS):
        return f"/portal/checks/{number}"
    if kind is Waiting.FAILED and may(me, Right.SEND_PAY_LINKS):
        return f"{LIST}/{number}/pay-link"
    if kind in FLOOR_KINDS:
        return f"/portal/warehouse/{number}"
    via = urlencode({"via": f"{URLS[kind].partition('?')[2]}&sort=placed"})
    return f"{LIST}/{number}?{via}"


def _list_figures(home: Home) -> Iterator[Figure]:
    """At most six figures of the desk."""
    waiting = home.waiting
    if home.sales is not None:
        rows = _sales_url(home.period.first, home.period.last)
        yield _compare("Revenue", home.sales.revenue, home.before.revenue if home.before else None, rows, home.sales)
        yield _compare(
            "Average order", home.sales.average, home.before.average if home.before else None, rows, home.sales
        )
    else:
        yield _count(home, Waiting.CONFIRMED, "To pack", "Confirmed orders that nobody has packed")
        yield _count(home, Waiting.PACKED, "To ship", "Packed orders that have not left")
        yield _count(home, Waiting.SHIPPED, "In transit", "Shipped orders that have not arrived")
        yield _count(home, Waiting.ON_HOLD, "On hold", "Orders that wait for the office")
        return
    long = waiting[Waiting.PENDING].waiting_long
    was = f"{long:,} older than an hour" if long else "none older than an hour"
    yield _count(home, Waiting.PENDING, "To confirm", "Pending orders that are not on hold", was)
    held = f"{format_money(waiting[Waiting.ON_HOLD].balance)} held"
    yield _count(home, Waiting.ON_HOLD, "On hold", "Net 30 orders that credit does not cover", held)
    checks = f"{format_money(waiting[Waiting.CHECKS].balance)} waiting"
    yield _count(home, Waiting.CHECKS, "Checks to review", "Paper checks waiting for a decision", checks)
    if home.failed_mails is not None:
        url, meaning = "/portal/outbox?state=failed", "Messages given up after several tries"
        was = "they can be sent again" if home.failed_mails else "everything left"
        yield Figure("Failed messages", format_number(home.failed_mails), url, meaning, was=was)
    else:
        yield _count(home, Waiting.CONFIRMED, "To pack", "Confirmed orders that nobody has packed")


def _list_floor(counts: DayCounts) -> Iterator[Figure]:
    """The six figures of a packer, each a link to its rows."""
    for label, count, stage, meaning in (
        ("To pick", counts.to_pick, Stage.TO_PICK, "Orders that nobody has picked"),
        ("To ship", counts.to_ship, Stage.TO_SHIP, "Packed orders that have not left"),
        ("Shipped today", counts.shipped_today, Stage.SHIPPED_TODAY, "Orders that left today"),
        ("In transit", counts.in_transit, Stage.IN_TRANSIT, "Shipped orders that have not arrived"),
        ("Delivered, 7 days", counts.delivered, Stage.DELIVERED, "Delivered in the last seven days"),
        ("Short", counts.short, Stage.SHORT, "Orders set aside because something is missing"),
    ):
        was = f"{format_plural(counts.late, 'parcel')} late" if stage is Stage.IN_TRANSIT and counts.late else ""
        yield Figure(label, format_number(count), f"/portal/warehouse?stage={stage.value}", meaning, was=was)


def _list_rep(home: Home, rep: RepHome) -> Iterator[Figure]:
    """A rep's own figures; more is better, but of those who went quiet."""
    sales, before = home.sales or Sales(), home.before
    url = _sales_url(home.period.first, home.period.last)
    calls = f"/portal/performance/calls?from_date={home.period.first or SINCE_EVER}&to_date={home.period.last}"
    yield _compare_count("Calls", rep.calls, rep.calls_before, calls, "Outcomes logged by you")
    conversion = sales.orders / rep.calls * 100 if rep.calls else 0
    yield Figure(
        "Conversion",
        format_percent(conversion),
        "/portal/my-sales",
        "Orders that count for you, for each call",
        was=f"{format_plural(sales.orders, 'order')} ÷ {format_plural(rep.calls, 'call')}",
    )
    meaning = "Orders that count for you, less cancelled ones"
    yield _compare_count("Orders", sales.orders, before.orders if before else None, url, meaning)
    yield _compare("Revenue", sales.revenue, before.revenue if before else None, url, sales)
    yield Figure(
        "Commission due",
        format_money(rep.commission_due),
        "/portal/commissions",
        "Of orders paid in full, not paid to you yet",
        was="not paid yet",
    )
    yield Figure(
        "Overdue regulars",
        format_number(rep.overdue),
        "#overdue",
        "Silent for 1.3 of their usual gaps, and less than 90 days",
        tone="bad" if rep.overdue else "quiet",
        was="call them first" if rep.overdue else "all on time",
    )


def _compare_count(label: str, value: int, before: int | None, url: str, meaning: str) -> Figure:
    """A count beside the period before; more is better."""
    if before is None:
        return Figure(label, format_number(value), url, meaning)
    change = value - before
    return Figure(
        label,
        format_number(value),
        url,
        meaning,
        tone="good" if change > 0 else "bad" if change < 0 else "quiet",
        arrow="up" if change > 0 else "down" if change < 0 else "",
        change=format_number(abs(change)) if change else "No change",
        was=f"from {format_number(before)}",
    )


def _count(home: Home, kind: Waiting, label: str, meaning: str, was: str = "") -> Figure:
    found = home.waiting[kind]
    if not was:
        was = f"oldest {_write_when(found.oldest_at)}" if found.oldest_at else "nothing waits"
    return Figure(label, format_number(found.count), URLS[kind], meaning, was=was)


def _compare(label: str, value: Decimal, before: Decimal | None, url: str, sales: Sales) -> Figure:
    """A figure of money beside the period before; more is better."""
    meaning = (
        "Totals of orders placed, less cancelled ones"
        if label == "Revenue"
        else f"Revenue divided by {format_plural(sales.orders, 'order')}"
    )
    if before is None:
        return Figure(label, format_money(value), url, meaning, was=format_plural(sales.orders, "order"))
    if not before or value == before:
        change = "No change" if value == before else ""
        return Figure(label, format_money(value), url, meaning, change=change, was=f"from {format_money(before)}")
    share = (value - before) / before * 100
    return Figure(
        label,
        format_money(value),
        url,
        meaning,
        tone="good" if share > 0 else "bad",
        arrow="up" if share > 0 else "down",
        change=format_percent(abs(share)),
        was=f"from {format_money(before)}",
    )


def _sales_url(first: date | None, last: date) -> str:
    """The rows that a stretch of revenue is made of."""
    if first is None:
        return f"{LIST}?cancelled=false"
    return f"{LIST}?cancelled=false&when=between&from_date={first}&to_date={last}"


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
        url=_sales_url(day.first, day.last),
        soft=day.first <= today <= day.last,
    )


def _label(day: SalesDay, by_month: bool, today: date) -> str:
    if by_month:
        return f"{day.first:%b %Y}"
    return format_day(day.first, today=today) if day.first.year == today.year else format_date(day.first)


def _day(day: date | None) -> str:
    return format_day(day, today=business_today(settings().timezone)) if day else ""


def _write_when(moment: datetime | None) -> str:
    zone = settings().timezone
    return format_when(moment, zone, today=business_today(zone)).replace("Today, ", "")
