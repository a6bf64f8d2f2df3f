"""Records Stripe's refunds and disputes of a receipt's money, on the payments of that receipt.

A refund begun here names its payment; one made at Stripe itself is taken off the newest payment first. Each is recorded
once, however often and in whatever order it is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.receive import lock_invoices
from domain.invoices.record import record_invoice_event
from domain.invoices.refund_rows import apply_invoice_refund, put_back
from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention, drop_attention
from domain.orders.record import record_event
from domain.payments.charges import ReceiptSettling, settles_receipts
from domain.payments.failed_refunds import describe_failed_refund
from domain.payments.intents import UNSETTLED, lock_intent, settle_intent
from domain.payments.refund_rows import (
    apply_refund,
    list_invoice_refundable,
    list_refundable,
    settle_refunded_status,
)
from domain.payments.settle_refund import (
    describe_dispute,
    find_refund_intent,
    put_back_on_order,
    refunder,
)
from integrations.stripe_client import StripeDispute, StripeRefund
from models import (
    GivenFor,
    IntentState,
    Invoice,
    InvoiceEvent,
    InvoiceEventKind,
    InvoiceStatus,
    Order,
    OrderEventKind,
    OrderStatus,
    Payment,
    PaymentState,
    Receipt,
    StripeIntent,
)
from models.session import separate_transaction


@dataclass(frozen=True, slots=True)
class _Part:
    """One payment of a receipt with what it paid: an invoice, and its order if there is one."""

    payment: Payment
    invoice: Invoice | None
    order: Order | None

    @property
    def is_over(self) -> bool:
        """True if what was paid is no longer owed, because it was cancelled or voided."""
        if self.order is not None:
            return self.order.status == OrderStatus.CANCELLED
        return self.invoice is not None and self.invoice.status == InvoiceStatus.VOID


async def settle_receipt_refund(refund: StripeRefund) -> IntentState | None:
    """Record the result of a refund. One that failed after it was done puts the money back."""
    async with separate_transaction() as db:
        parts = await _lock_parts(db, refund.payment_intent_id)
        intent = await find_refund_intent(db, refund)
        rows = await _list_given_back(db, parts, refund.id)
        match refund.status:
            case "succeeded":
                state = IntentState.SUCCEEDED
                if not rows:
                    await _give_back(db, parts, refund, intent)
            case "failed" | "canceled":
                state = IntentState.FAILED
                await _undo(db, parts, rows, refund, intent)
            case _:
                state = IntentState.PENDING
        if intent is not None:
            intent.provider_id = refund.id
            settle_intent(intent, state, error=refund.error)
        return state


async def settle_receipt_dispute(dispute: StripeDispute) -> None:
    """Show a dispute on what was paid. A lost one takes the money off; one that is won leaves it."""
    async with separate_transaction() as db:
        parts = await _lock_parts(db, dispute.payment_intent_id)
        rows = await _list_given_back(db, parts, dispute.id)
        word = describe_dispute(dispute)
        if dispute.status == "lost":
            if not rows:
                lost = f"A dispute of {format_money(dispute.amount)} was lost."
                await _take_off(
                    db, parts, dispute.amount, why=GivenFor.DISPUTED, by=SYSTEM, note="Dispute lost",
                    provider_id=dispute.id,
                )  # fmt: skip
                for part in parts:
                    _attend(part, lost, instead_of=word)
                await _note_on_timelines(
                    db, parts, OrderEventKind.DISPUTE_LOST, dispute.amount, lost, dispute_id=dispute.id
                )
        elif dispute.status in {"won", "warning_closed"}:
            await _put_back(db, parts, [row for row in rows if row.state == PaymentState.SUCCEEDED])
            dropped = [_attend(part, "", instead_of=word) for part in parts]
            if any(dropped):
                await _note_on_timelines(db, parts, OrderEventKind.DISPUTE_WON, dispute.amount, dispute_id=dispute.id)
        elif not await _was_noted(db, parts, dispute):
            reason = dispute.reason.replace("_", " ") or "no reason given"
            sentence = f"{word} ({reason}): a dispute."
            for part in parts:
                _attend(part, sentence)
            await _note_on_timelines(
                db, parts, OrderEventKind.DISPUTED, dispute.amount, sentence, dispute_id=dispute.id
            )


async def settle_refused_receipt_refund(intent_id: int, error: str) -> None:
    """Record that Stripe refuses a refund of an invoice's payment: it needs attention; its reserved amount is free."""
    async with separate_transaction() as db:
        paid = select(StripeIntent.payment_id).where(StripeIntent.id == intent_id).scalar_subquery()
        invoice_id = await db.scalar(select(Payment.invoice_id).where(Payment.id == paid))
        (invoice,) = await lock_invoices(db, [invoice_id or 0])
        intent = await lock_intent(db, intent_id)
        if intent.state not in UNSETTLED:
            return
        settle_intent(intent, IntentState.FAILED, error=error)
        await _say_refused(db, invoice, intent.amount, error)


