"""Commissions: months of all reps, statements, marking them paid, locking a month, and rates."""

from datetime import date
from typing import Any

from quart import Blueprint, Response, abort, request

from documents.filters import format_day, format_plural
from documents.pdf import render_pdf
from domain.access.rights import Right
from domain.commissions.pay import BulkCommissionPaid, mark_commissions_paid
from domain.commissions.statements import (
    LockMonth,
    SetRate,
    Statement,
    export_statement,
    get_statement,
    list_months,
    lock_month,
    set_rate,
)
from domain.kernel.clock import business_today, first_of_month
from domain.kernel.inputs import read_values
from domain.kernel.money import ZERO, format_money
from models import CommissionKind
from models.session import current_database
from portal.attempts import Attempt, NoFields, attempt, refusal_of
from portal.render import page_or_block, redirect_to
from web.exports import audits_export
from web.guards import staff_page
from web.papers import answer_pdf
from web.request import current_actor, db, settings
from web.streams import stream_file
from web.templates import render_template

blueprint = Blueprint("portal_commissions", __name__)
LIST = "/portal/commissions"
# Labels for reversals, by the status of the order.
TAKEN_BACK = {
    "partially_refunded": "Returned",
    "refunded": "Returned",
    "cancelled": "Cancelled",
    "unpaid": "Unpaid again",
    "reassigned": "Another rep’s now",
}


@blueprint.get(LIST)
@staff_page(Right.SEE_COMMISSIONS)
async def show_months() -> Response:
    """What is due to each rep, by month."""
    months = await list_months(db(), visible_to=current_actor())
    running = first_of_month(business_today(settings().timezone))
    return await page_or_block(
        "calling/commissions.html",
        block="months",
        months=months,
        running=running,
        open_months=sorted({row.month for row in months if row.locked_at is None and row.month < running}),
    )


def _read_month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        abort(404)


async def _find(rep_id: int, month: str) -> Statement:
    return await get_statement(db(), rep_id, _read_month(month), visible_to=current_actor())


@blueprint.get(f"{LIST}/<id:rep_id>/<month>")
@staff_page(Right.SEE_COMMISSIONS)
async def show_statement(rep_id: int, month: str) -> Response:
    """One rep's month."""
    found = await _find(rep_id, month)
    return await page_or_block(
        "calling/statement.html",
        block="statement",
        statement=found,
        url=f"{LIST}/{rep_id}/{month}",
        is_over=found.month < first_of_month(business_today(settings().timezone)),
        figures=_list_figures(found),
        history=_list_history(found),
        words=TAKEN_BACK,
    )


def _list_figures(found: Statement) -> list[dict[str, str]]:
    """The sums of a month, each with its number of entries."""
    zone = settings().timezone
    back = sum(line.kind == CommissionKind.TAKEN_BACK for line in found.lines)
    newest = [
        f"{format_day(each.paid_at, zone, today=business_today(zone))}, {each.paid_by}" for each in found.payments
    ]
    open_entries = sum(not line.is_paid for line in found.lines)
    figures = (
        ("Earned", found.earned, format_plural(len(found.lines) - back, "order"),
         "Commission on orders paid in full during the month, and advances"),
        ("Taken back", found.taken_back, format_plural(back, "entry", "entries"),
         "Taken back in the month for refunds, cancellations and orders given to another rep"),
        ("Paid", found.paid, newest[0] if newest else "", "Entries marked paid"),
        ("To pay", found.to_pay, format_plural(open_entries, "entry", "entries"), "Earned + taken back − paid"),
    )  # fmt: skip
    blank = {"url": "#entries", "tone": "quiet", "arrow": "", "change": ""}
    return [
        blank | {"label": label, "value": format_money(amount), "was": was, "meaning": meaning}
        for label, amount, was, meaning in figures
    ]


def _list_history(found: Statement) -> list[dict[str, object]]:
    """The history of a month, newest first."""
    blank = {"before": "", "after": "", "note": ""}
    acts: list[dict[str, object]] = [
        blank | {
            "icon": "circle-check", "tone": "good", "who": each.paid_by, "at": each.paid_at,
            "text": f"{format_plural(each.entries, 'entry', 'entries')} marked paid, {format_money(each.amount)}",
        }
        for each in found.payments
    ]  # fmt: skip
    if found.locked_at:
        said = f"Locked, {format_money(found.total)}"
        acts.append(blank | {"icon": "lock", "tone": "", "who": found.locked_by, "at": found.locked_at, "text": said})
    return sorted(acts, key=lambda act: str(act["at"]), reverse=True)


