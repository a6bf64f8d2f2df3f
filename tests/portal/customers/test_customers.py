"""The pages of customers: the list, the hub, its forms, duplicates and merges, each by role."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.messages.suppression import is_do_not_call, mark_do_not_call
from domain.payments.mark_paid import MarkPaid, mark_paid
from models import (
    Customer,
    CustomerDistinction,
    CustomerScore,
    Order,
    Payment,
    Role,
    ScoreRun,
    SuppressionReason,
)
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
    assert "Old Mill" not in (await read(client, f"{LIST}?terms=net30"))[1]
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
    for tab in ("overdue", "over_limit"):
        page = (await read(client, f"{LIST}?tab={tab}"))[1]
        found[tab] = [name for name in names if name in page]
    assert found == {"overdue": ["Late Lounge"], "over_limit": ["Over Oven"]}
    hub = (await read(client, f"{LIST}/{late.id}"))[1]
    assert ("Overdue $" in hub, "Not yet $" in hub) == (True, False)
    assert "Not yet $" in (await read(client, f"{LIST}/{good.id}"))[1]


async def test_the_list_is_sorted_by_what_each_owes_and_leads_on_in_that_order(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    product = await make_product(db, unit_price="20.00")
    names = ("Owes Two", "Owes None", "Owes Five", "Owes Nothing Either")
    owners = [await make_customer(db, company_name=name, payment_terms="net30", credit_limit=500) for name in names]
    for days, (owner, units) in enumerate(zip(owners, (2, 0, 5, 0), strict=True)):
        owner.created_at = now() - timedelta(days=days)
        if units:
            await make_order(db, (product, units), by=as_actor(owner), payment_method="net30")
    await db.commit()
    falling = ["Owes Five", "Owes Two", "Owes None", "Owes Nothing Either"]
    for sort, expected in (("-owes", falling), ("owes", falling[::-1])):
        page = (await read(client, f"{LIST}?sort={sort}"))[1]
        assert re.findall(r'via=[^"]*">(Owes [\w ]+)</a>', page) == expected
        assert re.findall(r"Owes [\w ]+", (await read(client, f"{LIST}.csv?sort={sort}"))[1]) == expected
        both = [await read(client, f"{LIST}?sort={sort}&per_page=2&page={number}") for number in (1, 2)]
        assert [name for _, part in both for name in re.findall(r'via=[^"]*">(Owes [\w ]+)</a>', part)] == expected
    owed = {name: owner.id for name, owner in zip(names, owners, strict=True)}
    hub = (await read(client, f"{LIST}/{owed['Owes Two']}?via=sort%3D-owes"))[1]
    assert [f"{LIST}/{owed[name]}?via=" in hub for name in names] == [True, True, True, False]  # itself too
    assert "2 of 4" in " ".join(re.sub(r"<[^>]+>", " ", hub).split())


async def test_the_head_of_the_list_says_of_how_many_what_they_owe_and_how_many_look_like_one(client, db) -> None:
    await open_as(client, db)
    late = await make_customer(db, company_name="Late Lounge", payment_terms="net30", credit_limit=500, phone=PHONE)
    for number in (PHONE, None):
        await make_customer(db, phone=number)
    await make_order(db, (await make_product(db, unit_price="20.00"), 3), by=as_actor(late), payment_method="net30")
    await db.commit()
    words = {query: read_head((await read(client, f"{LIST}{query}"))[1]) for query in ("", "?terms=net30", "?tab=good")}
    assert words[""] == "3, $85.00 owed Duplicates 1"
    assert words["?terms=net30"] == words["?tab=good"] == "1 of 3, $85.00 owed Duplicates 1"
    twin = await db.scalar(select(Customer.id).where(Customer.phone == PHONE, Customer.id != late.id))
    db.add(CustomerDistinction(first_id=late.id, second_id=twin, actor_name="Somebody"))
    await db.commit()
    assert read_head((await read(client, LIST))[1]) == "3, $85.00 owed Duplicates"


def read_head(page: str) -> str:
    """The fact beside the title, and the first button."""
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    return words[: words.index("New customer")].rpartition("Customers ")[2].replace(" CSV", "").strip()


async def test_the_hub_says_what_stops_an_order_and_a_call(client, db) -> None:
    await open_as(client, db)
    product = await make_product(db, unit_price="20.00")
    terms = {"payment_terms": "net30", "credit_limit": 200}
    late, over, held, marked = [
        await make_customer(db, **terms, phone=f"+121655501{number}") for number in range(41, 45)
    ]
    for owner, units, days in ((late, 1, 49), (over, 4, 5), (held, 4, 5), (held, 5, 1)):
        placed = await make_order(db, (product, units), by=as_actor(owner), payment_method="net30")
        (await db.get_one(Order, placed.written.id)).created_at = now() - timedelta(days=days)
    over.credit_limit = Decimal(50)
    await mark_do_not_call(db, str(marked.phone), reason=SuppressionReason.DNC_REQUESTED, by=SYSTEM)
    await db.commit()
    pages = {owner.id: flatten((await read(client, f"{LIST}/{owner.id}"))[1]) for owner in (late, over, held, marked)}
    assert "$45.00 is 19 days late. New orders on terms will be held." in pages[late.id]
    assert "Available, stopped until paid $155.00 of $200.00" in pages[late.id]
    assert re.search(r"Oldest due \w+\s\d+(, \d{4})?, 19 days late", pages[late.id])
    assert "Net 30 $55.00 over limit $50.00" in pages[over.id]
    assert "waits: $125.00 is $30.00 more than is available." in pages[held.id]
    assert "not to be called. Orders, texts and mail are fine. Only an administrator can lift this." in pages[marked.id]
    assert ("tel:" in (await read(client, f"{LIST}/{marked.id}"))[1], "waits:" in pages[late.id]) == (False, False)


def flatten(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#39;", "'").split())


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
    status, asked, _ = await send_form(client, page_url, f"{LIST}/merge", **pair, **chosen)
    assert status == 200
    assert "The company becomes Heron LLC. You can undo this until" in " ".join(re.sub("<[^>]+>", " ", asked).split())
    assert await db.scalar(select(Customer.id).where(Customer.id == gone.id)) == gone.id
    status, _, url = await send_form(client, page_url, f"{LIST}/merge", **pair, **chosen, confirmed="yes")
    assert (status, url) == (303, f"{LIST}/{keep.id}")
    kept = await db.get_one(Customer, keep.id, populate_existing=True)
    assert (kept.company_name, kept.email) == ("Heron LLC", keep.email)
    page = (await read(client, f"{LIST}/{keep.id}"))[1]
    undo = page.partition(f"{LIST}/merges/")[2].partition("/undo")[0]
    merged = (await read(client, f"{LIST}/{gone.id}"))[1]
    assert "Moved 0 orders now at Heron LLC Can be undone until" in flatten(merged)
    assert f"{LIST}/merges/{undo}/undo" in merged
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
    assert "Their orders are kept" in (await read(client, f"{url}/delete"))[1]
    assert (await send_form(client, url, f"{url}/delete"))[0] == 303
    assert (await client.get(url)).status_code == 404


async def test_the_list_is_filtered_by_rep_terms_state_and_last_order(client, db) -> None:
    await open_as(client, db)
    rep = await make_staff(db, Role.SALES_REP)
    theirs = await make_customer(db, company_name="Reps Grill", sales_rep_id=rep.id, shipping_state="OH")
    late = await make_customer(db, company_name="Late Lounge", payment_terms="net30", credit_limit=500)
    await make_customer(db, company_name="New Nook", shipping_state="NY")
    product = await make_product(db)
    for owner, days in ((theirs, 3), (late, 95)):
        placed = await make_order(db, (product, 1), by=as_actor(owner))
        (await db.get_one(Order, placed.written.id)).created_at = now() - timedelta(days=days)
    await db.commit()
    found = {}
    for query in (
        f"rep={rep.id}", "rep=none", "terms=net30", "state=NY", "last=7", "last=over30", "last=over90", "last=never",
        "rep=none&q=nook&state=OH", "rep=nobody",
    ):  # fmt: skip
        page = (await read(client, f"{LIST}?{query}"))[1]
        found[query] = [name for name in ("Reps Grill", "Late Lounge", "New Nook") if name in page]
    assert found == {
        f"rep={rep.id}": ["Reps Grill"], "rep=none": ["Late Lounge", "New Nook"], "terms=net30": ["Late Lounge"],
        "state=NY": ["New Nook"], "last=7": ["Reps Grill"], "last=over30": ["Late Lounge"],
        "last=over90": ["Late Lounge"], "last=never": ["New Nook"], "rep=none&q=nook&state=OH": [],
        "rep=nobody": ["Reps Grill", "Late Lounge", "New Nook"],
    }  # fmt: skip
    csv = (await read(client, f"{LIST}.csv?last=never"))[1]
    assert ("New Nook" in csv, "Late Lounge" in csv) == (True, False)


async def test_who_is_past_the_usual_gap_of_the_scores_is_late_until_they_order(client, db) -> None:
    await open_as(client, db)
    run = ScoreRun()
    db.add(run)
    await db.flush()
    product = await make_product(db)
    for name, newest in (("Late Lounge", 12), ("Early Eatery", 2), ("Back Bar", 1)):
        customer = await make_customer(db, company_name=name)
        placed = await make_order(db, (product, 1), by=as_actor(customer))
        (await db.get_one(Order, placed.written.id)).created_at = noon(newest)
        known = noon(2 if name == "Early Eatery" else 12).date()
        score = CustomerScore(
            customer_id=customer.id, run_id=run.id, frequency=3, recency_days=30, age_days=40, last_order_on=known,
            median_gap=10.0, p_alive=0.9, expected_orders_30d=1, expected_orders_90d=3, tier="loyal",
        )  # fmt: skip
        db.add(score)
    await db.commit()
    page = (await read(client, f"{LIST}?tab=late_to_order"))[1]
    assert [name for name in ("Late Lounge", "Early Eatery", "Back Bar") if name in page] == ["Late Lounge"]


async def test_ticked_customers_are_given_to_a_rep_and_get_their_statements(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    rep = await make_staff(db, Role.SALES_REP, full_name="Dana Whitlock")
    first, second = await make_customer(db), await make_customer(db, sales_rep_id=rep.id)
    await db.commit()
    ids = [str(first.id), str(second.id)]
    asked = await send_form(client, LIST, f"{LIST}/bulk", act="assign", customer=ids)
    assert "Dana Whitlock" in asked[1]
    done = await send_form(client, LIST, f"{LIST}/bulk", act="assign", customer=ids, sales_rep_id=str(rep.id))
    assert done[0] == 303
    await db.refresh(first)
    assert (first.sales_rep_id, first.version, second.version) == (rep.id, 2, 1)
    await send_form(client, LIST, f"{LIST}/bulk", act="assign", customer=ids[:1], sales_rep_id="none")
    await db.refresh(first)
    assert first.sales_rep_id is None
    wrong = await send_form(client, LIST, f"{LIST}/bulk", act="assign", customer=ids, sales_rep_id="999")
    assert wrong[0] in {400, 422}
    sent = await send_form(client, LIST, f"{LIST}/bulk", act="statements", customer=ids)
    assert sent[0] == 303
    merging = await send_form(client, LIST, f"{LIST}/bulk", act="merge", customer=ids)
    assert merging[2].endswith(f"/merge?keep={first.id}&merge={second.id}")


async def test_the_hub_offers_what_they_usually_buy_and_says_after_how_long_they_pay(client, db) -> None:
    await open_as(client, db)
    customer = await make_customer(db, payment_terms="net30", credit_limit=5000)
    product = await make_product(db, sku="DEL-105", unit_price="20.00", bulk_price="15.00", bulk_quantity=2)
    for days in (36, 26, 16):
        placed = await make_order(db, (product, 2), by=as_actor(customer), payment_method="net30")
        order = await db.get_one(Order, placed.written.id)
        order.created_at = noon(days)
        await db.flush()
        await mark_paid(db, order.id, MarkPaid(), by=as_actor(await make_staff(db)))
        await db.execute(update(Payment).where(Payment.order_id == order.id).values(created_at=noon(days - 12)))
    await db.commit()
    page = " ".join((await read(client, f"{LIST}/{customer.id}"))[1].split())
    assert "Pays after</dt> <dd>12 days</dd>" in page
    assert "6 days late" in page
    assert f'href="/portal/orders/new?customer={customer.id}&amp;line=2x%20DEL-105"' in page
    form = (await read(client, f"/portal/orders/new?customer={customer.id}&line=2x%20DEL-105"))[1]
    assert "DEL-105" in form
