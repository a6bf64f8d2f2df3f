"""Delete a product together with its ledger if nothing else refers to it; otherwise archive it.

An archived product is neither in the shop nor in stock lists; showing it again takes it out of the archive.
"""

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.edit_product import lock_product
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.live import Topic, announce
from models import AuditAction, OrderItem, Product, StockMovement


async def delete_product(db: AsyncSession, product_id: int, *, by: Actor) -> str:
    """Delete or archive a product and return which of the two. Raises NotFound."""
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    product = await lock_product(db, product_id)
    name = product.name
    is_ordered = await db.scalar(select(exists().where(OrderItem.product_id == product_id)))
    is_deleted = not is_ordered and await _try_to_delete(db, product_id)
    if not is_deleted and product.archived_at is None:
        product.is_active = False
        product.archived_at = product.updated_at = now()
        product.version += 1
        await db.flush()
    await record_audit(
        db,
        action=AuditAction.PRODUCT_DELETED if is_deleted else AuditAction.PRODUCT_ARCHIVED,
        record_kind="product",
        record_id=product_id,
        record_name=f"{name} ({product.sku})",
        before={"name": name, "sku": product.sku, "unit_price": str(product.unit_price)},
        by=by,
    )
    await announce(db, Topic.PRODUCTS, product_id)
    if is_deleted:
        return f"{name} was deleted."
    where = "stands in orders" if is_ordered else "is still used elsewhere"
    return f"{name} {where}, so it was archived instead: the shop no longer shows it."


async def _try_to_delete(db: AsyncSession, product_id: int) -> bool:
    """Delete the product and its ledger; return False if something else refers to it."""
    try:
        async with db.begin_nested():
            await db.execute(delete(StockMovement).where(StockMovement.product_id == product_id))
            await db.execute(
                delete(Product).where(Product.id == product_id), execution_options={"synchronize_session": False}
            )
    except IntegrityError:
        return False
    return True
