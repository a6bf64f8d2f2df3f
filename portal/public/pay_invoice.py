"""A customer's invoice page, opened by a signed link: open amounts on this and other invoices, and how to pay.

Opening a link changes nothing and starts nothing, because mail scanners open links; all changes are POSTs.
"""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response, redirect, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

import domain.invoices.settle_card
import domain.invoices.settle_refund  # noqa: F401 - both write down what Stripe says of invoices
from documents.invoice_pdf import TERMS, make_invoice_writer, render_statement
from domain.invoices.checkout import ask_about_invoice, get_payment_url, open_invoice_checkout
from domain.invoices.links import make_invoice_url, read_invoice_token
from domain.invoices.own_invoices import OwnInvoicePage, get_own_page
from domain.invoices.papers import get_revision_pdf, name_file
from domain.invoices.reminders import gets_reminders, switch_own_reminders
from domain.invoices.statement import get_own_statement
from domain.kernel.clock import business_today
from domain.kernel.errors import DomainError, NotFound
from domain.payments.card import SMALLEST
from portal.attempts import form_status
from portal.public.pay import REMEMBERED
from portal.render import page_or_block, redirect_to
from web.guards import limited, public
from web.papers import answer_pdf
from web.request import db, settings

blueprint = Blueprint("pay_invoice", __name__)
PAGE = "/pay/invoice/<token>"


@blueprint.get(PAGE)
@public
@limited("pay_page", 120, seconds=60)
async def show_own_invoice(token: str) -> Response:
    """The open amounts of an invoice and the customer's others."""
    return await _show(token)


@blueprint.get(f"{PAGE}/pdf")
@public
@limited("pay_page", 120, seconds=60)
async def show_own_pdf(token: str) -> Response:
    """The invoice as PDF."""
    page = await get_own_page(db(), _read(token))
    await db().rollback()
    invoice = page.invoice
    data = await get_revision_pdf(invoice.id, invoice.revision, write_pdf=make_invoice_writer(settings()))
    return answer_pdf(data, name_file(invoice.invoice_number, invoice.payer))


@blueprint.get(f"{PAGE}/statement")
@public
@limited("pay_page", 120, seconds=60)
async def show_own_statement(token: str) -> Response:
    """The statement of the invoice's customer as PDF, as of today."""
    today, zone = business_today(settings().timezone), settings().timezone
    statement = await get_own_statement(db(), _read(token), as_of=today, timezone=zone)
    await db().rollback()
    data = await render_statement(statement, settings=settings())
    return answer_pdf(data, name_file(f"Statement {today}", statement.company or statement.name))


@blueprint.get(f"{PAGE}/reminders")
@public
@limited("pay_page", 120, seconds=60)
async def ask_reminders(token: str) -> Response:
    """The form for turning reminders off or on."""
    return await _show_reminders(token)


@blueprint.post(f"{PAGE}/reminders")
@public
@limited("pay_page", 120, seconds=60)
async def switch_reminders(token: str) -> Response | WerkzeugResponse:
    """Turn the customer's reminders off, or on again."""

    async def switch() -> Response:
        on = (await request.form).get("on") == "1"
        await switch_own_reminders(db(), _read(token), on=on)
        return await redirect_to(f"/pay/invoice/{token}/reminders")

    return await _try(token, switch)


@blueprint.post(f"{PAGE}/pay")
@public
@limited("payment_intent", 20, seconds=3600)
async def pay_own_invoice(token: str) -> Response | WerkzeugResponse:
    """Open Stripe's page for the invoice."""

    async def lead_out() -> WerkzeugResponse:
        return _leave(token, await get_payment_url(_read(token), settings=settings()))

    return await _try(token, lead_out)


@blueprint.post(f"{PAGE}/pay-all")
@public
@limited("payment_intent", 20, seconds=3600)
async def pay_all_invoices(token: str) -> Response | WerkzeugResponse:
    """Open Stripe's page for all of the customer's open invoices."""

    async def lead_out() -> WerkzeugResponse:
        return _leave(token, await open_invoice_checkout(_read(token), pays_all=True, settings=settings()))

    return await _try(token, lead_out)


@blueprint.post(f"{PAGE}/arrived")
@public
@limited("pay_page", 120, seconds=60)
async def look_for_payment(token: str) -> Response | WerkzeugResponse:
    """Ask Stripe whether the payment has arrived, and show the page again."""

    async def ask() -> Response:
        invoice_id = _read(token)
        await ask_about_invoice(invoice_id, settings=settings())
        page = await get_own_page(db(), invoice_id)
        is_payable = page.is_open and not page.is_waiting
        return await redirect_to(f"/pay/invoice/{token}?not_arrived=1" if is_payable else f"/pay/invoice/{token}")

    return await _try(token, ask)


def _read(token: str) -> int:
    return read_invoice_token(token, settings=settings())


def _leave(token: str, url: str) -> WerkzeugResponse:
    """Redirect to Stripe; the browser remembers the page to return to, which Stripe does not get."""
    session[REMEMBERED] = f"invoice/{token}"
    return redirect(url, 303)


async def _try(token: str, act: Callable[[], Awaitable[Response | WerkzeugResponse]]) -> Response | WerkzeugResponse:
    """Do the act, or show the page again with the error."""
    try:
        return await act()
    except NotFound:
        raise
    except DomainError as refusal:
        await db().rollback()
        return await _show(token, refusal)


async def _show_reminders(token: str) -> Response:
    try:
        invoice_id = _read(token)
        page: OwnInvoicePage = await get_own_page(db(), invoice_id)
        is_on = await gets_reminders(db(), invoice_id)
        if is_on is None:
            raise NotFound("This invoice has no account, so there are no reminders to turn off.")
    except NotFound as unknown:
        return await page_or_block("public/pay/unknown.html", status=404, message=unknown.message)
    url = f"/pay/invoice/{token}"
    response = await page_or_block("public/pay/reminders.html", invoice=page.invoice, is_on=is_on, url=url)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def _show(token: str, refusal: DomainError | None = None) -> Response:
    try:
        page: OwnInvoicePage = await get_own_page(db(), _read(token))
    except NotFound as unknown:
        return await page_or_block("public/pay/unknown.html", status=404, message=unknown.message)
    response = await page_or_block(
        "public/pay/invoice.html",
        block="pay_page",
        status=form_status(refusal) if refusal else 200,
        page=page,
        invoice=page.invoice,
        url=f"/pay/invoice/{token}",
        others=[(other, make_invoice_url(other.id, settings=settings())) for other in page.others],
        terms=TERMS[page.invoice.payment_terms],
        takes_cards=bool(settings().stripe_secret_key),
        smallest=SMALLEST,
        pays_all=bool(request.args.get("all")),
        returned=bool(request.args.get("paid")),
        not_arrived=bool(request.args.get("not_arrived")),
        problem=refusal.message if refusal else "",
        company_address=settings().company_address,
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
