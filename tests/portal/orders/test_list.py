"""The list of orders: who sees which rows, the filters, acts on several at once and the CSV."""

import re

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import OrderEvent, OrderItem, Role
from models.session import Database
from tests.factories import as_actor, make_customer, make_staff
from tests.portal.desk import open_as, place, read_order
from tests.portal.forms import read_page, send_form


async def test_the_list_shows_each_order_with_its_total_and_tabs_with_counts(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db)
    page = await read_page(client, "/portal/orders")
    assert number in page
    assert "$55.00" in page
    assert "1 order, $55.00" in page
    assert re.search(r'Pending<span class="count">1</span>', page)


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("status=pending&on_hold=false", True),
        ("status=confirmed", False),
        ("payment=unpaid", True),
        ("payment=part_paid", False),
        ("attention=true", False),
        ("when=today", True),
        ("when=between&from_date=2020-01-01&to_date=2020-12-31", False),
        ("search=greta+lindq", True),
        ("search=nobody", False),
        ("search=%25%25%25", False),
        ("search=(216)+555-0148", True),
        ("search=5550148", True),
    ],
)
async def test_filters_in_the_address_narrow_the_list(
    client: TestClientProtocol, db: AsyncSession, query: str, is_found: bool
) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db, delivery_phone="(216) 555-0148")
    assert (number in await read_page(client, f"/portal/orders?{query}")) is is_found


async def test_a_sku_finds_the_orders_that_hold_it_and_only_those(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    other, _ = await place(db)
    sku = (await db.execute(select(OrderItem.product_sku).where(OrderItem.order_id == order_id))).scalar_one()
    page = await read_page(client, f"/portal/orders?search={sku.lower()}")
    assert number in page
    assert other not in page


@pytest.mark.parametrize("query", ["page=0", "status=lost", "from_date=tomorrow", "sort=total", "per_page=500"])
async def test_a_bad_value_in_the_address_is_left_out_and_said(
    client: TestClientProtocol, db: AsyncSession, query: str
) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db)
    name = query.partition("=")[0]
    page = await read_page(client, f"/portal/orders?{query}&search={number}")
    assert f"Left out of the filters: {name.replace('_', ' ')} (" in page
    assert f'href="/portal/orders/{number}?via=search%3D{number}"' in page


