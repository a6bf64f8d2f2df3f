"""The store credit ledger: the only way to change a customer's credit, always under a lock on the customer."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.money import MOST_MONEY, ZERO, format_money
from models import CreditEntry, CreditKind, Customer


async def get_credit_balance(db: AsyncSession, customer_id: int) -> Decimal:
    """Return the customer's store credit in US dollars: the balance after the newest entry."""
    newest = (
        select(CreditEntry.balance_after)
        .where(CreditEntry.customer_id == customer_id)
        .order_by(CreditEntry.id.desc())
        .limit(1)
    )
    return (await db.execute(newest)).scalar_one_or_none() or ZERO


async def move_credit(
    db: AsyncSession,
    customer_id: int,
    amount: Decimal,
    *,
    kind: CreditKind,
    by: Actor,
    note: str = "",
    order_id: int | None = None,
    payment_id: int | None = None,
) -> CreditEntry:
    """Add `amount` (US dollars; negative: remove) to the customer's store credit and return the entry.

    Raises Refused if the balance would become negative or larger than can be stored. Locks the customer.
    """
    await db.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))
    balance = await get_credit_balance(db, customer_id)
    if balance + amount < 0:
        raise Refused(f"The customer has {format_money(balance)} of credit.", code=Code.NOT_ENOUGH_CREDIT)
    if balance + amount > MOST_MONEY:
        raise Refused(f"A customer's credit is at most {format_money(MOST_MONEY)}.", code=Code.CREDIT_TOO_LARGE)
    entry = CreditEntry(
        customer_id=customer_id,
        amount=amount,
        balance_after=balance + amount,
        kind=kind,
        note=note,
        order_id=order_id,
        payment_id=payment_id,
        **by.columns,
    )
    db.add(entry)
    await db.flush()
    return entry
