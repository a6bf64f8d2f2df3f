"""The pages of customers: the list, the hub, its forms, duplicates and merges, each by role."""

from datetime import timedelta
from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from domain.messages.suppression import is_do_not_call
from models import Customer, CustomerDistinction, Order, Role
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order, noon
from tests.portal.forms import send_form
from tests.statements import noted_statements

LIST = "/portal/customers"
PHONE = "+12165550148"


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role = Role.STAFF):
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def read(client: TestClientProtocol, path: str) -> tuple[int, str]:
    response = await client.get(path)
    return response.status_code, await response.get_data(as_text=True)


async def test_the_list_is_filtered_and_its_rows_cost_no_more_statements(client, database, db) -> None:
    await open_as(client, db)
    await make_customer(db, company_name="Golden Wok", payment_terms="net30")
    await make_customer(db, company_name="Old Mill", phone=PHONE, do_not_call=True)
    await db.commit()
    counts = []
    for _ in range(2):
        async with noted_statements(database) as statements:
            status, page = await read(client, LIST)
        counts.append(len(statements))
        for _ in range(20):
            await make_customer(db)
        await db.commit()
    assert (status, counts[0]) == (200, counts[1])
    assert "Golden Wok" in page
    assert "Do not call" in page
    assert "(216) 555-0148" not in page
    assert "Golden Wok" not in (await read(client, f"{LIST}?q=mill"))[1]
    assert "Old Mill" not in (await read(client, f"{LIST}?tab=net30"))[1]
    assert "No customers match" in (await read(client, f"{LIST}?q=zzz"))[1]


async def test_the_tabs_and_the_hub_say_who_is_late_and_who_is_over_the_limit(client, db) -> None:
    await open_as(client, db)
    names = ("Good Grill", "Late Lounge", "Over Oven")
    terms = {"payment_terms": "net30", "credit_limit": 500}
    good, late, over = [await make_customer(db, company_name=name, **terms) for name in names]
    product = await make_product(db, unit_price="20.00")
    for owner, units, days in ((good, 1, 3), (late, 1, 40), (over, 4, 5)):
        placed = await make_order(db, (product, units), by=as_actor(owner), payment_method="net30")
        (await db.get_one(Order, placed.written.id)).created_at = now() - timedelta(days=days)
    over.credit_limit = Decimal(50)
    await db.commit()
    found = {}
    for tab in ("overdue", "over_limit", "net30"):
        page = (await read(client, f"{LIST}?tab={tab}"))[1]
        found[tab] = [name for name in names if name in page]
    assert found == {"overdue": ["Late Lounge"], "over_limit": ["Over Oven"], "net30": list(names)}
    hub = (await read(client, f"{LIST}/{late.id}"))[1]
    assert ("Overdue $" in hub, "Not yet $" in hub) == (True, False)
    assert "Not yet $" in (await read(client, f"{LIST}/{good.id}"))[1]


async def test_the_rhythm_is_drawn_and_the_list_marks_who_is_late_to_order(client, db) -> None:
    await open_as(client, db)
    customer = await make_customer(db)
    for days in (35, 28, 21):
        placed = await make_order(db, (await make_product(db), 1), by=as_actor(customer))
        (await db.get_one(Order, placed.written.id)).created_at = noon(days)
    await db.commit()
    assert 'aria-label="Usually every 7 days"' in (page := (await read(client, LIST))[1])
    assert "21 days, 14 late" in " ".join(page.split())
    hub = (await read(client, f"{LIST}/{customer.id}"))[1]
    assert ("3 order days since" in hub, "14 days past the usual gap" in hub) == (True, True)


