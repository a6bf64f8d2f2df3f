"""A page with all shared parts, for development only.

Its rows are samples; nothing here reads the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from quart import Blueprint, Response, request

from documents.filters import format_day
from domain.catalogue.list_products import list_featured_products
from domain.kernel.clock import business_date, now
from domain.kernel.errors import NotFound
from domain.kernel.money import format_money, round_half_up
from domain.kernel.neighbours import Neighbours
from domain.kernel.paging import Page, PageInput
from domain.messages.about import MessageLine
from domain.orders.line_facts import LastSold, LineFacts
from domain.search.find import FoundCustomer, FoundProduct
from models.session import raw_connection
from portal.administration.outbox import show_mail_page
from portal.charts import Chart, Point, draw_chart
from portal.mail_samples import GOODS, MailSample, SampleGood, list_samples
from portal.render import page_or_block, redirect_to
from portal.walk import Opened, make_walk
from web.guards import staff_page
from web.request import db, settings

blueprint = Blueprint("portal_parts", __name__)
START = datetime(2026, 11, 23, 15, 41, tzinfo=UTC)
PER_PAGE = 6
MESSAGES = [
    MessageLine(3, "text", "pay_link", "+12165550148", "queued", "", START, None),
    MessageLine(2, "email", "pay_link", "maren@oldmill.example", "not_sent", "SMTP_HOST is not set.", START, None),
    MessageLine(1, "email", "order_received", "maren@oldmill.example", "sent", "", START, START),
]
WHISK = FoundProduct(
    1, "Balloon whisk, 16 in", "WHK-16", "Brim & Steel", "each", Decimal("8.90"), None, None, 84, True, "C-07", None
)
MILL = FoundCustomer(
    1, "Old Mill Tavern", "Maren Holt", "+12165550148", "maren@oldmill.example", "Akron", "OH", "net30"
)


@dataclass(frozen=True, slots=True)
class SampleOrder:
    id: int
    number: str
    placed_at: datetime
    company: str
    rep: str
    items: int
    payment_status: str
    payment_method: str
    amount_paid: Decimal
    status: str
    on_hold: bool
    total: Decimal


def _order(  # noqa: PLR0917 -- a table of samples reads best as rows
    id_: int,
    number: str,
    hours: float,
    company: str,
    rep: str,
    items: int,
    payment: str,
    state: str,
    total: str,
) -> SampleOrder:
    status, _, method = payment.partition(" ")
    return SampleOrder(
        id=id_,
        number=number,
        placed_at=START - timedelta(hours=hours),
        company=company,
        rep=rep,
        items=items,
        payment_status="unpaid" if status == "part" else status,
        payment_method=method,
        amount_paid=Decimal(100) if status == "part" else Decimal(0),
        status="pending" if state == "on_hold" else state,
        on_hold=state == "on_hold",
        total=Decimal(total),
    )


ORDERS = (
    _order(1, "LLD-7KQ4-M9XD", 0, "Copper Kettle Café", "Dana Whitlock", 4, "unpaid net30", "pending", "642.80"),
    _order(
        2,
        "LLD-3VN8-H2TP",
        0.3,
        "Harbor Lane Bistro",
        "Dana Whitlock",
        11,
        "unpaid net30",
        "on_hold",
        "2318.45",
    ),
    _order(3, "LLD-9XEJ-Q6RC", 0.7, "Sunday Oven Bakery", "Web", 7, "paid credit_card", "pending", "418.20"),
    _order(
        4,
        "LLD-W4FD-8KZM",
        1,
        "The Brass Spoon",
        "Luis Ocampo",
        3,
        "pending_review check",
        "pending",
        "1096.00",
    ),
    _order(
        5,
        "LLD-6PHT-C3VY",
        1.5,
        "Marigold Thai Kitchen",
        "Voice",
        9,
        "failed credit_card",
        "pending",
        "287.55",
    ),
    _order(6, "LLD-K8RM-5WQN", 15, "Old Mill Tavern", "Luis Ocampo", 14, "part check", "confirmed", "1784.90"),
    _order(7, "LLD-2JCX-V7HB", 17, "Nopal Taqueria", "Dana Whitlock", 6, "paid ach", "confirmed", "533.10"),
    _order(8, "LLD-8MYV-X3CE", 40, "Trattoria Lucenza", "Luis Ocampo", 8, "paid credit_card", "packed", "912.35"),
    _order(9, "LLD-Y7FX-M4DZ", 47, "Golden Wok House", "Luis Ocampo", 12, "paid ach", "shipped", "1422.65"),
    _order(
        10,
        "LLD-5NJD-B2XK",
        72,
        "Juniper Coffee Bar",
        "Web",
        2,
        "partially_refunded credit_card",
        "delivered",
        "154.25",
    ),
    _order(
        11,
        "LLD-Q9XT-3JHD",
        115,
        "Little Acorn Daycare",
        "Web",
        4,
        "refunded credit_card",
        "cancelled",
        "226.15",
    ),
)
SORTS = {"total": lambda order: order.total, "placed": lambda order: order.placed_at}


@blueprint.get("/portal/parts")
@staff_page()
async def show_parts() -> Response:
    """Every shared part on one page."""
    sort = request.args.get("sort", "-placed")
    words = request.args.get("q", "").lower()
    number = max(1, request.args.get("page", 1, type=int))
    found = [order for order in ORDERS if words in (order.number + order.company).lower()]
    found.sort(key=SORTS.get(sort.lstrip("-"), SORTS["placed"]), reverse=sort.startswith("-"))
    rows = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    return await page_or_block(
        "parts.html",
        block="part_list",
        changed_at=START,
        page=Page(rows=rows, total=len(found), page=number, per_page=PER_PAGE),
        total=sum((order.total for order in found), Decimal(0)),
        sort=sort,
        words=request.args.get("q"),
        samples=ORDERS,
        walk=make_walk(
            Opened(PageInput(), "q=", 2),
            Neighbours("#before", "#after", 1, 13, is_more=False),
            list_url="/portal/parts",
            url_of=str,
            crumb="Pending orders",
            words="pending, oldest first",
        ),
        chart=_draw_sample(),
        products=[WHISK],
        customers=[MILL],
        messages=MESSAGES,
        facts=LineFacts(LastSold("LLD-2611-0042", START, 12, Decimal("8.40")), Decimal("6.50")),
        now=START,
    )


@blueprint.get("/portal/parts/mails")
@staff_page()
async def show_mails() -> Response:
    """All emails, as rendered."""
    return await page_or_block("part_mails.html", block="mails", mails=await _list_mails())


@blueprint.get("/portal/parts/mails/<key>")
@staff_page()
async def show_mail(key: str) -> Response:
    """One of them, for a frame without scripts."""
    letter = next((sample.letter for sample in await _list_mails() if sample.key == key), None)
    if letter is None:
        raise NotFound("There is no such mail.")
    return await show_mail_page(letter.subject, letter.text)


async def _list_mails() -> list[MailSample]:
    """The samples, with products of the catalogue if it has at least three."""
    found = await list_featured_products(await raw_connection(db()), limit=len(GOODS))
    own = [SampleGood(row["name"], row["sku"], round_half_up(Decimal(str(row["unit_price"])))) for row in found]
    goods = own if len(own) == len(GOODS) else GOODS
    return list_samples(goods, today=business_date(now(), settings().timezone), settings=settings())


@blueprint.post("/portal/parts")
@staff_page()
async def save_parts() -> Response:
    """Answer the sample forms with a toast that can be undone."""
    return await redirect_to("/portal/parts", toast="3 orders assigned to Luis Ocampo", undo="/portal/parts")


@blueprint.get("/portal/parts/void")
@staff_page()
async def show_void() -> Response:
    """The sample confirmation."""
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        title="Void invoice 10483?",
        url="/portal/parts",
        verb="Void invoice",
        keep="Keep it",
        back_url="/portal/parts",
        text="The $784.90 still open is no longer owed, and Old Mill Tavern gets an email that says so."
        " The number stays in the books. This can’t be undone.",
    )


def _draw_sample() -> Chart:
    last = date(2026, 11, 23)
    days = [last - timedelta(days=back) for back in range(29, -1, -1)]
    points = []
    for index, day in enumerate(days):
        busy = 0.2 if day.weekday() >= 5 else 1.0
        value = Decimal(round((1500 + (index * 377) % 1500) * busy, 2))
        before = Decimal(round((1400 + (index * 211) % 1200) * busy, 2))
        label = format_day(day, today=last)
        points.append(
            Point(
                label=label,
                value=float(value),
                before=float(before),
                title=f"{day:%a} {label}: {format_money(value)}",
                cells=(f"{day:%a}, {label}", format_money(value), format_money(before)),
                soft=day == last,
            )
        )
    return draw_chart(
        points,
        title="Revenue by day",
        period="Oct 25 – Nov 23, cancelled orders left out",
        summary="Revenue by day, Oct 25 to Nov 23.",
        columns=("Day", "Revenue", "30 days before"),
        legend=(("bar", "This period"), ("before", "30 days before"), ("bar-soft", "Today so far")),
    )