settles_receipts(ReceiptSettling(settle_receipt_refund, settle_receipt_dispute, settle_refused_receipt_refund))


async def _lock_parts(db: AsyncSession, payment_intent_id: str) -> list[_Part]:
    """Return the payments of a receipt, newest first, with what they paid, locked."""
    of_receipt = (
        Payment.receipt_id == select(Receipt.id).where(Receipt.provider_id == payment_intent_id).scalar_subquery()
    )
    statement = select(Payment).where(of_receipt, Payment.amount > 0).order_by(Payment.id.desc())
    payments = list((await db.execute(statement)).scalars())
    orders = [payment.order_id for payment in payments if payment.order_id is not None]
    found = await db.execute(
        select(Invoice.id, Invoice.order_id)
        .where(or_(Invoice.id.in_([payment.invoice_id for payment in payments]), Invoice.order_id.in_(orders)))
        .order_by(Invoice.id)
    )
    # The newest invoice of an order is the one that is not void.
    by_order = {row.order_id: row.id for row in found.all() if row.order_id is not None}
    ids = [payment.invoice_id or by_order[payment.order_id] for payment in payments]
    invoices = {invoice.id: invoice for invoice in await lock_invoices(db, ids, are_together=True)}
    return [
        _Part(
            payment,
            invoices.get(invoice_id),
            None if payment.order_id is None else await db.get_one(Order, payment.order_id),
        )
        for payment, invoice_id in zip(payments, ids, strict=True)
    ]


async def _list_given_back(db: AsyncSession, parts: Sequence[_Part], provider_id: str) -> list[Payment]:
    """Return the rows of a refund or a dispute; the second and later ones have a number after its id."""
    ids = [part.payment.id for part in parts]
    mine = or_(Payment.provider_id == provider_id, Payment.provider_id.startswith(f"{provider_id}#", autoescape=True))
    rows = await db.execute(select(Payment).where(Payment.refunds_payment_id.in_(ids), mine).order_by(Payment.id))
    return list(rows.scalars())


def _why(part: _Part, intent: StripeIntent | None) -> GivenFor:
    """Return the reason of a refund: as stated here; one made at Stripe itself is an allowance."""
    usual = GivenFor.CANCELLED if part.is_over else GivenFor.GOODWILL
    return GivenFor(intent.parameters["metadata"].get("given_for", usual)) if intent else usual


async def _give_back(
    db: AsyncSession, parts: Sequence[_Part], refund: StripeRefund, intent: StripeIntent | None
) -> None:
    chosen = [part for part in parts if intent is None or part.payment.id == intent.payment_id]
    note = refund.metadata.get("note", "")
    taken = await _take_off(
        db,
        chosen,
        refund.amount,
        why=None if intent is None else _why(chosen[0], intent),
        by=refunder(intent),
        note=note,
        provider_id=refund.id,
    )
    for part, amount in taken:
        await _note_on_timelines(db, [part], OrderEventKind.REFUNDED, amount, note, by=refunder(intent))


async def _take_off(
    db: AsyncSession,
    parts: Sequence[_Part],
    amount: Decimal,
    *,
    why: GivenFor | None,
    by: Actor,
    note: str,
    provider_id: str,
) -> list[tuple[_Part, Decimal]]:
    """Take an amount off the payments, each up to what is left of it, and any excess off the last one.

    Returns how much was taken off which payment.
    """
    left = amount
    taken: list[tuple[_Part, Decimal]] = []
    for place, part in enumerate(parts, start=1):
        share = left if place == len(parts) else min(left, await _left_of(db, part))
        if share <= ZERO:
            continue
        left -= share
        more = {
            "method": part.payment.method,
            "why": why or _why(part, None),
            "by": by,
            "note": note,
            "provider_id": provider_id if not taken else f"{provider_id}#{place}",
        }
        if part.order is not None:
            await apply_refund(db, part.order, part.payment, share, **more)  # type: ignore[arg-type]
            await settle_refunded_status(db, part.order, by=by)
        elif part.invoice is not None:
            await apply_invoice_refund(db, part.invoice, part.payment, share, **more)  # type: ignore[arg-type]
        taken.append((part, share))
    return taken