async def test_every_tab_of_the_hub_opens(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    customer = await make_customer(db, notes="Ring the back bell", phone=PHONE, payment_terms="net30", credit_limit=500)
    placed = await make_order(db, (await make_product(db), 2), by=as_actor(customer))
    await db.commit()
    tabs = ("", "orders", "invoices", "calls", "subscriptions", "notes", "credit", "timeline", "nonsense")
    for tab in tabs:
        status, page = await read(client, f"{LIST}/{customer.id}?tab={tab}")
        assert status == 200
        assert "Ring the back bell" in page
    assert placed.written.order_number in (await read(client, f"{LIST}/{customer.id}"))[1]
    assert (await read(client, f"{LIST}/999999"))[0] == 404


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.SALES_REP, Role.STAFF, Role.MANAGER])
async def test_who_opens_which_page(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    await open_as(client, db, role)
    customer = await make_customer(db)
    await db.commit()
    url = f"{LIST}/{customer.id}"
    allowed = {
        LIST: role is not Role.WAREHOUSE, url: role is not Role.WAREHOUSE, f"{url}/edit": role is not Role.WAREHOUSE,
        f"{LIST}/new": role is not Role.WAREHOUSE, f"{LIST}/duplicates": role is not Role.WAREHOUSE,
        f"{url}/terms": role is Role.MANAGER, f"{url}/delete": role is Role.MANAGER,
        f"{url}/do-not-call": role is not Role.WAREHOUSE, f"{LIST}.csv": role in {Role.STAFF, Role.MANAGER},
    }  # fmt: skip
    for path, is_allowed in allowed.items():
        assert ((await client.get(path)).status_code == 200) is is_allowed, path


async def test_a_new_customer_who_looks_like_another_is_asked_about(client, db: AsyncSession) -> None:
    await open_as(client, db)
    twin = await make_customer(db, company_name="Heron House", phone=PHONE)
    await db.commit()
    fields = {"company_name": "Heron", "phone": "(216) 555-0148", "shipping_address": "1 Road, Town, OH 44097"}
    status, page, _ = await send_form(client, f"{LIST}/new", f"{LIST}/new", **fields)
    assert (status, "Heron House" in page) == (409, True)
    status, _, url = await send_form(client, f"{LIST}/new", f"{LIST}/new", is_new="on", **fields)
    assert status == 303
    made = await db.scalar(select(Customer).where(Customer.id != twin.id))
    assert made is not None
    assert (url, made.shipping_zip, made.phone) == (f"{LIST}/{made.id}", "44097", PHONE)
    status, page, _ = await send_form(client, f"{LIST}/new", f"{LIST}/new", company_name="Nobody")
    assert (status, "or a phone is needed".capitalize() in page) == (422, True)


async def test_an_edit_meets_a_colleagues_edit(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    customer = await make_customer(db, phone2="+12165550149")
    await db.commit()
    url = f"{LIST}/{customer.id}/edit"
    fields = {"version": "1", "company_name": "Mine", "phone2": "", "email": str(customer.email)}
    status, _, _ = await send_form(client, url, url, **fields)
    assert status == 303
    changed = await db.get_one(Customer, customer.id, populate_existing=True)
    assert (changed.company_name, changed.phone2, changed.version) == ("Mine", None, 2)
    status, page, _ = await send_form(client, url, url, **fields | {"company_name": "Too late"})
    assert status == 409
    assert "yours “Too late”, theirs “Mine”" in page


async def test_terms_are_a_managers_and_do_not_call_everybodys(client, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db, phone=PHONE)
    rep = await make_staff(db, Role.SALES_REP)
    await db.commit()
    url = f"{LIST}/{customer.id}"
    fields = {"payment_terms": "net30", "credit_limit": "$1,500", "sales_rep_id": str(rep.id), "version": "1"}
    assert (await send_form(client, url, f"{url}/terms", **fields))[0] == 303
    kept = await db.get_one(Customer, customer.id, populate_existing=True)
    assert (kept.payment_terms, str(kept.credit_limit), kept.sales_rep_id) == ("net30", "1500.00", rep.id)
    assert (await send_form(client, url, f"{url}/terms", **fields))[0] == 409
    assert (await send_form(client, url, f"{url}/do-not-call", do_not_call_note="Asked"))[0] == 303
    assert await is_do_not_call(db, PHONE)


async def test_two_are_merged_and_parted_or_kept_apart(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    keep, gone = await make_customer(db, phone=PHONE), await make_customer(db, phone=PHONE, company_name="Heron LLC")
    await db.commit()
    assert "Heron LLC" in (await read(client, f"{LIST}/duplicates"))[1]
    page_url = f"{LIST}/merge?keep={keep.id}&merge={gone.id}"
    assert "What moves" in (await read(client, page_url))[1]
    assert (await client.get(f"{LIST}/merge?keep=x&merge=1")).status_code == 404
    pair = {"keep_id": str(keep.id), "merge_id": str(gone.id)}
    chosen = {"company_name_side": "other", "other_company_name": "Heron LLC", "other_email": "x@y.example"}
    status, _, url = await send_form(client, page_url, f"{LIST}/merge", **pair, **chosen)
    assert (status, url) == (303, f"{LIST}/{keep.id}")
    kept = await db.get_one(Customer, keep.id, populate_existing=True)
    assert (kept.company_name, kept.email) == ("Heron LLC", keep.email)
    page = (await read(client, f"{LIST}/{keep.id}"))[1]
    undo = page.partition(f"{LIST}/merges/")[2].partition("/undo")[0]
    status, _, url = await send_form(client, f"{LIST}/{keep.id}", f"{LIST}/merges/{undo}/undo")
    assert (status, url) == (303, f"{LIST}/{gone.id}")
    assert (await send_form(client, page_url, f"{LIST}/apart", **pair))[0] == 303
    assert await db.scalar(select(CustomerDistinction.first_id)) == keep.id
    assert "No duplicates" in (await read(client, f"{LIST}/duplicates"))[1]


async def test_a_note_is_kept_and_taken_away_by_its_writer(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    customer = await make_customer(db)
    await db.commit()
    url = f"{LIST}/{customer.id}"
    assert (await send_form(client, f"{url}?tab=notes", f"{url}/notes", note="Dock closes at 2"))[0] == 303
    page = (await read(client, f"{url}?tab=notes"))[1]
    assert "Dock closes at 2" in page
    note_id = page.partition('id="note-')[2].partition('"')[0]
    assert (await send_form(client, f"{url}?tab=notes", f"{url}/notes", note=""))[0] == 422
    await open_as(client, db)
    assert (await send_form(client, url, f"{LIST}/notes/{note_id}/delete"))[0] == 403


async def test_deleting_asks_first_and_says_why_not(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db)
    await db.commit()
    url = f"{LIST}/{customer.id}"
    assert "Their orders stay" in (await read(client, f"{url}/delete"))[1]
    assert (await send_form(client, url, f"{url}/delete"))[0] == 303
    assert (await client.get(url)).status_code == 404
