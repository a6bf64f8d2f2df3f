"""No two products have one barcode, however it is spelled, whichever way it is written."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.bulk_save import BulkSaveProducts, bulk_save_products
from domain.catalogue.edit_product import EditProduct, edit_product
from domain.catalogue.staff_products import AddProduct, add_product
from domain.inventory.receive import ReceiveGoods, receive_goods
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.search.find import find_products
from models import Product, Role
from tests.factories import as_actor, make_product, make_staff

SPELLINGS = [("012345678905", "0012345678905"), ("0012345678905", "012345678905"), ("CASE-1", "case-1")]


@pytest.mark.parametrize(("stored", "typed"), SPELLINGS)
async def test_a_barcode_is_taken_in_every_spelling(db: AsyncSession, stored: str, typed: str) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    owner, other = await make_product(db, barcode=stored), await make_product(db)
    with pytest.raises(Refused) as refusal:
        await edit_product(db, other.id, EditProduct(barcode=typed), by=manager)
    assert (refusal.value.code, refusal.value.fields) == (Code.BARCODE_TAKEN, {"barcode": f"belongs to {owner.name}"})
    added = AddProduct.model_validate(
        {"name": "Pan", "sku": "PAN-1", "unit_price": 5, "barcode": typed, "category_id": owner.category_id}
    )
    with pytest.raises(Refused) as refusal:
        async with db.begin_nested():
            await add_product(db, added, by=manager)
    assert refusal.value.code is Code.BARCODE_TAKEN
    rows = [{"id": product.id, "barcode": typed} for product in (other, owner)]
    saved = await bulk_save_products(db, BulkSaveProducts.model_validate({"products": rows}), by=manager)
    assert [(error.id, [*error.fields]) for error in saved.errors] == [(other.id, ["barcode"])]
    kept = await db.execute(select(Product.id, Product.barcode).where(Product.barcode != ""))
    # Its owner may have it in the other spelling.
    assert [tuple(row) for row in kept] == [(owner.id, typed)]


@pytest.mark.parametrize(("stored", "typed"), SPELLINGS)
async def test_a_delivery_and_the_search_know_every_spelling(db: AsyncSession, stored: str, typed: str) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    product = await make_product(db, barcode=stored, stock_quantity=1)
    await make_product(db, barcode="999")
    goods = ReceiveGoods.model_validate({"lines": [{"sku": typed, "quantity": 3}]})
    received = await receive_goods(db, goods, by=manager)
    assert [each.product.id for each in received] == [product.id]
    assert [each.id for each in await find_products(db, typed, visible_to=manager)] == [product.id]
