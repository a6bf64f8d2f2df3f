"""The calling list over HTTP: what it shows to whom, what its acts do, and the scores that sort it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from domain.messages.suppression import mark_do_not_call
from models import CallingEntry, CallingEvent, KeyScope, Order, Role, SuppressionReason
from models.session import Database
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff, next_number, sign_in
from tests.factories.accounts import with_settings
from tests.factories.catalogue import as_file, make_key
from tests.factories.orders import make_order

LIST = "/api/sales/calling-list"
ENTRY_KEYS = {
    "id", "customer_id", "first_name", "last_name", "contact_name", "company_name", "email", "phone", "phone2",
    "address", "notes", "assigned_to", "assignee_name", "status", "priority_score", "do_not_call", "last_called",
    "last_order_date", "order_count", "total_spend",
}  # fmt: skip


def new_phone() -> str:
    return f"+1216555{next_number() % 10_000:04d}"


async def make_entry(db: AsyncSession, **values: Any) -> CallingEntry:
    usual: dict[str, Any] = {"phone": new_phone(), "company_name": f"Bistro {next_number()}"}
    entry = CallingEntry(**usual | values)
    db.add(entry)
    await db.flush()
    return entry


async def read(client: TestClientProtocol, path: str = LIST) -> Any:
    response = await client.get(path)
    assert response.status_code == 200, await response.get_data()
    return await response.get_json()


async def ids(client: TestClientProtocol, query: str) -> list[int]:
    body = await read(client, f"{LIST}?{query}")
    assert body["total"] == len(body["entries"])
    return [entry["id"] for entry in body["entries"]]


async def test_a_prospect_is_added_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    sent = {
        "phone": "(216) 555-0148", "company_name": "Maple & Vine", "contact_name": "Ana", "email": "Ana@Maple.example",
        "address": "88 Grist Road, Alder Falls, OH 44099", "notes": "mornings", "priority_score": 72.5,
    }  # fmt: skip
    response = await client.post(LIST, json=sent)
    assert response.status_code == 201
    entry = (await response.get_json())["entry"]
    assert set(entry) == ENTRY_KEYS
    assert (entry["phone"], entry["email"], entry["address"]) == ("+12165550148", "ana@maple.example", sent["address"])
    assert (entry["priority_score"], entry["status"], entry["total_spend"]) == (72.5, "new", 0)
    kept = await db.get(CallingEntry, entry["id"])
    assert kept is not None
    assert (kept.state, kept.zip, kept.hours_key) == ("OH", "44099", "|America/New_York")
    again = await client.post(LIST, json={"phone": "216-555-0148"})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "already_listed")
    bad = await client.post(LIST, json={"phone": "12", "email": "x", "status": "odd", "priority_score": 101})
    assert bad.status_code == 400
    assert set((await bad.get_json())["fields"]) >= {"email", "status", "priority_score"}
    assert (await client.post(LIST, json={"phone": "12"})).status_code == 400
    assert (await client.post(LIST, json={})).status_code == 400


async def test_the_list_is_filtered_sorted_and_paged(client: TestClientProtocol, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.ADMIN)
    rep = await make_staff(db, Role.SALES_REP)
    await sign_in(client, db, admin)
    first = await make_entry(db, company_name="Zebra Grill", priority_score=90, assigned_to=rep.id)
    second = await make_entry(db, company_name="Alder Café", priority_score=40, email="chef@alder.example")
    closed = await make_entry(db, status="closed", priority_score=99)
    called = await make_entry(db, priority_score=60, last_called_at=now())
    nameless = await make_entry(db, phone=None, phone_raw="ask Bob", priority_score=10)
    assert await ids(client, "") == [first.id, second.id]
    assert await ids(client, "segment=all&status=&q=&assignee=&purchased_skus=") == [
        first.id, called.id, second.id, nameless.id,
    ]  # fmt: skip
    assert await ids(client, "segment=all&status=closed") == [closed.id]
    assert await ids(client, "segment=called") == [called.id]
    assert await ids(client, f"assignee={rep.id}") == [first.id]
    assert await ids(client, "assignee=none") == [second.id]
    assert await ids(client, "assignee=me") == []
    assert await ids(client, "q=alder") == [second.id]
    assert await ids(client, "q=chef@al") == [second.id]
    assert await ids(client, f"q={(first.phone or '')[-8:]}") == [first.id]
    assert await ids(client, "score_min=40&score_max=60") == [second.id]
    assert await ids(client, "sort=company_name&dir=asc") == [second.id, first.id]
    body = await read(client, f"{LIST}?per_page=1&page=2")
    assert (body["total"], body["page"], body["per_page"], body["pages"]) == (2, 2, 1, 2)
    assert [entry["id"] for entry in body["entries"]] == [second.id]
    for bad in ("sort=phone", "dir=up", "segment=x", "status=odd", "assignee=you", "score_min=-1", "per_page=201"):
        assert (await client.get(f"{LIST}?{bad}")).status_code == 400, bad


async def test_the_company_says_which_scores_are_listed_where_nobody_asks(settings: Settings, db: AsyncSession) -> None:
    client = with_settings(settings, calling_min=40, calling_max=80)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    high, middle, low = [await make_entry(db, priority_score=score) for score in (90, 60, 20)]
    assert await ids(client, "") == [middle.id]
    assert (await read(client, LIST))["total"] == 1
    assert await ids(client, "score_max=100") == [high.id, middle.id]
    assert await ids(client, "score_min=0&score_max=100") == [high.id, middle.id, low.id]


async def test_who_is_suppressed_is_on_no_page(client: TestClientProtocol, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, admin)
    entry = await make_entry(db, phone2=new_phone(), last_called_at=now())
    marked = await make_entry(db, customer_id=(await make_customer(db, do_not_call=True)).id)
    assert entry.id in await ids(client, "segment=all")
    await mark_do_not_call(db, entry.phone2 or "", reason=SuppressionReason.STAFF, by=as_actor(admin))
    for segment in ("priority", "window", "lapsed", "called", "all"):
        assert not {entry.id, marked.id} & set(await ids(client, f"segment={segment}"))
    assert (await read(client, f"{LIST}/segments"))["segments"] == {
        "priority": 0, "window": 0, "lapsed": 0, "called": 0, "all": 0,
    }  # fmt: skip
    shown = await (await client.patch(f"{LIST}/{entry.id}", json={"notes": "x"})).get_json()
    assert shown["entry"]["do_not_call"] is True


async def test_a_rep_works_with_their_own_entries_and_those_without_a_rep(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep, other = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.SALES_REP)
    mine = await make_entry(db, assigned_to=rep.id, priority_score=50)
    free = await make_entry(db, priority_score=40)
    theirs = await make_entry(db, assigned_to=other.id)
    await sign_in(client, db, rep)
    assert await ids(client, "segment=all") == [mine.id, free.id]
    assert (await client.patch(f"{LIST}/{theirs.id}", json={"notes": "x"})).status_code == 404
    assert (await client.put(f"{LIST}/{mine.id}", json={"notes": "x"})).status_code == 200
    assert (await client.patch(f"{LIST}/{free.id}", json={"assigned_to": rep.id})).status_code == 200
    assert (await client.patch(f"{LIST}/{mine.id}", json={"assigned_to": other.id})).status_code == 403
    marked = await (await client.post(f"{LIST}/mark-called", json={"ids": [mine.id, theirs.id]})).get_json()
    assert marked == {"success": True, "updated": 1}
    event = {"phone": theirs.phone, "event": "no_answer"}
    assert (await client.post(f"{LIST}/score-event", json=event)).status_code == 404
    for path in ("assign", "backfill", "recalculate"):
        assert (await client.post(f"{LIST}/{path}", json={"ids": "bad"})).status_code == 403
    assert (await client.delete(f"{LIST}/{mine.id}")).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get(LIST)).status_code == 403
    assert (await client.get("/api/sales/script")).status_code == 403


async def test_an_entry_is_changed_field_by_field(client: TestClientProtocol, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, admin)
    entry, other = await make_entry(db), await make_entry(db)
    customer = await make_customer(db)
    called_at, tomorrow = (f"{now() + timedelta(days=days):%Y-%m-%d}T15:00:00Z" for days in (-2, 1))
    sent = {
        "first_name": "Ana", "last_name": "Lopez", "phone2": "(212) 555-0100", "status": "callback",
        "address": "1 Main St, Providence, RI 02903", "assigned_to": admin.id, "customer_id": customer.id,
        "last_called": called_at, "priority_score": 12.25,
    }  # fmt: skip
    shown = (await (await client.patch(f"{LIST}/{entry.id}", json=sent)).get_json())["entry"]
    assert {name: shown[name] for name in sent} == sent | {"phone2": "+12125550100"}
    assert shown["assignee_name"] == admin.full_name
    await db.refresh(entry)
    assert entry.hours_key == "RI|America/New_York"
    stamped = (await (await client.put(f"{LIST}/{entry.id}", json={"mark_called": True})).get_json())["entry"]
    assert stamped["last_called"] > called_at
    refused = await client.patch(f"{LIST}/{entry.id}", json={"last_called": tomorrow})
    assert (refused.status_code, (await refused.get_json())["fields"]) == (400, {"last_called": "is in the future"})
    for bad in ({"customer_id": 10**15}, {"phone": "no"}, {"assigned_to": 10**15}, {"priority_score": -1}):
        assert (await client.patch(f"{LIST}/{entry.id}", json=bad)).status_code == 400, bad
    assert (await client.patch(f"{LIST}/{entry.id}", json={"phone": other.phone})).status_code == 409
    assert (await client.patch(f"{LIST}/{10**15}", json={})).status_code == 404
    assert await (await client.delete(f"{LIST}/{entry.id}")).get_json() == {"success": True}
    assert (await client.delete(f"{LIST}/{entry.id}")).status_code == 404


async def test_entries_are_linked_by_phone_before_email_and_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    phone = new_phone()
    by_phone, by_email = await make_customer(db, phone=phone), await make_customer(db, email="x@match.example")
    first = await make_entry(db, phone=phone, email="X@match.example")
    second = await make_entry(db, email="X@MATCH.example")
    await make_entry(db)
    answer = await (await client.post(f"{LIST}/backfill")).get_json()
    assert answer == {
        "linked": 2, "already_linked": 0, "no_match": 1, "total": 3,
        "message": "2 linked, 0 linked before, 1 without a match.",
    }  # fmt: skip
    await db.refresh(first)
    await db.refresh(second)
    assert (first.customer_id, second.customer_id) == (by_phone.id, by_email.id)
    again = await (await client.post(f"{LIST}/backfill")).get_json()
    assert (again["linked"], again["already_linked"], again["no_match"]) == (0, 2, 1)


async def test_managers_assign_and_leave_with_nobody(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    rep, packer = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.WAREHOUSE)
    entries = [await make_entry(db) for _ in range(3)]
    wanted = {"ids": [entry.id for entry in entries] + [10**12], "assignee_id": rep.id}
    assert await (await client.post(f"{LIST}/assign", json=wanted)).get_json() == {
        "success": True, "updated": 3, "customers_of_other_reps": 0,
    }  # fmt: skip
    assert len(await ids(client, f"assignee={rep.id}")) == 3
    assert (await client.post(f"{LIST}/assign", json=wanted | {"assignee_id": packer.id})).status_code == 400
    freed = {"ids": [entries[0].id], "assignee_id": None}
    assert (await (await client.post(f"{LIST}/assign", json=freed)).get_json())["updated"] == 1
    assert await ids(client, "assignee=none") == [entries[0].id]
    assert (await client.post(f"{LIST}/assign", json={"ids": ["1"]})).status_code == 400
    listed = await read(client, f"{LIST}/assignees")
    assert {"id": rep.id, "full_name": rep.full_name, "username": rep.username, "role": "sales_rep"} in listed
    assert packer.id not in [row["id"] for row in listed]
    first = await client.get(f"{LIST}/assignees?per_page=1")
    assert (await first.get_json(), first.headers["X-Total-Count"]) == (listed[:1], str(len(listed)))
    assert (await client.get(f"{LIST}/assignees?page=0")).status_code == 400


async def test_assigning_entries_says_whose_the_customers_stay(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    rep, other = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.SALES_REP)
    customers = [await make_customer(db, sales_rep_id=owner) for owner in (rep.id, other.id, None)]
    entries = [await make_entry(db, customer_id=customer.id) for customer in customers]

    async def assign(assignee_id: int | None) -> tuple[int, int]:
        wanted = {"ids": [entry.id for entry in entries], "assignee_id": assignee_id}
        answer = await (await client.post(f"{LIST}/assign", json=wanted)).get_json()
        return answer["updated"], answer["customers_of_other_reps"]

    assert (await assign(rep.id), await assign(None)) == ((3, 1), (3, 0))
    for customer, owner in zip(customers, (rep.id, other.id, None), strict=True):
        await db.refresh(customer)
        assert customer.sales_rep_id == owner


async def test_events_move_the_score_and_fade(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    entry = await make_entry(db, email="score@me.example")

    async def send(**body: Any) -> Any:
        return await (await client.post(f"{LIST}/score-event", json=body)).get_json()

    answer = await send(phone=entry.phone, event="interested_callback")
    assert answer["success"] is True
    assert (answer["id"], answer["reason"]) == (entry.id, "interested callback: +25 points")
    assert answer["new_score"] == pytest.approx(55, abs=0.01)
    assert (await send(email="SCORE@me.example", event="wrong_number"))["new_score"] == 0
    # Half of both is gone after 14 days: 30 + (25 − 60) / 2.
    for event in (await db.scalars(select(CallingEvent).where(CallingEvent.entry_id == entry.id))).all():
        event.created_at = now() - timedelta(days=14)
    await db.flush()
    assert (await send(phone=entry.phone))["new_score"] == pytest.approx(12.5, abs=0.01)
    await client.patch(f"{LIST}/{entry.id}", json={"priority_score": 80})
    assert (await send(phone=entry.phone))["new_score"] == pytest.approx(80, abs=0.01)
    for bad in ({"event": "no_answer"}, {"phone": entry.phone, "event": "dnc_requested"}, {"phone": "12"}):
        assert (await client.post(f"{LIST}/score-event", json=bad)).status_code == 400, bad
    assert (await client.post(f"{LIST}/score-event", json={"phone": "+12125550199"})).status_code == 404


@pytest.mark.parametrize(("scope", "status"), [(KeyScope.VOICE, 200), (KeyScope.AUTOMATION, 200), (KeyScope.SYNC, 403)])
async def test_programs_apply_events_by_scope(
    client: TestClientProtocol, db: AsyncSession, scope: KeyScope, status: int
) -> None:
    entry = await make_entry(db)
    body = {"phone": entry.phone, "event": "email_opened"}
    assert (await client.post(f"{LIST}/score-event", json=body)).status_code == 401
    response = await client.post(f"{LIST}/score-event", json=body, headers=await make_key(db, scope))
    assert response.status_code == status


async def test_recalculating_leaves_out_who_is_suppressed(client: TestClientProtocol, db: AsyncSession) -> None:
    manager = await make_staff(db, Role.MANAGER)
    await sign_in(client, db, manager)
    entry, quiet = await make_entry(db), await make_entry(db)
    for each in (entry, quiet):
        db.add(CallingEvent(entry_id=each.id, kind="reorder_due", points=30, created_at=now() - timedelta(days=28)))
    await mark_do_not_call(db, quiet.phone or "", reason=SuppressionReason.STAFF, by=as_actor(manager))
    await db.flush()
    answer = await (await client.post(f"{LIST}/recalculate")).get_json()
    assert answer == {"success": True, "updated": 1, "total": 2}
    await db.refresh(entry)
    await db.refresh(quiet)
    assert entry.priority_score == pytest.approx(37.5, abs=0.01)
    assert quiet.priority_score == 30


async def test_orders_show_on_the_list_and_in_its_segments(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    customer = await make_customer(db, sales_rep_id=rep.id, phone=new_phone())
    product = await make_product(db)
    entry = await make_entry(db, customer_id=customer.id)
    await sign_in(client, db, rep)
    for days in (45, 20):
        placed = await make_order(db, (product.sku, 5), by=as_actor(customer))
        order = await db.get(Order, placed.written.id)
        assert order is not None
        order.created_at = now() - timedelta(days=days)
        await db.flush()
    await client.patch(f"{LIST}/{entry.id}", json={"customer_id": customer.id})
    assert await ids(client, "segment=window") == [entry.id]
    assert await ids(client, f"segment=all&purchased_skus=nothing,{product.sku}") == [entry.id]
    assert await ids(client, "segment=all&purchased_skus=nothing") == []
    listed = (await read(client, f"{LIST}?segment=all"))["entries"][0]
    assert (listed["order_count"], listed["total_spend"]) == (2, 150)
    assert len(listed["last_order_date"]) == 10
    products = (await read(client, f"{LIST}/products"))["products"]
    assert products == [{"sku": product.sku, "name": product.name, "purchase_count": 2}]
    await make_order(db, (product.sku, 1), by=as_actor(customer))
    await client.post(f"{LIST}/mark-called", json={"ids": [entry.id]})
    answer = await read(client, f"{LIST}/segments")
    assert answer["segments"] == {"priority": 0, "window": 0, "lapsed": 0, "called": 1, "all": 1}
    assert answer["kpi"] == {"calls_today": 1, "orders_placed": 1, "revenue_today": 35, "conversion": 1}
    shown = (await read(client, f"{LIST}?segment=all"))["entries"][0]
    assert (shown["order_count"], shown["total_spend"]) == (3, Decimal(185))
    assert shown["priority_score"] == 0


async def test_the_script_is_kept_in_versions(client: TestClientProtocol, db: AsyncSession) -> None:
    manager = await make_staff(db, Role.MANAGER)
    await sign_in(client, db, manager)
    assert await read(client, "/api/sales/script") == {"content": "", "updated_by": None, "updated_at": None}
    assert (await client.put("/api/sales/script", json={"content": " "})).status_code == 400
    for content in ("Hi {contact}", "Hello {contact}"):
        answer = await (await client.put("/api/sales/script", json={"content": content})).get_json()
        assert answer["success"] is True
        assert answer["message"]
    shown = await read(client, "/api/sales/script")
    assert (shown["content"], shown["updated_by"]) == ("Hello {contact}", manager.full_name)
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    assert (await read(client, "/api/sales/script"))["content"] == "Hello {contact}"
    assert (await client.put("/api/sales/script", json={})).status_code == 403


async def test_prospects_come_from_a_file(committed_client: TestClientProtocol, committed: Database) -> None:
    client = committed_client
    async with committed.session() as db:
        rep, clerk = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.STAFF)
        known = await make_entry(db)
        phone = known.phone or ""
        await sign_in(client, db, rep)
        lines = f"phone,company_name,email,priority_score\n{phone},Known,,\n216-555-0199,New Diner,a@b.example,55\n"
        lines += "(216) 555-0199,Twice,,\n12,Bad,,\n216-555-0198,Worse,nobody,200\n"
        response = await client.post(f"{LIST}/upload", files=as_file(lines.encode(), "file", "list.csv"))
        assert response.status_code == 200, await response.get_data()
        body = await response.get_json()
        assert (body["success"], body["created"], body["dupes"], body["skipped"]) == (True, 1, 2, 2)
        assert [error["row"] for error in body["errors"]] == [5, 6]
        assert all(error["error"] for error in body["errors"])
        listed = (await read(client))["entries"]
        assert next((entry["company_name"], entry["priority_score"]) for entry in listed) == ("New Diner", 55)
        bad = await client.post(f"{LIST}/upload", files=as_file(b"company_name\nX\n", "file", "list.csv"))
        assert bad.status_code == 400
        await sign_in(client, db, clerk)
        refused = await client.post(f"{LIST}/upload", files=as_file(lines.encode(), "file", "list.csv"))
        assert refused.status_code == 403


async def test_bad_cells_are_told_in_the_words_of_the_form(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    lines = "phone,company_name,priority_score,status\n7735550101.0,A,200,\n7735550102,B,high,open\n"
    response = await client.post(f"{LIST}/upload", files=as_file(lines.encode(), "file", "list.csv"))
    first, second = (await response.get_json())["errors"]
    assert first["error"] == "priority_score must be at most 100"
    assert second["error"].startswith("priority_score must be a number; status must be one of new, contacted, ")


async def test_the_next_call_is_claimed_or_nobodys(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    response = await client.post(f"{LIST}/next")
    assert await response.get_json() == {"success": True, "entry": None, "claimed_until": None}
    assert (await client.post(f"{LIST}/next", json={"segment": "x"})).status_code == 400
