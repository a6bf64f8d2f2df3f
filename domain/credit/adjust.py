"""A customer's store credit for staff: reading the ledger, and adding or removing credit by hand."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.own_orders import names_order_seen
from domain.access.rights import Right, require
from domain.credit.ledger import get_credit_balance, move_credit
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.inputs import Input, SignedMoneyIn, Text2000
from domain.kernel.money import ZERO
from models import AuditAction, CreditEntry, CreditKind, Customer, Order

NEWEST = 500


class AdjustCredit(Input):
    """How much credit to add, in US dollars; a negative amount removes credit."""

    amount: SignedMoneyIn
    note: Text2000 = ""


@dataclass(frozen=True, slots=True)
class CreditLine:
    """One entry of the ledger."""

    id: int
    amount: Decimal
    balance_after: Decimal
    kind: str
    note: str
    order_number: str | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CreditAccount:
    """A customer's store credit with its newest entries."""

    user_id: int
    username: str
    company_name: str
    credit_balance: Decimal
    history: list[CreditLine]


async def get_credit(db: AsyncSession, customer_id: int, *, visible_to: Actor) -> CreditAccount:
    """Return a customer's balance and the newest 500 entries. Raises NotFound.

    An order is named only if the actor may see it.
    """
    require(visible_to, Right.SEE_CREDIT, "Your role does not see credit.")
    customer = await db.get(Customer, customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    rows = await db.execute(
        select(CreditEntry, Order.order_number)
        .outerjoin(Order, names_order_seen(CreditEntry.order_id, visible_to))
        .where(CreditEntry.customer_id == customer_id)
        .order_by(CreditEntry.id.desc())
        .limit(NEWEST)
    )
    return CreditAccount(
        user_id=customer_id,
        username=customer.username,
        company_name=customer.company_name,
        credit_balance=await get_credit_balance(db, customer_id),
        history=[show_entry(entry, number) for entry, number in rows],
    )


async def adjust_credit(db: AsyncSession, customer_id: int, data: AdjustCredit, *, by: Actor) -> CreditLine:
    """Add or remove store credit. Managers only.

    Raises NotFound, InvalidInput for an amount of 0, and Refused if the balance would become negative or larger than
    can be stored. Locks the customer.
    """
    require(by, Right.ADJUST_CREDIT, "Only a manager adjusts credit.")
    if data.amount == ZERO:
        raise InvalidInput("Enter how much credit to give or take.", fields={"amount": "must not be 0"})
    customer = await db.get(Customer, customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    entry = await move_credit(db, customer_id, data.amount, kind=CreditKind.ADJUSTMENT, by=by, note=data.note)
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_CREDIT_ADJUSTED,
        record_kind="customer",
        record_id=customer_id,
        record_name=customer.company_name or customer.username,
        before={"credit_balance": str(entry.balance_after - data.amount)},
        after={"credit_balance": str(entry.balance_after)},
        note=data.note,
        by=by,
    )
    return show_entry(entry, None)


def show_entry(entry: CreditEntry, order_number: str | None) -> CreditLine:
    """Return an entry for display, with its order number and who made it."""
    return CreditLine(
        id=entry.id,
        amount=entry.amount,
        balance_after=entry.balance_after,
        kind=entry.kind,
        note=entry.note,
        order_number=order_number,
        created_by=entry.actor_name,
        created_at=entry.created_at,
    )
