"""Editing products: only what was sent changes, nothing is overwritten unseen, and every change is recorded."""

import asyncio
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.categories import CreateCategory, EditCategory, create_category, edit_category
from domain.catalogue.create_product import CreateProduct, create_product
from domain.catalogue.edit_product import EditProduct, edit_product, replace_picture
from domain.inventory.adjust import EditShelf
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound, Refused
from domain.kernel.inputs import read_values
from models import AuditEntry, Category, ProductImage, ProductImageData, Role
from models.session import Database
from tests.factories import as_actor, make_category, make_product, make_staff


def picture(colour: str) -> bytes:
    """A small JPEG of one colour."""
    written = BytesIO()
    Image.new("RGB", (40, 30), colour).save(written, "JPEG")
    return written.getvalue()


async def test_only_what_was_sent_changes_and_is_told_with_before_and_after(db: AsyncSession) -> None:
    product = await make_product(db, brand="Brio", bulk_price=Decimal("9.00"), bulk_quantity=6)
    me = as_actor(await make_staff(db, Role.MANAGER, full_name="Maren Holt"))
    assert product.id
    was = product.updated_at
    sent = EditProduct(unit_price=Decimal("12.50"), bulk_price=None, brand=None, name=product.name)
    edited = await edit_product(db, product.id, sent, by=me, version=1)
    assert (edited.unit_price, edited.bulk_price, edited.bulk_quantity, edited.brand) == (Decimal("12.50"), None, 6, "")
    assert edited.version == 2
    assert edited.updated_at > was
    entry = (await db.execute(select(AuditEntry))).scalar_one()
    assert (entry.action, entry.actor_name) == ("product.updated", "Maren Holt")
    assert entry.before == {"unit_price": "10.00", "bulk_price": "9.00", "brand": "Brio"}
    assert entry.after == {"unit_price": "12.50", "bulk_price": None, "brand": ""}


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\u00ad", "\u00a0", "\u3164", "\u2028", "\x07"])
async def test_a_code_shows_every_character_that_it_has(hidden: str) -> None:
    fields = ((CreateProduct, "sku"), (EditProduct, "sku"), (EditProduct, "barcode"), (EditShelf, "barcode"))
    for model, field in fields:
        with pytest.raises(InvalidInput) as refusal:
            read_values(model, {field: f"LDL{hidden}108", "name": "Pan", "category_id": 1, "unit_price": "1"})
        assert refusal.value.fields.keys() == {field}
    assert read_values(EditProduct, {"sku": "Löffel 6 oz/½ \u2713"}).sku == "Löffel 6 oz/½ \u2713"


async def test_an_edit_without_a_change_tells_nothing(db: AsyncSession) -> None:
    product, me = await make_product(db), as_actor(await make_staff(db, Role.MANAGER))
    assert product.id
    edited = await edit_product(db, product.id, EditProduct(sku=product.sku, in_stock=True), by=me)
    assert edited.version == 1
    assert (await db.execute(select(func.count()).select_from(AuditEntry))).scalar_one() == 0


async def test_a_stale_edit_is_refused_naming_who_changed_it(db: AsyncSession) -> None:
    product = await make_product(db)
    one = as_actor(await make_staff(db, Role.MANAGER, full_name="Luis Ocampo"))
    two = as_actor(await make_staff(db, Role.ADMIN))
    assert product.id
    await edit_product(db, product.id, EditProduct(brand="Brio"), by=one, version=1)
    with pytest.raises(Refused) as refusal:
        await edit_product(db, product.id, EditProduct(brand="Norwick"), by=two, version=1)
    assert (refusal.value.code, refusal.value.extra["changed_by"], refusal.value.extra["version"]) == (
        "stale", "Luis Ocampo", 2,
    )  # fmt: skip
    assert product.brand == "Brio"


