"""Locking the customer whose a record is, before the record: one who was merged away meanwhile hands it on."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Customer


async def lock_owner(db: AsyncSession, owner: Select[int | None]) -> int | None:
    """Lock the customer that the statement names, and answer who it is; None for a guest's record.

    One who was merged away while this waited is gone. Then the statement is asked again, and names who stays.
    """
    customer = select(Customer.id).where(Customer.id == owner.scalar_subquery()).with_for_update(key_share=True)
    while True:
        locked = await db.scalar(customer)
        if locked is not None or await db.scalar(owner) is None:
            return locked


async def lock_owners(db: AsyncSession, owners: Select[int | None]) -> set[int]:
    """The same of several records; the customers are locked in order of id."""
    customers = select(Customer.id).where(Customer.id.in_(owners)).order_by(Customer.id)
    while True:
        locked = set(await db.scalars(customers.with_for_update(key_share=True)))
        if locked.issuperset(await db.scalars(owners)):
            return locked
