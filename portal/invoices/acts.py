"""Acts on invoices that ask first: mail, record money (also one receipt over several), credit, void, copy, remind."""

from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response

from domain.access.rights import Right
from domain.invoices.copy import copy_invoice
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.invoice_page import InvoicePage, get_invoice_page
from domain.invoices.mail import MailInvoice, mail_invoice, remind_by_hand
from domain.invoices.receive import MOST_INVOICES, RecordReceipt, record_receipt
from domain.invoices.reminders import switch_reminders
from domain.invoices.void import delete_invoice
from domain.kernel.inputs import Id, Input, Text2000
from domain.kernel.money import format_money
from domain.kernel.whole_numbers import read_ids
from models import Channel
from portal.attempts import Attempt, attempt, form_version, refusal_of
from portal.invoices.invoice import REASON_WORDS
from portal.invoices.list import LIST
from portal.once import attempt_once
from portal.outgoing import say_leaving
from portal.render import doubt_toast, lead_back, page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs, reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_invoice_acts", __name__)
METHODS = [("check", "Check"), ("cash", "Cash"), ("ach", "Bank transfer"), ("credit_card", "Card")]


class ReceiveQuery(Input):
    """The invoices that one payment is for; without any, the page redirects to the list."""

    invoice: Annotated[list[Id], Field(max_length=MOST_INVOICES)] = Field(default_factory=list)


class Noted(Input):
    """A short note about an act."""

    note: Text2000 = ""


@blueprint.get(f"{LIST}/<id:invoice_id>/mail")
@staff_page(Right.EDIT_INVOICES)
async def show_mail(invoice_id: int) -> Response:
    """Ask for the recipient of the invoice."""
    return await _ask("mail", await _read(invoice_id))


@blueprint.post(f"{LIST}/<id:invoice_id>/mail")
@staff_page(Right.EDIT_INVOICES)
async def send_mail(invoice_id: int) -> Response:
    """Send the invoice with its PDF; a draft gets its number."""
    version = await form_version()

    async def send(data: MailInvoice) -> Any:
        return await mail_invoice(
            db(), invoice_id, data, by=current_actor(), timezone=settings().timezone, version=version
        )

    tried = await attempt(MailInvoice, send)
    if tried.result is None:
        return await _ask("mail", await _read(invoice_id), tried)
    invoice, to = tried.result
    return await redirect_to(
        f"{LIST}/{invoice_id}", toast=f"{invoice.invoice_number} {await say_leaving(Channel.EMAIL, to)}"
    )


@blueprint.get(f"{LIST}/receive")
@staff_page(Right.RECORD_PAYMENTS)
@reads_query(ReceiveQuery)
async def show_receive(query: ReceiveQuery) -> Response:
    """Ask for the amount received for one or several invoices."""
    return await _ask_receipt(query.invoice) if query.invoice else await lead_back(LIST, "invoice")


@blueprint.post(f"{LIST}/receive")
@staff_page(Right.RECORD_PAYMENTS)
async def receive() -> Response:
    """Record a received payment; the invoice due first is paid first."""

    async def save(data: RecordReceipt) -> str:
        received = await record_receipt(db(), data, by=current_actor())
        word = f"{format_money(received.receipt.amount)} recorded"
        if received.surplus:
            word += f", {format_money(received.surplus)} of it is store credit"
        return word

    tried = await attempt_once("portal receipt", RecordReceipt, save)
    chosen = read_ids((await form_pairs()).get("invoice", []))
    if tried.result is None:
        return await _ask_receipt(chosen, tried)
    back = f"{LIST}/{chosen[0]}" if len(chosen) == 1 else LIST
    return await redirect_to(back, toast=tried.result)


@blueprint.get(f"{LIST}/<id:invoice_id>/credit")
@staff_page(Right.EDIT_INVOICES)
async def show_credit(invoice_id: int) -> Response:
    """Ask for the amount of the credit memo."""
    return await _ask("credit", await _read(invoice_id), reasons=REASON_WORDS)


@blueprint.post(f"{LIST}/<id:invoice_id>/credit")
@staff_page(Right.EDIT_INVOICES)
async def issue_credit(invoice_id: int) -> Response:
    """Issue a credit memo."""
    version = await form_version()

    async def issue(data: IssueCredit) -> Any:
        return await issue_credit_memo(db(), invoice_id, data, by=current_actor(), version=version)

    tried = await attempt(IssueCredit, issue)
    if tried.result is None:
        return await _ask("credit", await _read(invoice_id), tried, reasons=REASON_WORDS)
    memo = tried.result
    return await redirect_to(f"{LIST}/{invoice_id}", toast=f"{memo.memo_number} takes {format_money(memo.amount)} off")


