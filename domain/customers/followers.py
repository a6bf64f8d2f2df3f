"""Updates other records with a customer's details, such as the calling list, by a separate job."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue

JOB = "follow_customer"
FOLLOWED = frozenset(
    {
        "first_name", "last_name", "company_name", "email", "phone", "phone2", "shipping_street", "shipping_city",
        "shipping_state", "shipping_zip", "shipping_country",
    }
)  # fmt: skip


async def queue_following(db: AsyncSession, customer_id: int, before: Mapping[str, Any]) -> None:
    """Enqueue updating the calling list after a change of a customer; `before` are the old values."""
    old = {name: value for name, value in before.items() if name in FOLLOWED}
    if old:
        await enqueue(db, JOB, {"customer_id": customer_id, "before": old})
