"""A customer's page of one invoice, behind its signed link: what is owed on it and on others, and how to pay."""

from quart import Blueprint, Response, redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from documents.invoice_pdf import TERMS, make_invoice_writer
from domain.invoices.links import make_invoice_url, read_invoice_token
from domain.invoices.own_invoices import OwnInvoicePage, get_own_page, get_payment_url
from domain.invoices.papers import get_revision_pdf, name_file
from domain.kernel.errors import DomainError, NotFound
from portal.attempts import form_status
from portal.render import page_or_block
from web.guards import limited, public
from web.papers import answer_pdf
from web.request import db, settings

blueprint = Blueprint("pay_invoice", __name__)


@blueprint.get("/pay/invoice/<token>")
@public
@limited("pay_page", 120, seconds=60)
async def show_own_invoice(token: str) -> Response:
    """What is owed on an invoice, and on the customer's others."""
    return await _show(token)


@blueprint.get("/pay/invoice/<token>/pdf")
@public
@limited("pay_page", 120, seconds=60)
async def show_own_pdf(token: str) -> Response:
    """The invoice as PDF."""
    page = await get_own_page(db(), read_invoice_token(token, settings=settings()))
    await db().rollback()
    invoice = page.invoice
    data = await get_revision_pdf(invoice.id, invoice.revision, write_pdf=make_invoice_writer(settings()))
    return answer_pdf(data, name_file(invoice.invoice_number, invoice.payer))


@blueprint.post("/pay/invoice/<token>/pay")
@public
@limited("payment_intent", 20, seconds=3600)
async def pay_own_invoice(token: str) -> Response | WerkzeugResponse:
    """Open the page at which the invoice is paid."""
    try:
        url = await get_payment_url(db(), read_invoice_token(token, settings=settings()), settings=settings())
    except NotFound:
        raise
    except DomainError as refusal:
        await db().rollback()
        return await _show(token, refusal)
    return redirect(url, 303)


async def _show(token: str, refusal: DomainError | None = None) -> Response:
    try:
        page: OwnInvoicePage = await get_own_page(db(), read_invoice_token(token, settings=settings()))
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
        problem=refusal.message if refusal else "",
        company_address=settings().company_address,
        company_phone=settings().company_phone,
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
