"""Takes back the store credit that a payment's surplus became, once the payment turns out not to exist."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import get_credit_balance, move_credit
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.payments.refund_rows import Refundable
from models import CreditEntry, CreditKind, GivenBack, GivenFor

SPENT = "of a reversed payment had become store credit and was spent."


async def take_credit_back(
    db: AsyncSession, found: Refundable, amount: Decimal, *, why: GivenFor, by: Actor
) -> tuple[Decimal, Decimal]:
    """Take the credit of a reversed payment off its owner, as far as it is still there.

    Does nothing unless all that is left of the payment is reversed. Returns how much was taken back, and how much was
    spent before. Locks the customer.
    """
    if why.kind is not GivenBack.REVERSAL or amount != found.left:
        return ZERO, ZERO
    credited = select(CreditEntry.customer_id, func.sum(CreditEntry.amount)).where(
        CreditEntry.payment_id == found.payment.id, CreditEntry.kind == CreditKind.OVERPAYMENT
    )
    taken = spent = ZERO
    for customer_id, surplus in await db.execute(credited.group_by(CreditEntry.customer_id)):
        part = min(surplus, await get_credit_balance(db, customer_id))
        if part > ZERO:
            await move_credit(
                db,
                customer_id,
                -part,
                kind=CreditKind.OVERPAYMENT,
                by=by,
                note="Its payment was reversed",
                order_id=found.payment.order_id,
                payment_id=found.payment.id,
            )
        taken, spent = taken + part, spent + surplus - part
    return taken, spent
