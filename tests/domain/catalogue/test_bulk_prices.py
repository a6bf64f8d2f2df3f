"""No door takes a bulk price above the unit price, whichever of the two is new; old data takes the lower price."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.create_product import CreateProduct, create_product
from domain.catalogue.edit_product import EditProduct, edit_product
from domain.catalogue.sync_bulk import SyncBulkUpdate, sync_bulk_update
from domain.kernel.errors import InvalidInput
from domain.orders.totals import price_line
from models import Role
from tests.factories import as_actor, make_category, make_product, make_staff

DEARER = "The bulk price must not be above the unit price."


@pytest.mark.parametrize(
    ("changes", "field"), [({"bulk_price": Decimal("10.01")}, "bulk_price"), ({"unit_price": Decimal(7)}, "unit_price")]
)
async def test_an_edit_is_refused_whichever_price_is_new(db: AsyncSession, changes: Any, field: str) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    pan = await make_product(db, bulk_price=Decimal("9.00"), bulk_quantity=5)
    with pytest.raises(InvalidInput, match=DEARER) as refusal:
        await edit_product(db, pan.id, EditProduct.model_validate(changes), by=manager)
    assert list(refusal.value.fields) == [field]


async def test_an_old_dearer_price_does_not_keep_the_rest_from_being_edited(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    pan = await make_product(db, unit_price=Decimal("7.00"), bulk_price=Decimal("9.00"), bulk_quantity=5)
    sent = {"name": "Sheet pan, half", "bulk_price": Decimal("9.00")}
    assert (await edit_product(db, pan.id, EditProduct.model_validate(sent), by=manager)).name == "Sheet pan, half"
    line = price_line(5, unit_price=pan.unit_price, bulk_price=pan.bulk_price, bulk_quantity=pan.bulk_quantity)
    assert (str(line.line_total), line.is_bulk_price) == ("35.00", False)


async def test_a_new_product_is_refused(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    category = await make_category(db)
    data = CreateProduct(
        name="Pan", sku="DEAR-1", category_id=category.id, unit_price=Decimal(7), bulk_price=Decimal(9), bulk_quantity=5
    )
    with pytest.raises(InvalidInput, match=DEARER):
        await create_product(db, data, by=manager)


async def test_a_sync_row_is_refused_alone(db: AsyncSession) -> None:
    pan, lid = [await make_product(db, bulk_price=Decimal("9.00"), bulk_quantity=5) for _ in range(2)]
    rows = [{"sku": pan.sku, "unit_price": Decimal(7)}, {"sku": lid.sku, "bulk_price": Decimal("8.50")}]
    result = await sync_bulk_update(
        db, SyncBulkUpdate.model_validate({"products": rows}), by=as_actor(await make_staff(db, Role.MANAGER))
    )
    assert [(row["index"], row["error"]) for row in result.errors] == [(0, DEARER)]
    assert [row["sku"] for row in result.updated] == [lid.sku]
