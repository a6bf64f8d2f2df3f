"""Many products changed at once, while others change them too."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue import bulk
from domain.catalogue.bulk_rows import WantedChange
from domain.catalogue.bulk_save import BulkSaveProducts, bulk_save_products
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from models import AuditEntry, Role, StockReason
from tests.factories import as_actor, make_product, make_staff


async def test_a_barcode_that_is_taken_meanwhile_leaves_nothing_of_any_part(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another product gets it between the look at who has it and the first rows' UPDATE, while others are prepared."""
    read_bounds = bulk._read_bounds
    manager = as_actor(await make_staff(db, Role.MANAGER))
    *products, rival = [await make_product(db, brand="Old") for _ in range(4)]
    rival_id = rival.id

    async def overtaken(connection: asyncpg.Connection, rows: Sequence[WantedChange]) -> Any:
        found = await read_bounds(connection, rows)
        await connection.execute("UPDATE product SET barcode = '4006381333931' WHERE id = $1", rival_id)
        return found

    monkeypatch.setattr(bulk, "MANY", 2)
    monkeypatch.setattr(bulk, "PARTS", (1,))
    monkeypatch.setattr(bulk, "_read_bounds", overtaken)
    rows: list[dict[str, Any]] = [{"id": product.id, "brand": "New"} for product in products]
    rows[0]["barcode"] = "4006381333931"
    with pytest.raises(Refused) as refusal:
        async with db.begin_nested():
            await bulk_save_products(db, BulkSaveProducts.model_validate({"products": rows}), by=manager)
    assert refusal.value.code is Code.CONFLICT
    for product in products:
        await db.refresh(product)
        assert (product.brand, product.barcode, product.version) == ("Old", "", 1)
    assert await db.scalar(select(func.count()).where(AuditEntry.record_kind == "product")) == 0


async def test_each_row_says_what_becomes_of_it_before_the_history_is_written(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    changed, same = await make_product(db, brand="Old"), await make_product(db, brand="New")
    archived = await make_product(db, archived_at=changed.created_at)
    rows = [WantedChange(id_, None, {"brand": "New"}) for id_ in (changed.id, same.id, archived.id)]
    rows.append(WantedChange(None, changed.sku.lower(), {"brand": "Newer"}))
    await db.commit()
    copied: list[str] = []
    copy = asyncpg.Connection.copy_to_table

    async def noted(connection: asyncpg.Connection, table: str, **how: Any) -> str:
        copied.append(table)
        return str(await copy(connection, table, **how))

    monkeypatch.setattr(asyncpg.Connection, "copy_to_table", noted)
    async with bulk.changing_products(db, rows, reason=StockReason.COUNTED, with_archived=False, by=manager):
        assert [(row.product_id, row.sku, row.is_changed, row.error) for row in rows] == [
            (changed.id, changed.sku, True, ""),
            (same.id, same.sku, False, ""),
            (archived.id, None, False, "There is no such product."),
            (changed.id, changed.sku, True, ""),
        ]
        assert copied == []
    assert copied == ["audit_entry"]
    await db.refresh(changed)
    assert (changed.brand, changed.version) == ("Newer", 2)
