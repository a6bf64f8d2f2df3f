"""Locks the customer of a record before the record itself; handles a customer who is merged in the meantime."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Customer


async def lock_owner(db: AsyncSession, owner: Select[int | None]) -> int | None:
    """Lock the customer whose id the statement returns, and return the id; None for a guest's record.

    If the customer was merged while this waited, the row is gone. The statement is then run again and returns the
    remaining customer.
    """
    customer = select(Customer.id).where(Customer.id == owner.scalar_subquery()).with_for_update(key_share=True)
    while True:
        locked = await db.scalar(customer)
        if locked is not None or await db.scalar(owner) is None:
            return locked


async def lock_owners(db: AsyncSession, owners: Select[int | None]) -> set[int]:
    """Like `lock_owner`, for several records. The customers are locked in order of id."""
    customers = select(Customer.id).where(Customer.id.in_(owners)).order_by(Customer.id)
    while True:
        locked = set(await db.scalars(customers.with_for_update(key_share=True)))
        if locked.issuperset(await db.scalars(owners)):
            return locked
