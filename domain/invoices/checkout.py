"""Stripe's own checkout for one invoice or all open invoices of a customer, opened from the page behind a link.

The intent and its invoices are committed before Stripe is called; `settle_card.py` records the result.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.own_invoices import get_own_page
from domain.invoices.receive import check_payable, lock_invoices
from domain.invoices.record import calculate_invoice_balance
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.money import ZERO
from domain.payments.ask import ask_checkout
from domain.payments.card import METHODS, SMALLEST
from domain.payments.checkout import LONGEST
from domain.payments.intents import UNPAID, expect_end, make_intent, pays_invoice
from domain.payments.pay_link import CreatePayLink, make_pay_link
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from integrations.stripe_client import CURRENCY, to_cents
from models import IntentKind, IntentState, Invoice, InvoiceCheckout, StripeIntent
from models.session import current_database, separate_transaction
from settings import Settings


async def get_payment_url(invoice_id: int, *, settings: Settings) -> str:
    """Return the URL at which an invoice is paid: the pay page of its order, or Stripe's page if it has no order.

    Raises Refused if nothing is left to pay, and OutsideServiceFailed if Stripe does not answer.
    """
    async with separate_transaction() as db:
        page = await get_own_page(db, invoice_id)
        if not page.is_open:
            raise Refused("Nothing is left to pay on this invoice.", code=Code.ALREADY_PAID)
        if page.invoice.order_number is not None:
            asked = CreatePayLink(order_number=page.invoice.order_number)
            return (await make_pay_link(db, asked, by=SYSTEM, settings=settings)).url
    return await open_invoice_checkout(invoice_id, settings=settings)


async def open_invoice_checkout(invoice_id: int, *, pays_all: bool = False, settings: Settings) -> str:
    """Return the URL of Stripe's page for an invoice, or for all that its customer can pay; the same one while it is
    open.

    Raises Refused if nothing is to be paid, and OutsideServiceFailed if Stripe does not answer.
    """
    account = get_stripe(settings)
    intent = await _prepare(invoice_id, pays_all, settings)
    with stripe_errors_as_refusals():
        session = await ask_checkout(intent, account)
    if not session.url:
        raise Refused("This payment was already made or closed. Reload the page.", code=Code.CHECKOUT_CLOSED)
    return session.url


async def ask_about_invoice(invoice_id: int, *, settings: Settings) -> None:
    """Ask Stripe about the checkouts of an invoice, when its customer returns from Stripe's page."""
    async with current_database().session() as db:
        rows = await db.execute(
            select(StripeIntent).where(
                pays_invoice(invoice_id),
                StripeIntent.provider_id.is_not(None),
                StripeIntent.state.in_((*UNPAID, IntentState.PENDING)),
            )
        )
        intents = list(rows.scalars())
    account = get_stripe(settings)
    with stripe_errors_as_refusals():
        for intent in intents:
            assert intent.provider_id is not None  # guaranteed by the query
            async with separate_transaction() as db:
                await expect_end(db, intent.provider_id)
            await ask_checkout(intent, account)


async def _prepare(invoice_id: int, pays_all: bool, settings: Settings) -> StripeIntent:
    """Commit the intent with its key, or find the open one for the same amounts.

    If the button is pressed twice, the lock on the customer and the invoices makes only one of them create it.
    """
    async with separate_transaction() as db:
        page = await get_own_page(db, invoice_id)
        ids = [invoice.id for invoice in page.payable] if pays_all else [invoice_id]
        if not ids:
            raise Refused("Nothing is left to pay on these invoices.", code=Code.ALREADY_PAID)
        invoices = await lock_invoices(db, ids)
        if (await get_own_page(db, invoice_id)).waiting.intersection(ids):
            raise Refused("A payment is already in progress. Reload the page.", code=Code.PAYMENT_PROCESSING)
        for invoice in invoices:
            check_payable(invoice)
        owed = {invoice.id: calculate_invoice_balance(invoice) for invoice in invoices}
        total = sum(owed.values(), ZERO)
        if total < SMALLEST:
            raise Refused("Card payments start at $0.50.", code=Code.TOO_SMALL)
        if (open_one := await _find_open(db, owed)) is not None:
            return open_one
        first = invoices[0]
        intent = make_intent(
            IntentKind.INVOICE,
            total,
            parameters={},
            by=Actor(ActorKind.GUEST, name=page.invoice.payer),
            customer_id=first.customer_id,
        )
        intent.parameters = _parameters(invoices, owed, intent.idempotency_key, settings)
        db.add(intent)
        await db.flush()
        db.add_all(InvoiceCheckout(intent_id=intent.id, invoice_id=each, amount=owed[each]) for each in owed)
        await db.flush()
        return intent


async def _find_open(db: AsyncSession, owed: dict[int, Decimal]) -> StripeIntent | None:
    """Return the open checkout for exactly these invoices and amounts, or None."""
    rows = await db.execute(
        select(StripeIntent)
        .where(pays_invoice(next(iter(owed))), StripeIntent.kind == IntentKind.INVOICE, StripeIntent.state.in_(UNPAID))
        .order_by(StripeIntent.id.desc())
    )
    for intent in rows.scalars().all():
        lines = select(InvoiceCheckout.invoice_id, InvoiceCheckout.amount)
        found = await db.execute(lines.where(InvoiceCheckout.intent_id == intent.id))
        if {row.invoice_id: row.amount for row in found} == owed:
            return intent
    return None


def _parameters(invoices: list[Invoice], owed: dict[int, Decimal], key: str, settings: Settings) -> dict[str, Any]:
    """Return what Stripe's page asks for and shows. The metadata is on both the session and its payment."""
    back = f"{settings.public_url.rstrip('/')}/pay/back"
    numbers = [str(invoice.invoice_number) for invoice in invoices]
    named = f"Invoice {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} invoices, {numbers[0]} and later"
    metadata = {"invoices": " ".join(numbers)[:500], "intent_key": key}
    parameters: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": numbers[0],
        "allowed_payment_method_types": METHODS,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": CURRENCY,
                    "unit_amount": to_cents(owed[invoice.id]),
                    "product_data": {"name": f"Invoice {invoice.invoice_number}"},
                },
            }
            for invoice in invoices
        ],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": named},
        "success_url": f"{back}?paid=1",
        "cancel_url": back,
        "expires_at": int((now() + LONGEST).timestamp()),
    }
    if invoices[0].customer_email:
        parameters["customer_email"] = invoices[0].customer_email
    return parameters
