"""The number of accounts that voice agents can identify by phone, with masked samples; for setting up an agent."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.tokens import mask_username
from domain.voice.speech import say_number
from models import Customer

SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Counts of active accounts, and masked samples."""

    message: str
    total_users: int
    users_with_phone: int
    sample_phones: list[str]
    sample_usernames: list[str]
    success: bool = True


async def run_diagnostics(connection: AsyncConnection) -> Diagnostics:
    """Count accounts and phone numbers, in two statements."""
    counts = (
        await connection.execute(select(func.count(), func.count(Customer.phone)).where(Customer.is_active))
    ).one()
    rows = await connection.execute(
        select(Customer.phone, Customer.username)
        .where(Customer.is_active, Customer.phone.is_not(None))
        .order_by(Customer.id)
        .limit(SAMPLES)
    )
    samples = rows.all()
    return Diagnostics(
        message=f"I know {say_number(counts[1])} of {say_number(counts[0])} accounts by phone.",
        total_users=counts[0],
        users_with_phone=counts[1],
        sample_phones=[mask_phone(row.phone) for row in samples],
        sample_usernames=[mask_username(row.username) for row in samples],
    )


def mask_phone(phone: str) -> str:
    """Return a number with only its country code and last two digits: "+1********48"."""
    return phone[:2] + "*" * (len(phone) - 4) + phone[-2:]