async def test_a_file_is_never_made_of_half_the_filters(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    assert (await client.get("/portal/orders.csv?status=lost")).status_code == 400


async def test_a_page_past_the_end_leads_to_the_last_one(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    for _ in range(3):
        await place(db)
    response = await client.get("/portal/orders?status=pending&per_page=2&page=9")
    assert (response.status_code, response.headers["Location"]) == (
        303,
        "/portal/orders?status=pending&per_page=2&page=2",
    )
    response = await client.get("/portal/orders?status=packed&page=9")
    assert (response.status_code, response.headers["Location"]) == (303, "/portal/orders?status=packed")


async def test_a_rep_sees_their_own_orders_alone(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await open_as(client, db, Role.SALES_REP)
    own = await make_customer(db, sales_rep_id=rep.id)
    other = await make_customer(db)
    mine, _ = await place(db, by=as_actor(own))
    theirs, _ = await place(db, by=as_actor(other))
    page = await read_page(client, "/portal/orders")
    assert mine in page
    assert theirs not in page
    assert (await client.get(f"/portal/orders/{theirs}")).status_code == 404
    assert (await client.get(f"/portal/orders/{theirs}/slip")).status_code == 404
    assert theirs not in await (await client.get("/portal/orders.csv")).get_data(as_text=True)
    assert theirs not in await read_page(client, "/portal/search?q=greta")
    assert (await client.get(f"/portal/orders/{mine}")).status_code == 200


async def test_a_packer_sees_no_amount_anywhere(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    number, order_id = await place(db)
    order = await read_order(db, order_id)
    order.on_hold, order.hold_reason = True, "The order is $30.00 over the customer's credit limit."
    db.add(OrderEvent(order_id=order_id, kind="paid", changes={"amount": "$12.00"}, note="$12.00"))
    await db.commit()
    for path in (
        "/portal/orders",
        f"/portal/orders/{number}",
        "/portal",
        "/portal/search?q=sheet",
        "/portal/orders.csv",
    ):
        response = await client.get(path)
        text = await response.get_data(as_text=True)
        assert response.status_code == 200
        assert "$" not in text, path
        assert "30.00" not in text, path
        assert "55.00" not in text, path


async def test_a_stranger_is_led_to_the_sign_in_page(client: TestClientProtocol, db: AsyncSession) -> None:
    number, _ = await place(db)
    for path in ("/portal", "/portal/orders", f"/portal/orders/{number}", "/portal/orders/new", "/portal/search"):
        response = await client.get(path)
        assert (response.status_code, response.headers["Location"].partition("?")[0]) == (303, "/portal/sign-in")


async def test_the_number_of_statements_does_not_grow_with_the_rows(
    client: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    await open_as(client, db, Role.MANAGER)
    number, _ = await place(db)
    sent: list[str] = []
    connection = database.connection.sync_connection  # type: ignore[attr-defined]
    event.listen(connection, "before_cursor_execute", lambda *call: sent.append(call[2]))

    async def count(path: str) -> int:
        sent.clear()
        await read_page(client, path)
        return len(sent)

    paths = ["/portal/orders", "/portal", f"/portal/orders/{number}", "/portal/search?q=greta"]
    before = [await count(path) for path in paths]
    for _ in range(5):
        await place(db)
    assert [await count(path) for path in paths] == before


async def test_confirming_several_orders_says_how_many_and_why_not(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    first, first_id = await place(db)
    second, second_id = await place(db, payment_method="net30")  # a guest without terms: on hold
    status, _, to = await send_form(
        client,
        "/portal/orders?status=pending",
        "/portal/orders/bulk?status=pending",
        act="confirm",
        order=[first, second],
    )
    assert (status, to) == (303, "/portal/orders?status=pending")
    page = await read_page(client, to)
    assert "1 order confirmed, 1 not" in page
    assert (await read_order(db, first_id)).status == "confirmed"
    assert (await read_order(db, second_id)).status == "pending"


async def test_only_managers_assign_and_the_rep_is_asked_for_first(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.MANAGER)
    rep = await make_staff(db, Role.SALES_REP, full_name="Dana Whitlock")
    number, order_id = await place(db)
    status, page, _ = await send_form(client, "/portal/orders", "/portal/orders/bulk", act="assign", order=number)
    assert status == 200
    assert "Dana Whitlock" in page
    fields = {"act": "assign", "order": number, "sales_rep_id": rep.id}
    assert (await send_form(client, "/portal/orders", "/portal/orders/bulk", **fields))[0] == 303
    assert (await read_order(db, order_id)).sales_rep_id == rep.id
    await open_as(client, db, Role.STAFF)
    status, _, _ = await send_form(client, "/portal/orders", "/portal/orders/bulk", **fields)
    assert status == 403


async def test_csv_holds_the_rows_of_the_list(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db)
    other, order_id = await place(db)
    (await read_order(db, order_id)).delivery_company = "=cmd()"
    await db.commit()
    text = await (await client.get("/portal/orders.csv?status=pending")).get_data(as_text=True)
    lines = text.lstrip("\ufeff").splitlines()
    assert lines[0].startswith("order_number,placed_at,status")
    assert [line.partition(",")[0] for line in lines[1:]] == [other, number]
    assert "'=cmd()" in text
    assert (await (await client.get("/portal/orders.csv?status=packed")).get_data(as_text=True)).count("\n") == 1


async def test_csv_in_batches_has_every_row_once(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", 1)
    monkeypatch.setattr("domain.kernel.copied_sheets.BATCH", 2)
    await open_as(client, db, Role.STAFF)
    at = now()
    numbers = set()
    for _ in range(5):
        number, order_id = await place(db)
        (await read_order(db, order_id)).created_at = at  # the same moment: the id decides
        numbers.add(number)
    await db.commit()
    for query in ("", "?sort=placed"):
        text = await (await client.get(f"/portal/orders.csv{query}")).get_data(as_text=True)
        found = [line.partition(",")[0] for line in text.splitlines()[1:]]
        assert len(found) == 5
        assert set(found) == numbers


async def test_a_long_list_says_that_counting_stopped_and_leads_on_from_there(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    await db.execute(
        text(
            "INSERT INTO orders (order_number, status, total_amount, subtotal, created_at, updated_at) "
            "SELECT 'LONG-' || n, 'confirmed', 1, 1, now(), now() FROM generate_series(1, 1250) AS n"
        )
    )
    page = await read_page(client, "/portal/orders?page=20")
    assert re.search(r'Confirmed<span class="count">1,000\+</span>', page)
    assert "1,000+ orders" in page
    assert "951–1,000 of 1,000+" in page
    assert "Page 20 of 20+" in page
    assert 'id="page-after" href="?page=21"' in page
    page = await read_page(client, "/portal/orders?page=25")
    assert "1,201–1,250 of 1,000+" in page
    assert "Page 25<" in page
