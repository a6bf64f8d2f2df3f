"""Importing products: new ones are added, and known ones change only in the columns that the file has."""

from io import BytesIO

import pytest
from sqlalchemy import func, select

from domain.catalogue.product_table import ActiveFilter, ProductFilters, export_products
from domain.imports import books
from domain.imports.queries import list_kept_rows
from domain.imports.run import run_import
from domain.imports.start import StartImport, start_import
from domain.imports.upload import upload_file
from domain.kernel.errors import NotAllowed
from models import AuditEntry, Category, Product, Role
from tests.factories import as_actor, make_product, make_staff
from tests.statements import noted_statements

HEAD = "sku,name,category,unit_price,bulk_price,bulk_quantity,barcode,active\n"


async def bring(db, settings, text: str):
    by = as_actor(await make_staff(db, Role.MANAGER))
    run = await upload_file(db, books.PRODUCTS, BytesIO(text.encode()), "p.csv", needs_columns=False, by=by)
    await start_import(db, run.id, StartImport(), by=by)
    await db.commit()
    done = await run_import(run.id, timezone=settings.timezone)
    assert done.state == "done"
    rows = await list_kept_rows(db, run.id)
    return (done.created_rows, done.skipped_rows, done.bad_rows), {row.line_number: row.faults for row in rows}


async def test_new_products_are_added_and_known_ones_changed_by_sku(database, db, settings) -> None:
    known = await make_product(db, sku="LDL-1", name="Ladle", unit_price="5.00", stock_quantity=9)
    category = await db.scalar(select(Category.name))
    text = f"{HEAD}ldl-1,,,6.50,6.00,12,,\nNEW-1,Whisk,{category.upper()},3.00,,,123,no\nLDL-2,,,1.00,,,,\n"
    counts, bad = await bring(db, settings, text)
    assert counts == (2, 0, 1)
    assert bad == {4: {"name": "is missing for a new product", "category": "is missing for a new product"}}
    await db.refresh(known)
    assert (known.sku, known.name, str(known.unit_price), str(known.bulk_price)) == ("LDL-1", "Ladle", "6.50", "6.00")
    assert (known.bulk_quantity, known.stock_quantity, known.version) == (12, 9, 2)
    new = await db.scalar(select(Product).where(Product.sku == "NEW-1"))
    assert (new.name, new.barcode, new.is_active, new.stock_quantity) == ("Whisk", "123", False, None)
    actions = await db.scalars(select(AuditEntry.action).where(AuditEntry.record_kind == "product"))
    assert sorted(actions) == ["product.created", "product.updated"]


@pytest.mark.parametrize(
    ("row", "faults"),
    [
        ("A-1,Cup,{c},5,6,,,", {"bulk_price": "must not be above the unit price"}),
        ("KNOWN,,,,9,,,", {"bulk_price": "must not be above the unit price"}),
        ("KNOWN,,,1,,,,", {"unit_price": "must not be below the bulk price"}),
        ("A-1,Cup,Nowhere,5,,,,", {"category": "Nowhere is not one of our categories"}),
        ("A-1,Cup,{c},5,,,TAKEN,", {"barcode": "belongs to another product"}),
        ("KNOWN,,,,,,TAKEN,", {"barcode": "belongs to another product"}),
        ("A-1,Cup,{c},5,,,Taken,", {"barcode": "belongs to another product"}),
        ("KNOWN,,,,,,0012345678905,", {"barcode": "belongs to another product"}),
        ("/x,Cup,{c},5,,,,perhaps", {"is_active": "must be yes or no", "sku": None}),
        ("A-1,Cup,{c},cheap,,0,,", {"unit_price": None, "bulk_quantity": "must be at least 1"}),
        (",Cup,{c},5,,,,", {"sku": "is missing"}),
        (
            "KNOWN,,,,,,4.00638E+12,",
            {"barcode": "was shortened by a spreadsheet; make the column text and type it again"},
        ),
        ('"1,2E+10",Cup,{c},5,,,,', {"sku": None}),
        ("A\u202e-1,Cup,{c},5,,,,", {"sku": "has a character that can't be seen (U+202E); type it again"}),
        ("A-1,Cup,{c},5,,,40\u200b06,", {"barcode": "has a character that can't be seen (U+200B); type it again"}),
    ],
)
async def test_rows_that_no_door_takes_are_bad(database, db, settings, row: str, faults: dict[str, str]) -> None:
    await make_product(db, sku="KNOWN", unit_price="5.00", bulk_price="4.00", bulk_quantity=6)
    await make_product(db, sku="OTHER", barcode="TAKEN")
    await make_product(db, barcode="012345678905")
    text = HEAD + row.format(c=await db.scalar(select(Category.name).limit(1))) + "\n"
    counts, bad = await bring(db, settings, text)
    assert counts == (0, 0, 1)
    assert bad[2].keys() == faults.keys()
    assert all(expected in {None, bad[2][field]} for field, expected in faults.items())


async def test_one_sku_on_several_lines_goes_in_on_none(database, db, settings) -> None:
    await make_product(db, sku="KNOWN", unit_price="5.00")
    counts, bad = await bring(db, settings, "sku,unit_price\nKNOWN,6\nknown,7\n")
    assert counts == (0, 0, 2)
    assert bad[2] == {"sku": "is in several lines: 2, 3"}
    assert await db.scalar(select(func.sum(Product.unit_price))) == 5


async def test_what_was_exported_changes_nothing(database, db, settings) -> None:
    for number in range(30):
        await make_product(db, sku=f"E-{number}", name="=Ladle", brand="-x", unit_price="5", bulk_quantity=3)
    await db.commit()
    admin = as_actor(await make_staff(db, Role.ADMIN))
    pieces = [
        piece async for piece in export_products(database, ProductFilters(active=ActiveFilter.ALL), visible_to=admin)
    ]
    counts, _ = await bring(db, settings, b"".join(pieces).decode("utf-8-sig"))
    assert counts == (0, 30, 0)


async def test_other_ends_of_lines_in_a_cell_change_nothing(database, db, settings) -> None:
    await make_product(db, sku="KNOWN", name="Ladle", brand="one\ntwo")
    await db.commit()
    for end in ("\n", "\r\n"):
        counts, _ = await bring(db, settings, f'sku,brand{end}KNOWN,"one{end}two"{end}')
        assert counts == (0, 1, 0)


async def test_a_batch_takes_a_fixed_number_of_statements(database, db, settings) -> None:
    category = (await make_product(db)) and await db.scalar(select(Category.name))
    taken = []
    for first, count in ((0, 5), (100, 200)):
        lines = "".join(f"N-{first + n},Cup,{category},1.00,,,,\n" for n in range(count))
        async with noted_statements(database) as statements:
            assert (await bring(db, settings, HEAD + lines))[0] == (count, 0, 0)
        taken.append(len(statements))
    assert taken[0] == taken[1]


async def test_the_order_desk_imports_no_products(db) -> None:
    by = as_actor(await make_staff(db, Role.STAFF))
    with pytest.raises(NotAllowed):
        await upload_file(db, books.PRODUCTS, BytesIO(b"sku\nA\n"), "p.csv", needs_columns=False, by=by)