@blueprint.get(f"{LIST}/<id:invoice_id>/void")
@staff_page(Right.EDIT_INVOICES)
async def show_void(invoice_id: int) -> Response:
    """Say what voiding or deleting will do."""
    return await _ask("void", await _read(invoice_id))


@blueprint.post(f"{LIST}/<id:invoice_id>/void")
@staff_page(Right.EDIT_INVOICES)
async def void(invoice_id: int) -> Response:
    """Void an invoice, or delete a draft."""
    version = await form_version()

    async def end(_: Noted) -> str:
        return await delete_invoice(db(), invoice_id, by=current_actor(), version=version)

    tried = await attempt(Noted, end)
    if tried.result is None:
        return await _ask("void", await _read(invoice_id), tried)
    back = LIST if tried.result.endswith("deleted.") else f"{LIST}/{invoice_id}"
    return await redirect_to(back, toast=tried.result)


@blueprint.post(f"{LIST}/<id:invoice_id>/copy")
@staff_page(Right.EDIT_INVOICES)
async def copy(invoice_id: int) -> Response:
    """Copy the invoice to a new draft and open it."""
    made = await copy_invoice(db(), invoice_id, by=current_actor())
    return await redirect_to(f"{LIST}/{made.id}", toast="Copied to a draft")


@blueprint.post(f"{LIST}/<id:invoice_id>/remind")
@staff_page(Right.EDIT_INVOICES)
async def remind(invoice_id: int) -> Response:
    """Remind the customer now."""
    sent = await remind_by_hand(db(), [invoice_id], by=current_actor())
    toast = f"A reminder {await say_leaving(Channel.EMAIL, '')}"
    if not sent:
        doubt_toast()
        toast = "Nothing to send a reminder for, or no email address"
    return await redirect_to(f"{LIST}/{invoice_id}", toast=toast)


@blueprint.post(f"{LIST}/<id:invoice_id>/reminders/<word>")
@staff_page(Right.EDIT_INVOICES)
async def switch(invoice_id: int, word: str) -> Response:
    """Turn the reminders of the invoice's customer on or off."""
    shown = await _read(invoice_id)
    if shown.invoice.customer_id is not None:
        await switch_reminders(db(), shown.invoice.customer_id, on=word == "on", by=current_actor())
    return await redirect_to(f"{LIST}/{invoice_id}", toast=f"Reminders are {'on' if word == 'on' else 'off'}")


@blueprint.post(f"{LIST}/customers/<id:customer_id>/reminders/<word>")
@staff_page(Right.EDIT_INVOICES)
async def switch_for_customer(customer_id: int, word: str) -> Response:
    """Turn the reminders of a customer on or off from their page."""
    await switch_reminders(db(), customer_id, on=word == "on", by=current_actor())
    toast = f"Reminders are {'on' if word == 'on' else 'off'}"
    return await redirect_to(f"/portal/customers/{customer_id}?tab=invoices", toast=toast)


async def _read(invoice_id: int) -> InvoicePage:
    return await get_invoice_page(db(), invoice_id, visible_to=current_actor())


async def _ask_receipt(invoice_ids: list[int], tried: Attempt[Any] | None = None) -> Response:
    shown = [(await _read(invoice_id)).invoice for invoice_id in sorted(set(invoice_ids))[:MOST_INVOICES]]
    back = f"{LIST}/{shown[0].id}" if len(shown) == 1 else LIST
    return await page_or_block(
        "invoices/receive.html",
        block="dialog",
        invoices=shown,
        owed=sum(invoice.balance for invoice in shown),
        methods=METHODS,
        url=f"{LIST}/receive",
        back_url=back,
        **refusal_of(tried),
        typed=tried.typed if tried else {},
    )


async def _ask(act: str, shown: InvoicePage, tried: Attempt[Any] | None = None, **more: Any) -> Response:
    """The confirmation as a page or in the dialog; after a refusal with the typed values."""
    return await page_or_block(
        f"invoices/{act}.html",
        block="dialog",
        shown=shown,
        invoice=shown.invoice,
        url=f"{LIST}/{shown.invoice.id}/{act}",
        back_url=f"{LIST}/{shown.invoice.id}",
        **refusal_of(tried),
        typed=tried.typed if tried else {},
        is_refused_terms=tried is not None and tried.is_refused_terms,
        **more,
    )
