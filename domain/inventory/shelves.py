"""Changes levels and average costs of products together: locked in order, changed here, and written at once.

A delivery of up to a hundred lines takes the same few statements.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.audit import make_audit_entry
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.live import Topic, announce_many
from models import AuditAction, Product
from models.session import raw_connection

_WRITE = """
UPDATE product AS p SET stock_quantity = c.level, cost_per_item = c.cost,
  version = p.version + c.is_moved::int, updated_at = CASE WHEN c.is_moved THEN $5 ELSE p.updated_at END
FROM unnest($1::bigint[], $2::int[], $3::numeric[], $4::boolean[]) AS c(id, level, cost, is_moved)
WHERE p.id = c.id
"""


@dataclass(slots=True)
class Shelf:
    """The level of a product, None if untracked, and its average unit cost in US dollars."""

    product_id: int
    name: str
    sku: str
    level: int | None
    cost: Decimal | None
    cost_before: Decimal | None = field(init=False)

    def __post_init__(self) -> None:
        self.cost_before = self.cost


async def lock_shelves(db: AsyncSession, product_ids: Iterable[int]) -> dict[int, Shelf]:
    """Return the products by id, locked in order of id like orders do. Raises NotFound if one does not exist."""
    wanted = sorted(set(product_ids))
    columns = (Product.id, Product.name, Product.sku, Product.stock_quantity, Product.cost_per_item)
    locking = select(*columns).where(Product.id.in_(wanted)).order_by(Product.id).with_for_update(key_share=True)
    shelves = {row[0]: Shelf(*row) for row in await db.execute(locking)}
    if len(shelves) < len(wanted):
        raise NotFound("There is no such product.")
    return shelves


async def write_shelves(db: AsyncSession, shelves: Mapping[int, Shelf], *, note: str, by: Actor) -> None:
    """Write the levels and average costs. A changed cost increments the version, which open forms check."""
    connection = await raw_connection(db)
    rows = list(shelves.values())
    moved = [shelf for shelf in rows if shelf.cost != shelf.cost_before]
    await connection.execute(
        _WRITE,
        [shelf.product_id for shelf in rows],
        [shelf.level for shelf in rows],
        [shelf.cost for shelf in rows],
        [shelf.cost != shelf.cost_before for shelf in rows],
        now(),
    )
    db.add_all(
        make_audit_entry(
            action=AuditAction.PRODUCT_UPDATED,
            record_kind="product",
            record_id=shelf.product_id,
            record_name=f"{shelf.name} ({shelf.sku})",
            before={"cost_per_item": _write_cost(shelf.cost_before)},
            after={"cost_per_item": _write_cost(shelf.cost)},
            note=note,
            by=by,
        )
        for shelf in moved
    )
    await db.flush()
    await announce_many(db, Topic.PRODUCTS, list(shelves))


def _write_cost(cost: Decimal | None) -> str | None:
    return None if cost is None else str(cost)
