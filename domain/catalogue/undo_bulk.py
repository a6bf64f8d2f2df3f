"""Undo a bulk save: every product it changed gets its earlier values back, unless it was changed again since."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.bulk import change_products
from domain.catalogue.bulk_rows import WantedChange
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from models import AuditAction, AuditEntry, Product, StockReason

UNDO_WITHIN = timedelta(minutes=2)
# A level is kept by the ledger, and a product that is shown again has left the archive: neither can be restored from
# stored values.
UNDOABLE = frozenset(
    {"name", "category_id", "unit_price", "bulk_price", "bulk_quantity", "cost_per_item", "reorder_level", "in_stock"}
)
_AMOUNTS = frozenset({"unit_price", "bulk_price", "cost_per_item"})


async def undo_bulk_save(db: AsyncSession, request_id: str, *, by: Actor) -> tuple[int, int]:
    """Undo a recent save by request id, if it is the actor's. Return how many products were restored and how many not.

    Raises NotFound if the actor has no such save.
    """
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    asked = select(AuditEntry).where(
        AuditEntry.actor_kind == by.kind,
        AuditEntry.actor_id == by.id,
        AuditEntry.request_id == request_id,
        AuditEntry.action == AuditAction.PRODUCT_UPDATED,
        AuditEntry.created_at > now() - UNDO_WITHIN,
    )
    entries = list((await db.scalars(asked.order_by(AuditEntry.id))).all()) if request_id else []
    if not entries:
        raise NotFound("You have nothing to undo.")
    ids = [entry.record_id for entry in entries]
    products = {product.id: product for product in await db.scalars(select(Product).where(Product.id.in_(ids)))}
    rows = []
    for entry in entries:
        product = products.get(entry.record_id or 0)
        before, after = _read(entry.before), _read(entry.after)
        if product is None or not after or before.keys() - UNDOABLE:
            continue
        if all(getattr(product, name) == value for name, value in after.items()):
            # The version that is read here is checked again under the lock.
            rows.append(WantedChange(product.id, None, before, version=product.version))
    await change_products(db, rows, reason=StockReason.COUNTED, with_archived=True, by=by)
    done = sum(not row.error for row in rows)
    return done, len(entries) - done


def _read(values: dict[str, Any] | None) -> dict[str, Any]:
    """Return the values of an audit entry as the columns hold them; there, amounts are text."""
    return {
        name: Decimal(value) if name in _AMOUNTS and value is not None else value
        for name, value in (values or {}).items()
    }
