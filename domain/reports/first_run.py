"""What a new company still needs before its first order; after that, no more guidance is shown."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select

from domain.orders.queries import Reader
from domain.system.backups import select_last_backup
from models import ApiKey, Category, Order, Product, Staff


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What exists so far."""

    categories: int
    products: int
    has_keys: bool
    colleagues: int
    backed_up_at: datetime | None


async def find_first_run(db: Reader) -> FirstRun | None:
    """Return what exists in a company without orders; None once there is an order."""
    is_new = ~exists(select(Order.id))
    row = (
        await db.execute(
            select(
                select(func.count()).select_from(Category).scalar_subquery(),
                select(func.count()).select_from(Product).scalar_subquery(),
                exists(select(ApiKey.id).where(ApiKey.revoked_at.is_(None))),
                select(func.count()).where(Staff.archived_at.is_(None)).scalar_subquery(),
                select_last_backup(),
            ).where(is_new)
        )
    ).first()
    return FirstRun(row[0], row[1], bool(row[2]), row[3], row[4]) if row is not None else None
