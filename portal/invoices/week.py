"""Invoicing a week's shipped orders on terms in one act, after a preview."""

from collections.abc import Container, Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from quart import Blueprint, Response, request

from documents.filters import format_plural
from domain.access.rights import Right
from domain.invoices.terms import calculate_due_date
from domain.invoices.week import InvoiceWeek, WeekDone, invoice_week, preview_week, week_of
from domain.kernel.clock import business_today
from domain.kernel.inputs import DateIn, Input
from domain.kernel.whole_numbers import read_ids
from models import InvoiceTerms
from portal.attempts import attempt
from portal.invoices.list import LIST
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_invoice_week", __name__)


class WeekQuery(Input):
    """Any day of the week; by default last week."""

    of: DateIn | None = None


@blueprint.get(f"{LIST}/week")
@staff_page(Right.EDIT_INVOICES)
@reads_query(WeekQuery)
async def show_week(query: WeekQuery) -> Response:
    """The preview of invoicing the week."""
    return await _show(query, {"how": "mail", "one_mail": "on"})


@blueprint.post(f"{LIST}/week")
@staff_page(Right.EDIT_INVOICES)
async def invoice_the_week() -> Response:
    """Invoice the selected orders; one that fails is left out and gets no number."""

    async def act(data: InvoiceWeek) -> WeekDone:
        return await invoice_week(db(), data, by=current_actor(), timezone=settings().timezone)

    tried = await attempt(InvoiceWeek, act)
    if tried.result is None:
        problem = tried.problem or "Select at least one order."
        chosen = set(read_ids((await request.form).getlist("order")))
        return await _show(_read_week(tried.typed), tried.typed, chosen, problem, tried.status)
    toast = f"{format_plural(len(tried.result.invoices), 'draft' if tried.typed['how'] == 'draft' else 'invoice')} made"
    if tried.result.failed:
        number, reason = next(iter(tried.result.failed.items()))
        toast += f", {len(tried.result.failed)} not. {number}: {reason}"
    return await redirect_to(LIST, toast=toast)


def _read_week(typed: Mapping[str, str]) -> WeekQuery:
    """The form's week, or last week if it can't be read."""
    try:
        return WeekQuery.model_validate({"of": typed["of"]})
    except ValidationError:
        return WeekQuery()


async def _show(
    query: WeekQuery,
    typed: Mapping[str, str],
    chosen: Container[int] | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    today = business_today(settings().timezone)
    day = query.of or today - timedelta(days=7)
    week = await preview_week(db(), day, by=current_actor(), timezone=settings().timezone)
    weeks: list[dict[str, Any]] = [
        {
            "word": "This week so far" if back == 0 else "Last week" if back == 1 else f"{back} weeks ago",
            "url": f"{LIST}/week?of={week_of(today - timedelta(days=7 * back))[0]}",
            "current": week_of(today - timedelta(days=7 * back))[0] == week.first,
        }
        for back in (2, 1, 0)
    ]
    return await page_or_block(
        "invoices/week.html",
        block="week_page",
        status=status,
        week=week,
        weeks=weeks,
        chosen={order.id for order in week.orders} if chosen is None else chosen,
        typed=typed,
        problem=problem,
        today=today,
        due_on=calculate_due_date(InvoiceTerms.NET30, today),
    )
