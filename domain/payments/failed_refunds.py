"""The attention of an order or invoice to refunds that failed, until their amount has been given back in other ways."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.money import ZERO, format_money
from domain.orders.attention import drop_attention
from models import Invoice, InvoiceEvent, Order, OrderEvent, OrderEventKind, Payment, PaymentState


def describe_failed_refund(amount: Decimal, error: str) -> str:
    """Return the sentence about a failed refund; the timeline has it too."""
    return f"The refund of {format_money(amount)} failed: {error or 'no reason given'}"


async def drop_made_good(db: AsyncSession, record: Order | Invoice) -> None:
    """Drop the failed refunds of a locked record whose amount was given back since, in whatever parts and ways."""
    sentences = record.attention.splitlines()
    if not any(line.startswith("The refund of ") for line in sentences):
        return
    event: type[OrderEvent | InvoiceEvent]
    if isinstance(record, Order):
        event, of_record, its_payment = OrderEvent, OrderEvent.order_id, Payment.order_id
    else:
        event, of_record, its_payment = InvoiceEvent, InvoiceEvent.invoice_id, Payment.invoice_id
    failed = select(event.note, event.created_at, event.changes["amount"].astext).where(
        of_record == record.id, event.kind == OrderEventKind.REFUND_FAILED, event.note.in_(sentences)
    )
    # The newest failure with the same words counts.
    failures = {note: (at, amount) for note, at, amount in await db.execute(failed.order_by(event.id))}
    given = select(Payment.id, Payment.created_at, -Payment.amount).where(
        its_payment == record.id, Payment.refunds_payment_id.is_not(None), Payment.state == PaymentState.SUCCEEDED
    )
    rows = (await db.execute(given.order_by(Payment.id))).all()
    unused: dict[int, Decimal] = {payment_id: amount for payment_id, _, amount in rows}
    for note, (failed_at, amount) in failures.items():
        since = [payment_id for payment_id, at, _ in rows if at >= failed_at]
        missing = Decimal(amount.strip("$").replace(",", ""))
        if sum((unused[each] for each in since), ZERO) < missing:
            continue
        drop_attention(record, note)
        for each in since:
            used = min(unused[each], missing)
            unused[each], missing = unused[each] - used, missing - used
