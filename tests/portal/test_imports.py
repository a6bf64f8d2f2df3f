"""The pages of imports: upload, columns, dry run, progress, the end with its bad rows; also pages of administrators."""

from io import BytesIO

import pytest
from quart.datastructures import FileStorage
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.imports.run import run_import
from domain.kernel.actor import SYSTEM
from domain.messages.suppression import is_do_not_call, mark_do_not_call
from models import Customer, ImportRun, Role, SuppressionReason, Vendor, VendorProduct
from tests.factories import make_customer, make_product, make_staff, sign_in
from tests.portal.forms import TOKEN, read_page, send_form

BOOK = "Firma;E-Mail;Unbekannt\r\nCafé Größe;a@b.example;x\r\nOhne;;\r\n".encode("cp1252")
PHONE = "+12165550148"


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    await sign_in(client, db, await make_staff(db, role))


async def upload(client: TestClientProtocol, data: bytes, kind: str = "customers") -> str:
    page = f"/portal/imports/new/{kind}"
    token = TOKEN.search(await read_page(client, page))
    assert token is not None
    files = {"file": FileStorage(BytesIO(data), "kunden.csv")}
    response = await client.post(page, form={"csrf_token": token[1]}, files=files)
    assert response.status_code == 303
    return response.headers["Location"]


