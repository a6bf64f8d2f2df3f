"""Reversing or giving back an invoice's payment; an order's payments are reversed on the order."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.invoices.invoice_page import get_invoice_page
from domain.invoices.take_back import take_back_payment
from domain.kernel.money import ZERO, format_money
from domain.payments.refund import RefundOutcome, RefundPayment
from domain.payments.refund_rows import get_invoice_refundable
from models import GivenBack, InvoiceStatus
from portal.attempts import Attempt, attempt_in_own_transaction, form_version, refusal_of
from portal.invoices.list import LIST
from portal.orders.payments import ALLOWANCES, REVERSALS
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_invoice_take_back", __name__)
OF_VOID = [("cancelled", "The invoice is void")]


@blueprint.get(f"{LIST}/<id:invoice_id>/take-back/<id:payment_id>")
@staff_page(Right.REFUND_PAYMENTS)
async def show_take_back(invoice_id: int, payment_id: int) -> Response:
    """Ask for the amount and the reason."""
    return await _ask(invoice_id, payment_id)


@blueprint.post(f"{LIST}/<id:invoice_id>/take-back/<id:payment_id>")
@staff_page(Right.REFUND_PAYMENTS)
async def take_back(invoice_id: int, payment_id: int) -> Response:
    """Reverse or give back a payment, in full or in part."""
    version = await form_version()

    async def act(data: RefundPayment) -> RefundOutcome:
        return await take_back_payment(
            invoice_id, payment_id, data, by=current_actor(), settings=settings(), version=version
        )

    tried = await attempt_in_own_transaction(RefundPayment, act)
    if tried.result is None:
        return await _ask(invoice_id, payment_id, tried)
    done = "taken back" if tried.result.given_back is GivenBack.REVERSAL else "given back"
    return await redirect_to(f"{LIST}/{invoice_id}", toast=f"{format_money(tried.result.amount)} {done}")


async def _ask(invoice_id: int, payment_id: int, tried: Attempt[Any] | None = None) -> Response:
    shown = await get_invoice_page(db(), invoice_id, visible_to=current_actor())
    found = await get_invoice_refundable(db(), invoice_id, payment_id)
    ways = [("as_paid", "By Stripe, to the card or bank" if found.is_stripe else "By hand, in the way it was paid")]
    if shown.invoice.customer_id is not None:
        ways.append(("store_credit", "As store credit"))
    return await page_or_block(
        "invoices/take_back.html",
        block="dialog",
        invoice=shown.invoice,
        url=f"{LIST}/{invoice_id}/take-back/{payment_id}",
        back_url=f"{LIST}/{invoice_id}",
        left=found.left,
        waiting=found.waiting,
        credited=ZERO if found.is_stripe else found.credited,
        ways=ways,
        allowances=OF_VOID if shown.invoice.status == InvoiceStatus.VOID else ALLOWANCES,
        reversals=REVERSALS,
        **refusal_of(tried),
        typed=tried.typed if tried else {},
    )
