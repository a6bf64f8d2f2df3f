"""The categories of the catalogue. Names are unique regardless of case; each has a count of its active products."""

from dataclasses import dataclass

import asyncpg
from sqlalchemy import func, select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled60, Input, Text2000
from models import AuditAction, Category, Product

_WITH_COUNTS = """
SELECT c.id, c.name, c.description, coalesce(p.product_count, 0) AS product_count
FROM category AS c
LEFT JOIN (SELECT category_id, count(*) AS product_count FROM product WHERE is_active GROUP BY category_id) AS p
  ON p.category_id = c.id
ORDER BY lower(c.name), c.id
"""


class CreateCategory(Input):
    """A new category."""

    name: Filled60
    description: Text2000 | None = None


class EditCategory(CreateCategory):
    """The name and description to set."""


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """A category in a list; `product_count` counts active products, `inactive_count` the others."""

    id: int
    name: str
    description: str
    product_count: int
    inactive_count: int


async def list_categories(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """List every category by name, with the number of its active products."""
    return list(await connection.fetch(_WITH_COUNTS))


async def list_category_lines(db: AsyncSession | AsyncConnection) -> list[CategoryLine]:
    """List the categories for pages, with the number of inactive products as well."""
    counts = (
        select(
            Product.category_id,
            func.count().filter(Product.is_active).label("active"),
            func.count().filter(~Product.is_active).label("inactive"),
        )
        .group_by(Product.category_id)
        .subquery()
    )
    rows = await db.execute(
        select(
            Category.id,
            Category.name,
            Category.description,
            func.coalesce(counts.c.active, 0),
            func.coalesce(counts.c.inactive, 0),
        )
        .outerjoin(counts, counts.c.category_id == Category.id)
        .order_by(func.lower(Category.name), Category.id)
    )
    return [CategoryLine(*row) for row in rows]


async def list_category_names(db: AsyncSession | AsyncConnection) -> list[tuple[int, str]]:
    """List the ids and names to choose from, by name."""
    rows = await db.execute(select(Category.id, Category.name).order_by(func.lower(Category.name), Category.id))
    return [(row[0], row[1]) for row in rows]


async def create_category(db: AsyncSession, data: CreateCategory, *, by: Actor) -> Category:
    """Add a category. Raises Refused if the name is taken."""
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    category_id = await db.scalar(
        insert(Category)
        .values(name=data.name, description=data.description or "")
        .on_conflict_do_nothing(index_elements=[sql("lower(name)")])
        .returning(Category.id)
    )
    if category_id is None:
        raise _taken(data.name)
    category = await db.get_one(Category, category_id)
    await record_audit(
        db,
        action=AuditAction.CATEGORY_CREATED,
        record_kind="category",
        record_id=category.id,
        record_name=category.name,
        after={"name": category.name, "description": category.description},
        by=by,
    )
    return category


async def edit_category(db: AsyncSession, category_id: int, data: EditCategory, *, by: Actor) -> Category:
    """Change the name or description of a category. Raises NotFound, and Refused if the name is taken."""
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    category = await db.scalar(select(Category).where(Category.id == category_id).with_for_update(key_share=True))
    if category is None:
        raise NotFound("There is no such category.")
    before = {"name": category.name, "description": category.description}
    after = {"name": data.name, "description": data.description or ""}
    if before == after:
        return category
    category.name, category.description = after["name"], after["description"]
    try:
        await db.flush()
    except IntegrityError:
        raise _taken(data.name) from None
    await record_audit(
        db,
        action=AuditAction.CATEGORY_UPDATED,
        record_kind="category",
        record_id=category.id,
        record_name=category.name,
        before={name: value for name, value in before.items() if value != after[name]},
        after={name: value for name, value in after.items() if value != before[name]},
        by=by,
    )
    return category


def _taken(name: str) -> Refused:
    return Refused(
        f"A category named {name} already exists.", code=Code.NAME_TAKEN, fields={"name": "is taken already"}
    )
