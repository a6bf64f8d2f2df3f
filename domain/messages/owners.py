"""The owners of a phone number: customers who have it, or who got it through a merge."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Customer, CustomerMerge

_OWNERS = """(
  SELECT id FROM customer WHERE phone = {phone} UNION SELECT id FROM customer WHERE phone2 = {phone}
  UNION SELECT kept_id FROM customer_merge
  WHERE further_phones @> ARRAY[{phone}] AND undone_at IS NULL AND kept_id IS NOT NULL
)"""


def owners_sql(phone: str) -> str:
    """Return a subquery of the ids of customers with this number. `phone` is SQL for one E.164 text, such as `$1`."""
    return _OWNERS.format(phone=phone)


async def list_numbers_of(db: AsyncSession, customer: Customer) -> list[str]:
    """Return all numbers of a customer, without duplicates, in order."""
    further = await list_further_numbers(db, customer.id)
    return sorted({phone for phone in (customer.phone, customer.phone2, *further) if phone})


async def list_further_numbers(db: AsyncSession, customer_id: int) -> list[str]:
    """Return numbers that a customer got through merges and that do not fit on the row."""
    further = select(func.unnest(CustomerMerge.further_phones)).where(
        CustomerMerge.kept_id == customer_id, CustomerMerge.undone_at.is_(None)
    )
    return list(await db.scalars(further))