async def _left_of(db: AsyncSession, part: _Part) -> Decimal:
    if part.payment.order_id is not None:
        found = await list_refundable(db, part.payment.order_id)
    else:
        found = await list_invoice_refundable(db, part.payment.invoice_id or 0)
    return sum((each.left for each in found if each.payment.id == part.payment.id), ZERO)


async def _undo(
    db: AsyncSession,
    parts: Sequence[_Part],
    rows: Sequence[Payment],
    refund: StripeRefund,
    intent: StripeIntent | None,
) -> None:
    """Record that a refund failed, with a row and an attention sentence for the office."""
    chosen = [part for part in parts if intent is None or part.payment.id == intent.payment_id]
    if not rows:
        db.add(_make_failed_row(chosen[0], refund, _why(chosen[0], intent), refunder(intent)))
    elif any(row.state == PaymentState.SUCCEEDED for row in rows):
        await _put_back(db, parts, rows)
        touched = {row.refunds_payment_id for row in rows}
        chosen = [part for part in parts if part.payment.id in touched]
    else:
        return
    sentence = describe_failed_refund(refund.amount, refund.error)
    for part in chosen[:1]:
        _attend(part, sentence)
        await _note_on_timelines(db, [part], OrderEventKind.REFUND_FAILED, refund.amount, sentence)


def _make_failed_row(part: _Part, refund: StripeRefund, why: GivenFor, by: Actor) -> Payment:
    return Payment(
        order_id=part.payment.order_id,
        invoice_id=part.payment.invoice_id,
        customer_id=part.payment.customer_id,
        refunds_payment_id=part.payment.id,
        given_back=why.kind,
        given_for=why,
        method=part.payment.method,
        state=PaymentState.FAILED,
        amount=-refund.amount,
        reference=refund.id,
        note=refund.metadata.get("note", ""),
        provider_id=refund.id,
        **by.columns,
    )


async def _put_back(db: AsyncSession, parts: Sequence[_Part], rows: Sequence[Payment]) -> None:
    """Put money that was taken off back."""
    of_payment = {part.payment.id: part for part in parts}
    for row in rows:
        part = of_payment[row.refunds_payment_id or 0]
        if part.order is not None:
            await put_back_on_order(db, part.order, row)
        elif part.invoice is not None:
            await put_back(db, part.invoice, row)


async def _say_refused(db: AsyncSession, invoice: Invoice, amount: Decimal, error: str) -> None:
    sentence = describe_failed_refund(amount, error)
    add_attention(invoice, sentence)
    changes = {"amount": format_money(amount)}
    await record_invoice_event(db, invoice, InvoiceEventKind.REFUND_FAILED, by=SYSTEM, note=sentence, changes=changes)


def _attend(part: _Part, sentence: str, *, instead_of: str = "") -> bool:
    """Add a sentence to the attention of what was paid, replacing an earlier one. Returns True if one was removed."""
    record = part.order or part.invoice
    assert record is not None  # a payment has one of the two
    is_dropped = bool(instead_of) and drop_attention(record, instead_of)
    if sentence:
        add_attention(record, sentence)
    return is_dropped


async def _note_on_timelines(
    db: AsyncSession,
    parts: Sequence[_Part],
    kind: OrderEventKind,
    amount: Decimal,
    note: str = "",
    *,
    by: Actor = SYSTEM,
    dispute_id: str = "",
) -> None:
    """Add an event to the timelines of the orders and the invoices."""
    changes = {"amount": format_money(amount)} | ({"dispute_id": dispute_id} if dispute_id else {})
    for part in parts:
        if part.order is not None:
            await record_event(db, part.order, kind, by=by, note=note, changes=changes)
        if part.invoice is not None:
            await db.flush()
            await db.refresh(part.invoice)
            await record_invoice_event(
                db, part.invoice, InvoiceEventKind(kind.value), by=by, note=note, changes=changes
            )


async def _was_noted(db: AsyncSession, parts: Sequence[_Part], dispute: StripeDispute) -> bool:
    """Return True if a timeline mentions the dispute, whatever its state now."""
    ids = [part.invoice.id for part in parts if part.invoice is not None]
    noted = exists().where(InvoiceEvent.invoice_id.in_(ids), InvoiceEvent.changes["dispute_id"].astext == dispute.id)
    return bool(await db.scalar(select(noted)))
