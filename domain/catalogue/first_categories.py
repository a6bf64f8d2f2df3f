"""Eight categories to start with, for a company that has none."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.categories import CreateCategory, create_category
from domain.kernel.actor import Actor
from domain.kernel.errors import Refused

FIRST_CATEGORIES = (
    ("Cookware", "Pots, pans and lids"),
    ("Bakeware", "Sheet pans, molds and racks"),
    ("Knives", "Knives, boards and sharpeners"),
    ("Kitchen tools", "Tongs, ladles and whisks"),
    ("Food storage", "Food pans, containers and labels"),
    ("Tableware", "Plates, glasses and flatware"),
    ("Disposables", "Take-out boxes, cups and napkins"),
    ("Cleaning", "Chemicals, mops and gloves"),
)


async def take_first_categories(db: AsyncSession, *, by: Actor) -> int:
    """Add those of the eight that do not exist yet; return how many were added."""
    added = 0
    for name, description in FIRST_CATEGORIES:
        try:
            await create_category(db, CreateCategory(name=name, description=description), by=by)
        except Refused:
            continue
        added += 1
    return added
