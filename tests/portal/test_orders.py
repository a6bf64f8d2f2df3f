"""The list of orders and the page of one: who sees what, and what each act leaves behind."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.actor import Role
from domain.clock import now
from domain.credit.ledger import move_credit
from models import CreditKind, Order, OrderEvent, OrderItem, Payment, Product, StockMovement
from models.session import Database
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.forms import read_page, send_form


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role) -> Any:
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def place(db: AsyncSession, quantity: int = 3, **values: Any) -> tuple[str, int]:
    product = await make_product(db, bin_location="A-04")
    placed = await make_order(db, (product, quantity), **values)
    await db.commit()
    return placed.written.order_number, placed.written.id


async def read_order(db: AsyncSession, order_id: int) -> Order:
    found = await db.execute(select(Order).where(Order.id == order_id).execution_options(populate_existing=True))
    return found.scalar_one()


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
async def test_a_bad_value_in_the_address_is_refused(client: TestClientProtocol, db: AsyncSession, query: str) -> None:
    await open_as(client, db, Role.STAFF)
    assert (await client.get(f"/portal/orders?{query}")).status_code == 400


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
    await send_form(client, "/portal/orders", "/portal/orders/bulk", **fields | {"sales_rep_id": rep.id})
    assert "0 orders assigned, 1 not" in await read_page(client, "/portal/orders")


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
    monkeypatch.setattr("domain.orders.export.BATCH", 2)
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


async def test_an_order_moves_on_and_a_manager_takes_it_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    assert (await send_form(client, url, f"{url}/move/confirmed"))[0] == 303
    page = await read_page(client, url)
    assert f'action="{url}/move/pending"' in page  # Undo in the toast
    assert (await read_order(db, order_id)).status == "confirmed"
    await send_form(client, url, f"{url}/move/pending")
    assert (await read_order(db, order_id)).status == "pending"


async def test_a_clerk_gets_no_undo_that_would_be_refused(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, url, f"{url}/move/confirmed")
    assert f'action="{url}/move/pending"' not in await read_page(client, url)


async def test_without_the_token_nothing_moves(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post(f"/portal/orders/{number}/move/confirmed", data="", headers=form)
    assert response.status_code == 403
    assert (await read_order(db, order_id)).status == "pending"


async def test_cancelling_asks_in_numbers_and_gives_the_stock_back(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}/cancel"
    assert "3 units in 1 line go back into stock" in await read_page(client, url)
    assert (await send_form(client, url, reason="Ordered twice"))[0] == 303
    assert (await read_order(db, order_id)).status == "cancelled"
    level = select(Product.stock_quantity).join(OrderItem, OrderItem.product_id == Product.id)
    assert (await db.execute(level.where(OrderItem.order_id == order_id))).scalar_one() == 100
    assert "Ordered twice" in await read_page(client, f"/portal/orders/{number}")


async def test_a_payment_is_recorded_and_a_bad_amount_comes_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}/pay"
    status, page, _ = await send_form(client, url, amount_received="a lot", payment_method="check", note="2041")
    assert status == 422
    assert 'value="a lot"' in page
    assert 'value="2041"' in page
    assert 'aria-invalid="true"' in page
    assert (await send_form(client, url, amount_received="$20.00", payment_method="check", note="2041"))[0] == 303
    assert (await read_order(db, order_id)).amount_paid == Decimal("20.00")
    page = await read_page(client, f"/portal/orders/{number}")
    assert "Payment of $20.00 recorded" in page
    assert "Part paid" in page
    assert "$35.00" in page
    payments = (await db.execute(select(Payment.amount).where(Payment.order_id == order_id))).scalars().all()
    assert payments == [Decimal("20.00")]


async def test_reps_and_packers_take_no_payments(client: TestClientProtocol, db: AsyncSession) -> None:
    number, _ = await place(db)
    for role in (Role.SALES_REP, Role.WAREHOUSE):
        await open_as(client, db, role)
        assert (await client.get(f"/portal/orders/{number}/pay")).status_code == 403


async def test_store_credit_is_offered_and_used(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = await open_as(client, db, Role.STAFF)
    customer = await make_customer(db)
    assert customer.id is not None
    await move_credit(db, customer.id, Decimal("15.00"), kind=CreditKind.ADJUSTMENT, by=as_actor(clerk))
    number, order_id = await place(db, by=as_actor(customer))
    url = f"/portal/orders/{number}"
    assert "Use $15.00 of credit" in await read_page(client, url)
    assert (await send_form(client, f"{url}/credit", amount="15.00"))[0] == 303
    assert (await read_order(db, order_id)).amount_paid == Decimal("15.00")
    assert "of credit</a>" not in await read_page(client, url)


async def test_a_held_order_says_why_and_a_manager_releases_it(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db, payment_method="net30")
    url = f"/portal/orders/{number}"
    page = await read_page(client, url)
    assert "A guest has no net 30 terms." in page
    assert f"{url}/move/confirmed" not in page
    assert (await send_form(client, f"{url}/release", reason=""))[0] == 422
    assert (await send_form(client, f"{url}/release", reason="Known for years"))[0] == 303
    assert not (await read_order(db, order_id)).on_hold
    assert f"{url}/move/confirmed" in await read_page(client, url)


ADDRESS = {
    "delivery_name": "Greta Lindqvist",
    "delivery_company": "Old Mill Tavern",
    "delivery_address": "88 Grist Road, dock 2",
    "delivery_city": "Alder Falls",
    "delivery_state": "OH",
    "delivery_zip": "44099",
}


async def test_the_address_is_edited_in_place_and_taken_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    version = (await read_order(db, order_id)).version
    assert (await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, version=version))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_address, order.delivery_company) == ("88 Grist Road, dock 2", "Old Mill Tavern")
    page = await read_page(client, url)
    assert "<s>88 Grist Road</s>" in page
    undo = re.search(rf'action="({url}/undo/\d+)"', page)
    assert undo is not None
    assert (await send_form(client, url, undo[1]))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_address, order.delivery_company) == ("88 Grist Road", "")


async def test_a_stale_edit_shows_both_values_and_overwrites_nothing(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    opened = (await read_order(db, order_id)).version
    theirs = ADDRESS | {"delivery_address": "88 Grist Road, rear"}
    await send_form(client, f"{url}?edit=address", f"{url}/address", **theirs, version=opened)
    status, page, _ = await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, version=opened)
    assert status == 409
    assert "yours “88 Grist Road, dock 2”, theirs “88 Grist Road, rear”" in page
    assert 'value="88 Grist Road, dock 2"' in page
    assert (await read_order(db, order_id)).delivery_address == "88 Grist Road, rear"
    version = re.search(r'name="version" value="(\d+)"', page[page.index('id="edit-address"') :])
    assert version is not None
    await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, version=version[1])
    assert (await read_order(db, order_id)).delivery_address == "88 Grist Road, dock 2"


async def test_a_form_with_a_missing_field_keeps_what_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    typed = ADDRESS | {"delivery_city": "", "delivery_email": "not an address"}
    status, page, _ = await send_form(client, f"{url}?edit=address", f"{url}/address", **typed)
    assert status == 422
    assert 'value="88 Grist Road, dock 2"' in page
    assert 'value="not an address"' in page
    assert page.count('aria-invalid="true"') == 2
    assert (await read_order(db, order_id)).delivery_address == "88 Grist Road"


async def test_a_refused_edit_leaves_nothing_behind(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db, payment_method="net30")
    url = f"/portal/orders/{number}"
    status, page, _ = await send_form(
        client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Ship today", tracking_number="1Z999"
    )
    assert status == 409
    assert "on hold" in page
    order = await read_order(db, order_id)
    assert (order.staff_notes, order.tracking_number, order.status) == ("", None, "pending")


async def test_a_refused_edit_is_shown_with_the_order_as_it_was(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    product = await make_product(db)
    placed = await make_order(db, (product, 3))
    await db.commit()
    url = f"/portal/orders/{placed.written.order_number}"
    fields = {"items[0][sku]": product.sku, "items[0][quantity]": "98000"}
    status, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", **fields)
    assert status == 409
    assert 'value="98000"' in page
    assert "$55.00" in page  # the balance of the order that stands
    assert "980,000.00" not in page


async def test_only_who_made_an_edit_takes_it_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Ring twice")
    undo = re.search(rf'action="({url}/undo/\d+)"', await read_page(client, url))
    assert undo is not None
    await open_as(client, db, Role.MANAGER)
    assert (await send_form(client, url, undo[1]))[0] == 404
    assert (await read_order(db, order_id)).staff_notes == "Ring twice"


async def test_notes_can_be_emptied(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Ring twice", assigned_to="Pat")
    assert (await read_order(db, order_id)).staff_notes == "Ring twice"
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="", assigned_to="Pat")
    order = await read_order(db, order_id)
    assert (order.staff_notes, order.assigned_to) == ("", "Pat")


async def test_lines_are_changed_while_pending_and_stock_follows(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    first, second = await make_product(db), await make_product(db)
    placed = await make_order(db, (first, 3))
    await db.commit()
    url = f"/portal/orders/{placed.written.order_number}"
    fields = {
        "items[0][sku]": first.sku, "items[0][quantity]": "0",
        "items[1][sku]": second.sku, "items[1][quantity]": "4",
        "items[2][sku]": "", "items[2][quantity]": "",
    }  # fmt: skip
    assert (await send_form(client, f"{url}?edit=items", f"{url}/items", **fields))[0] == 303
    lines = await db.execute(
        select(OrderItem.product_sku, OrderItem.quantity).where(OrderItem.order_id == placed.written.id)
    )
    assert [tuple(row) for row in lines] == [(second.sku, 4)]
    moved = await db.execute(
        select(StockMovement.product_id, StockMovement.delta).where(StockMovement.reason == "order_edited")
    )
    assert sorted(tuple(row) for row in moved) == [(first.id, 3), (second.id, -4)]
    bad = fields | {"items[1][sku]": "NO-SUCH"}
    status, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", **bad)
    assert status == 422
    assert "NO-SUCH is not sold" in page
    assert 'value="NO-SUCH"' in page
    odd = {"items[x][sku]": "1", "items[][quantity]": "1", "items[9999999][sku]": "2"}
    assert (await send_form(client, f"{url}?edit=items", f"{url}/items", **odd))[0] == 422


async def test_an_order_that_never_became_one_is_deleted_by_a_manager_alone(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    number, order_id = await place(db)
    await open_as(client, db, Role.STAFF)
    assert (await client.get(f"/portal/orders/{number}/delete")).status_code == 403
    await open_as(client, db, Role.MANAGER)
    assert "This can’t be undone" in await read_page(client, f"/portal/orders/{number}/delete")
    assert (await send_form(client, f"/portal/orders/{number}/delete"))[::2] == (303, "/portal/orders")
    gone = await db.execute(select(Order.id).where(Order.id == order_id))
    assert gone.scalar_one_or_none() is None


async def test_newer_and_older_lead_through_the_orders(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    numbers = []
    for hours in (3, 2, 1):
        number, order_id = await place(db)
        (await read_order(db, order_id)).created_at = now() - timedelta(hours=hours)
        numbers.append(number)
    await db.commit()
    page = await read_page(client, f"/portal/orders/{numbers[1]}")
    assert f'href="/portal/orders/{numbers[2]}" rel="prev"' in page
    assert f'href="/portal/orders/{numbers[0]}" rel="next"' in page


async def test_the_slip_is_a_pdf_with_the_order_and_no_price(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    first, _ = await place(db)
    second, _ = await place(db)
    response = await client.get(f"/portal/orders/slips?order={first}&order={second}")
    assert (response.status_code, response.content_type) == (200, "application/pdf")
    body = await response.get_data(as_text=False)
    assert body.startswith(b"%PDF-")
    assert body.count(b"/Type /Page\n") + body.count(b"/Type /Page ") in {0, 2}
    assert (await client.get("/portal/orders/LLD-NONE-NONE/slip")).status_code == 404
    assert (await client.get("/portal/orders/slips")).status_code == 400
