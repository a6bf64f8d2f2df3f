"""The figures of Home, at most six per role: each with its comparison and a link to its rows."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from documents.filters import format_number, format_percent, format_plural, format_points, format_when
from domain.kernel.clock import business_today
from domain.kernel.money import format_money
from domain.reports.home import Home, Period, Sales, Waiting
from domain.sales.rep_home import RepHome
from domain.warehouse.floor import DayCounts, Stage
from portal.figures import Figure
from web.request import settings

# The ranges for a rep's own sales.
MY_SALES_DAYS = (7, 30, 90, 365)
SINCE_EVER = date(2000, 1, 1)
LIST = "/portal/orders"
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


def choose_figures(home: Home, floor: DayCounts | None, rep: RepHome | None) -> Iterator[Figure]:
    """The figures of this role."""
    if floor is not None:
        return _list_floor(floor)
    return _list_figures(home) if rep is None else _list_rep(home, rep)


def _list_figures(home: Home) -> Iterator[Figure]:
    """At most six figures for the desk."""
    waiting = home.waiting
    if home.sales is not None:
        rows = sales_url(home.period.first, home.period.last)
        yield _compare("Revenue", home.sales.revenue, home.before.revenue if home.before else None, rows, home.sales)
        yield _compare(
            "Average order", home.sales.average, home.before.average if home.before else None, rows, home.sales
        )
    else:
        yield _count(home, Waiting.CONFIRMED, "To pack", "Confirmed orders not yet packed")
        yield _count(home, Waiting.PACKED, "To ship", "Packed orders that have not shipped")
        yield _count(home, Waiting.SHIPPED, "In transit", "Shipped orders not yet delivered")
        yield _count(home, Waiting.ON_HOLD, "On hold", "Orders waiting for the office")
        return
    long = waiting[Waiting.PENDING].waiting_long
    was = f"{long:,} older than an hour" if long else "none older than an hour"
    yield _count(home, Waiting.PENDING, "To confirm", "Pending orders that are not on hold", was)
    held = f"{format_money(waiting[Waiting.ON_HOLD].balance)} held"
    yield _count(home, Waiting.ON_HOLD, "On hold", "Net 30 orders that credit does not cover", held)
    checks = f"{format_money(waiting[Waiting.CHECKS].balance)} waiting"
    yield _count(home, Waiting.CHECKS, "Checks to review", "Paper checks waiting for a decision", checks)
    if home.failed_mails is not None:
        url, meaning = "/portal/outbox?state=failed", "Messages given up after several attempts"
        was = "they can be sent again" if home.failed_mails else "everything left"
        yield Figure("Failed messages", format_number(home.failed_mails), url, meaning, was=was)
    else:
        yield _count(home, Waiting.CONFIRMED, "To pack", "Confirmed orders not yet packed")


def _list_floor(counts: DayCounts) -> Iterator[Figure]:
    """The six figures for a packer, each linked to its rows."""
    beside = {
        Stage.SHIPPED_TODAY: f"{format_number(counts.shipped_yesterday)} yesterday",
        Stage.DELIVERED: f"{format_number(counts.delivered_before)} in the 7 days before",
        Stage.TO_PICK: f"{format_plural(counts.to_pack, 'more order')} to pack",
        Stage.TO_SHIP: f"of {format_plural(counts.active, 'open order')}",
        Stage.IN_TRANSIT: f"{format_plural(counts.late, 'parcel')} late" if counts.late else "none late",
        Stage.SHORT: "set aside" if counts.short else "nothing is missing",
    }
    for label, count, stage, meaning in (
        ("To pick", counts.to_pick, Stage.TO_PICK, "Orders not yet picked"),
        ("To ship", counts.to_ship, Stage.TO_SHIP, "Packed orders that have not shipped"),
        ("Shipped today", counts.shipped_today, Stage.SHIPPED_TODAY, "Orders shipped today"),
        ("In transit", counts.in_transit, Stage.IN_TRANSIT, "Shipped orders not yet delivered"),
        ("Delivered, 7 days", counts.delivered, Stage.DELIVERED, "Delivered in the last seven days"),
        ("Short", counts.short, Stage.SHORT, "Orders set aside because something is missing"),
    ):
        url = f"/portal/warehouse?stage={stage.value}"
        yield Figure(label, format_number(count), url, meaning, was=beside[stage])


def _list_rep(home: Home, rep: RepHome) -> Iterator[Figure]:
    """A rep's own figures; more is better, except for overdue regulars."""
    sales, before = home.sales or Sales(), home.before
    url = sales_url(home.period.first, home.period.last)
    calls = f"/portal/performance/calls?from_date={home.period.first or SINCE_EVER}&to_date={home.period.last}"
    yield _compare_count("Calls", rep.calls, rep.calls_before, calls, "Outcomes logged by you")
    yield _compare_conversion(home.period, sales, rep, before)
    meaning = "Orders credited to you, except cancelled"
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
        "No order for 1.3 times their usual gap, but for less than 90 days",
        tone="bad" if rep.overdue else "quiet",
        was="call them first" if rep.overdue else "all on time",
    )


def _compare_conversion(period: Period, sales: Sales, rep: RepHome, before: Sales | None) -> Figure:
    """Orders per call, compared with the previous period in percentage points."""
    share = _convert(sales.orders, rep.calls)
    sum_of = f"{format_plural(sales.orders, 'order')} ÷ {format_plural(rep.calls, 'call')}"
    days = (period.last - period.first).days + 1 if period.first else None
    url = "/portal/my-sales" + (f"?days={days}" if days in MY_SALES_DAYS else "")
    meaning = f"Orders credited to you, per call: {sum_of}"
    if before is None or rep.calls_before is None:
        return Figure("Conversion", format_percent(share), url, meaning, was=sum_of)
    was = _convert(before.orders, rep.calls_before)
    change = round(share - was, 1)
    return Figure(
        "Conversion",
        format_percent(share),
        url,
        meaning,
        tone="good" if change > 0 else "bad" if change < 0 else "quiet",
        arrow="up" if change > 0 else "down" if change < 0 else "",
        change=format_points(abs(change)) if change else "No change",
        was=f"from {format_percent(was)}",
    )


def _convert(orders: int, calls: int) -> float:
    return orders / calls * 100 if calls else 0.0


def _compare_count(label: str, value: int, before: int | None, url: str, meaning: str) -> Figure:
    """A count compared with the previous period; more is better."""
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
        was = f"oldest {write_when(found.oldest_at)}" if found.oldest_at else "nothing waits"
    return Figure(label, format_number(found.count), URLS[kind], meaning, was=was)


def _compare(label: str, value: Decimal, before: Decimal | None, url: str, sales: Sales) -> Figure:
    """An amount compared with the previous period; more is better."""
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


def sales_url(first: date | None, last: date) -> str:
    """The URL of the orders behind a period's revenue."""
    if first is None:
        return f"{LIST}?cancelled=false"
    return f"{LIST}?cancelled=false&when=between&from_date={first}&to_date={last}"


def write_when(moment: datetime | None) -> str:
    """A time as Home writes it."""
    zone = settings().timezone
    return format_when(moment, zone, today=business_today(zone)).replace("Today, ", "")