async def test_of_two_edits_at_once_one_is_refused(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        product, me = await make_product(db), as_actor(await make_staff(db, Role.MANAGER))
        assert product.id
        product_id = product.id

    async def edit(price: str) -> str:
        async with committed.separate_transaction() as db:
            edited = await edit_product(db, product_id, EditProduct(unit_price=Decimal(price)), by=me, version=1)
            return str(edited.unit_price)

    outcomes = await asyncio.gather(edit("11.00"), edit("12.00"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Refused", "str"]


async def test_what_another_product_has_and_what_must_not_be_empty_is_refused(db: AsyncSession) -> None:
    product, rival = await make_product(db), await make_product(db, sku="Taken-1", barcode="4006381333931")
    me = as_actor(await make_staff(db, Role.MANAGER))
    assert product.id
    for sent, field in ((EditProduct(sku="TAKEN-1"), "sku"), (EditProduct(barcode=rival.barcode), "barcode")):
        with pytest.raises(Refused) as refusal:
            await edit_product(db, product.id, sent, by=me)
        assert list(refusal.value.fields) == [field]
    with pytest.raises(InvalidInput) as bad:
        await edit_product(db, product.id, EditProduct(name=None, unit_price=None), by=me)
    assert set(bad.value.fields) == {"name", "unit_price"}
    with pytest.raises(InvalidInput):
        await edit_product(db, product.id, EditProduct(category_id=999_999), by=me)
    with pytest.raises(NotFound):
        await edit_product(db, 999_999, EditProduct(brand="X"), by=me)
    for role in (Role.STAFF, Role.SALES_REP, Role.WAREHOUSE):
        with pytest.raises(NotAllowed):
            await edit_product(
                db, product.id, EditProduct(unit_price=Decimal(1)), by=as_actor(await make_staff(db, role))
            )


async def test_a_sku_is_created_once_by_two_at_once(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        shelf, me = await make_category(db), as_actor(await make_staff(db, Role.MANAGER))
        assert shelf.id
        shelf_id = shelf.id

    async def create(sku: str) -> int:
        async with committed.separate_transaction() as db:
            data = CreateProduct(name="Pan", category_id=shelf_id, sku=sku, unit_price=Decimal(1))
            return (await create_product(db, data, by=me)).id or 0

    outcomes = await asyncio.gather(create("PAN-1"), create("pan-1"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Refused", "int"]


async def test_a_new_picture_takes_the_place_of_the_one_before(db: AsyncSession) -> None:
    product, me = await make_product(db), as_actor(await make_staff(db, Role.MANAGER))
    assert product.id
    first = (await replace_picture(db, product.id, picture("red"), by=me)).image_hash
    assert (await replace_picture(db, product.id, picture("red"), by=me)).version == 2
    second = (await replace_picture(db, product.id, picture("blue"), by=me)).image_hash
    assert first != second
    kept = (await db.execute(select(ProductImage.sha256))).scalars().all()
    assert kept == [second]
    assert (await db.execute(select(func.count()).select_from(ProductImageData))).scalar_one() == 1
    assert (await replace_picture(db, product.id, None, by=me)).image_hash is None
    assert (await db.execute(select(func.count()).select_from(ProductImageData))).scalar_one() == 0
    with pytest.raises(InvalidInput) as bad:
        await replace_picture(db, product.id, b"GIF89a", by=me)
    assert list(bad.value.fields) == ["picture"]


async def test_a_category_is_renamed_but_not_to_a_name_that_is_taken(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.MANAGER))
    pots = await create_category(db, CreateCategory(name="Pots"), by=me)
    await create_category(db, CreateCategory(name="Pans"), by=me)
    assert pots.id
    renamed = await edit_category(db, pots.id, EditCategory(name="POTS", description="Deep"), by=me)
    assert (renamed.name, renamed.description) == ("POTS", "Deep")
    entry = (await db.execute(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).scalar_one()
    assert (entry.action, entry.before, entry.after) == (
        "category.updated", {"name": "Pots", "description": ""}, {"name": "POTS", "description": "Deep"},
    )  # fmt: skip
    with pytest.raises(NotFound):
        await edit_category(db, 999_999, EditCategory(name="X"), by=me)
    with pytest.raises(Refused):
        async with db.begin_nested():
            await edit_category(db, pots.id, EditCategory(name="pans"), by=me)
    assert sorted((await db.execute(select(Category.name))).scalars()) == ["POTS", "Pans"]