@blueprint.get(f"{LIST}/<id:rep_id>/<month>/csv")
@staff_page(Right.SEE_COMMISSIONS)
@audits_export("commission")
async def download_csv(rep_id: int, month: str) -> Response:
    """The same as a file."""
    found = await _find(rep_id, month)
    return await stream_file(export_statement(found), f"commission-{rep_id}-{month}.csv")


@blueprint.get(f"{LIST}/<id:rep_id>/<month>/pdf")
@staff_page(Right.SEE_COMMISSIONS)
async def download_pdf(rep_id: int, month: str) -> Response:
    """The same as PDF."""
    # No database connection is held while the PDF is made.
    async with current_database().session() as session:
        found = await get_statement(session, rep_id, _read_month(month), visible_to=current_actor())
    pdf = await render_pdf(await render_template("pdf/commission.html", statement=found))
    return answer_pdf(pdf, f"commission-{rep_id}-{month}.pdf")


@blueprint.post(f"{LIST}/<id:rep_id>/<month>/pay")
@staff_page(Right.PAY_COMMISSIONS)
async def pay_statement(rep_id: int, month: str) -> Response:
    """Mark the selected entries paid, or all unpaid ones."""
    found = await _find(rep_id, month)
    numbers = (await request.form).getlist("order_numbers") or found.unpaid_numbers
    done = await mark_commissions_paid(
        db(), read_values(BulkCommissionPaid, {"order_numbers": numbers}), by=current_actor(), rep_id=rep_id
    )
    return await redirect_to(f"{LIST}/{rep_id}/{month}", toast=f"{done} marked paid")


@blueprint.get(f"{LIST}/<month>/lock")
@staff_page(Right.PAY_COMMISSIONS)
async def show_lock(month: str) -> Response:
    """Ask before a month becomes final."""
    return await _ask_lock(_read_month(month))


@blueprint.post(f"{LIST}/<month>/lock")
@staff_page(Right.PAY_COMMISSIONS)
async def lock(month: str) -> Response:
    """Make a month final."""
    asked = _read_month(month)

    async def save(_: NoFields) -> date:
        return await lock_month(db(), LockMonth(month=asked), by=current_actor())

    tried = await attempt(NoFields, save)
    if tried.result is None:
        return await _ask_lock(asked, tried)
    return await redirect_to(LIST, toast=f"{tried.result:%B %Y} is locked")


async def _ask_lock(month: date, tried: Attempt[Any] | None = None) -> Response:
    found = [row for row in await list_months(db(), visible_to=current_actor()) if row.month == month]
    total = format_money(sum((row.total for row in found), ZERO))
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        **refusal_of(tried),
        title=f"Lock {month:%B %Y}?",
        url=f"{LIST}/{month:%Y-%m}/lock",
        verb="Lock",
        danger=False,
        back_url=LIST,
        text=f"{format_plural(len(found), 'statement')}, {total} in all. A locked month never changes: what is refunded"
        " later is taken back in the month of the refund.",
    )


@blueprint.get(f"{LIST}/<id:rep_id>/rate")
@staff_page(Right.EDIT_STAFF)
async def show_rate_form(rep_id: int) -> Response:
    """Ask for a rate and its first day."""
    return await _ask_rate(rep_id)


@blueprint.post(f"{LIST}/<id:rep_id>/rate")
@staff_page(Right.EDIT_STAFF)
async def save_rate(rep_id: int) -> Response:
    """Save a rate from a day on."""

    async def save(data: SetRate) -> bool:
        await set_rate(db(), rep_id, data, by=current_actor())
        return True

    tried = await attempt(SetRate, save)
    if tried.result is None:
        return await _ask_rate(rep_id, tried)
    month = business_today(settings().timezone)
    return await redirect_to(f"{LIST}/{rep_id}/{month:%Y-%m}", toast="Rate saved")


async def _ask_rate(rep_id: int, tried: Any = None) -> Response:
    today = business_today(settings().timezone)
    found = await get_statement(db(), rep_id, today, visible_to=current_actor())
    return await page_or_block(
        "calling/rate.html", block="dialog", status=tried.status if tried else 200, statement=found, today=today,
        typed=tried.typed if tried else {}, errors=tried.errors if tried else {},
        problem=tried.problem if tried else "",
    )  # fmt: skip