async def test_a_file_is_checked_imported_and_its_bad_rows_come_back(client, db, settings) -> None:
    await open_as(client, db, Role.MANAGER)
    url = await upload(client, BOOK)
    run_id = int(url.rpartition("/")[2])
    assert "Checking" in await read_page(client, url)
    await run_import(run_id, timezone=settings.timezone)
    page = await read_page(client, url)
    assert "semicolons, Windows-1252" in page
    assert '<span\n        class="why">Email is missing, and so is a phone</span>' in page
    assert ("a@b.example" in page, "1 bad" in page, "Fits" in page) == (True, True, True)
    assert "Café Größe" in await read_page(client, f"{url}?rows=first")
    assert "Import 1 row" in " ".join(page.split())
    assert await db.scalar(select(func.count()).select_from(Customer)) == 0
    columns = {"column:firma": "company_name", "column:e_mail": "email", "act": "import"}
    assert (await send_form(client, url, f"{url}/start", **columns))[0] == 303
    assert "Waiting" in await read_page(client, url)
    elsewhere = await read_page(client, "/portal/customers")
    assert ('aria-label="Import of customers"' in elsewhere, 'data-live="imports"' in elsewhere) == (True, True)
    await run_import(run_id, timezone=settings.timezone)
    assert await db.scalar(select(Customer.company_name)) == "Café Größe"
    assert "Mend and send again" in await read_page(client, url)
    assert 'id="side_tasks"' not in await read_page(client, "/portal/customers")
    assert "kunden.csv" in await read_page(client, "/portal/imports")
    response = await client.get(f"{url}/bad.csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="kunden-bad.csv"'
    bad = await response.get_data(as_text=True)
    assert bad.splitlines()[1].startswith("Ohne,,,")
    assert (await send_form(client, "/portal/profile", f"{url}/start", **columns))[0] == 409


async def test_columns_that_lack_are_said_on_the_page(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    url = await upload(client, b"a,b\n1,2\n", "orders")
    status, page, _ = await send_form(client, url, f"{url}/start", **{"column:a": "order_number", "act": "import"})
    assert (status, "lack Order date" in page) == (422, True)
    assert (await client.get("/portal/imports/new/nonsense")).status_code == 404


async def test_a_running_import_is_stopped_by_a_manager_and_seen_by_the_office(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    url = await upload(client, BOOK)
    assert (await send_form(client, url, f"{url}/stop"))[0] == 303
    assert await db.scalar(select(ImportRun.state)) == "stopped"
    await open_as(client, db, Role.STAFF)
    assert (await client.get(url)).status_code == 200
    assert (await client.get("/portal/imports/new/customers")).status_code == 403
    await open_as(client, db, Role.SALES_REP)
    assert (await client.get(url)).status_code == 403


async def test_the_bar_beside_every_page_is_fetched_alone(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    url = await upload(client, BOOK)
    part = await client.get("/portal/imports/running", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    text = await part.get_data(as_text=True)
    assert (url in text, "<html" in text, "Checking" in text) == (True, False, True)
    assert (await client.get("/portal/imports/running")).headers["Location"] == "/portal/imports"
    await open_as(client, db, Role.SALES_REP)
    assert (await client.get("/portal/imports/running")).status_code == 403
    assert "side_tasks" not in await read_page(client, "/portal/customers")


@pytest.mark.parametrize("path", ["/portal/suppressed-numbers", "/portal/website-users"])
async def test_administrators_pages_are_for_them(client, db, path: str) -> None:
    await open_as(client, db, Role.MANAGER)
    assert (await client.get(path)).status_code == 403
    await open_as(client, db, Role.ADMIN)
    assert (await client.get(path)).status_code == 200


async def test_numbers_are_marked_found_and_lifted_with_a_note(client, db) -> None:
    await open_as(client, db, Role.ADMIN)
    url = "/portal/suppressed-numbers"
    fields = {"phone": "216 555 0148", "note": "Wrote a letter"}
    assert (await send_form(client, f"{url}/mark", f"{url}/mark", phone="12", note="x"))[0] == 422
    assert (await send_form(client, f"{url}/mark", f"{url}/mark", **fields))[0] == 303
    assert await is_do_not_call(db, PHONE)
    await mark_do_not_call(db, "+12165550149", reason=SuppressionReason.STAFF, by=SYSTEM)
    await db.commit()
    page = await read_page(client, f"{url}?q=5550148")
    assert ("(216) 555-0148" in page, "(216) 555-0149" in page) == (True, False)
    lift = f"{url}/{PHONE}/lift"
    assert (await send_form(client, lift, lift, note=""))[0] == 422
    assert (await send_form(client, lift, lift, note="Wrong number"))[0] == 303
    assert not await is_do_not_call(db, PHONE)


async def test_the_end_of_an_import_says_whose_number_is_marked(client, db, settings) -> None:
    await open_as(client, db, Role.MANAGER)
    await mark_do_not_call(db, PHONE, reason=SuppressionReason.STAFF, by=SYSTEM)
    url = await upload(client, b"company_name,phone\nMarked,216.555.0148\nOther,(216) 555-0150\n")
    run_id = int(url.rpartition("/")[2])
    await run_import(run_id, timezone=settings.timezone)
    columns = {"column:company_name": "company_name", "column:phone": "phone", "act": "import"}
    assert (await send_form(client, url, f"{url}/start", **columns))[0] == 303
    await run_import(run_id, timezone=settings.timezone)
    assert "1 with a do-not-call or do-not-text mark, by number" in await read_page(client, url)
    found = await db.execute(select(Customer.company_name, Customer.do_not_call).order_by(Customer.id))
    assert [tuple(row) for row in found] == [("Marked", True), ("Other", False)]


async def test_website_users_are_listed(client, db) -> None:
    await open_as(client, db, Role.ADMIN)
    user = await make_customer(db)
    await make_customer(db, password_hash=None, company_name="Imported")
    await db.commit()
    page = await read_page(client, "/portal/website-users")
    assert (user.username in page, "Imported" in page) == (True, False)


async def test_vendors_and_their_products_are_kept_on_pages(client, db) -> None:
    await open_as(client, db, Role.ADMIN)
    await make_product(db, stock=1, reorder_level=5, name="Short pan")
    await db.commit()
    home = "/portal/procurement"
    assert "Short pan" in await read_page(client, home)
    new = f"{home}/vendors/new"
    assert (await send_form(client, new, new, name="", phone="1"))[0] == 422
    status, _, url = await send_form(client, new, new, name="Northern Steel", contact_name="Ana")
    assert status == 303
    fields = {"name": "Sheet pan", "est_price_min": "$4.50", "est_price_max": "6", "lead_time_days": "21"}
    assert (await send_form(client, f"{url}/products/new", f"{url}/products/new", **fields))[0] == 303
    page = await read_page(client, url)
    assert "$4.50 – $6.00" in " ".join(page.split())
    edit = f"{home}/products/{await db.scalar(select(VendorProduct.id))}/edit"
    status, page, _ = await send_form(client, edit, edit, **fields | {"est_price_min": "7"})
    assert (status, "must not be above est_price_max".capitalize() in page) == (422, True)
    assert (await send_form(client, f"{url}/edit", f"{url}/edit", name="Northern Steel", contact_name=""))[0] == 303
    assert await db.scalar(select(Vendor.contact_name)) == ""
    assert (await send_form(client, url + "/edit", f"{url}/delete"))[0] == 303
    assert await db.scalar(select(func.count()).select_from(Vendor)) == 0
    await open_as(client, db, Role.STAFF)
    assert (await client.get(home)).status_code == 403


async def test_a_file_without_anything_new_says_so_before_it_runs(client, db, settings) -> None:
    await open_as(client, db, Role.MANAGER)
    await make_customer(db, email="a@b.example")
    await db.commit()
    url = await upload(client, b"Company;Cust. no.;E-mail\r\nMill;7;a@b.example\r\nInn;8;not an address\r\n")
    assert "rows, waiting for other imports" in await read_page(client, url)
    await run_import(int(url.rpartition("/")[2]), timezone=settings.timezone)
    page = " ".join((await read_page(client, url)).split())
    assert ("Nothing new" in page, "Import 0 rows" in page) == (True, True)
    # The value stands above what is wrong with it, and the column is named as in a letter.
    assert '<span class="raw">not an address</span><span class="why">is not an email address</span>' in page
    assert ('aria-label="Cust. no. goes to"' in page, 'aria-label="E mail goes to"' in page) == (True, True)
