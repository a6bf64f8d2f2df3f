"""Queries Stripe for the state of our payments and refunds; all of it may be run again at any time."""

from typing import Any

from domain.payments.events import ASK_JOB, ask_about
from domain.payments.intents import pays_invoice, pays_order
from domain.payments.reconcile import RECONCILE_JOB, reconcile_payments, withdraw_payments
from domain.payments.refund import send_refund
from domain.payments.refund_rows import REFUND_JOB
from domain.payments.withdraw import WITHDRAW_JOB
from integrations.stripe_client import NotThere, StripeRefused
from tasks.job import Work, job


@job(ASK_JOB, attempts=12)
async def ask_stripe(work: Work) -> dict[str, Any]:
    """Record the state of an event's object at Stripe; nothing is done if Stripe does not have it."""
    try:
        await ask_about(work.payload, work.settings)
    except NotThere as unknown:
        return {"unknown": str(unknown)}
    return {}


@job(REFUND_JOB, attempts=12)
async def refund_payment(work: Work) -> dict[str, Any]:
    """Create a prepared refund at Stripe; a refusal is recorded on the order already and is not retried."""
    try:
        intent = await send_refund(work.payload["intent_id"], work.settings)
    except StripeRefused as refusal:
        return {"refused": str(refusal)}
    return {"state": intent.state, "refund_id": intent.provider_id}


@job(WITHDRAW_JOB)
async def withdraw_open_payments(work: Work) -> dict[str, Any]:
    """Close the payments of an order or an invoice that should not be made any more."""
    invoice_id = work.payload.get("invoice_id")
    pays = pays_order(work.payload["order_id"]) if invoice_id is None else pays_invoice(invoice_id)
    return {"withdrawn": await withdraw_payments(pays, work.settings)}


@job(RECONCILE_JOB, attempts=1)
async def reconcile(work: Work) -> dict[str, Any]:
    """Make one pass over everything that is not settled; the timetable starts the next."""
    if not work.settings.stripe_secret_key:
        return {"skipped": "STRIPE_SECRET_KEY is missing"}
    done = await reconcile_payments(work.settings)
    return {"asked": done.asked, "failed": done.failed, "unknown": done.unknown}
