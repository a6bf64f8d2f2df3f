"""Entering an order by hand: each step on the form, its prices, and that it is placed once."""

import asyncio
import re
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Customer, Order, OrderItem, Product, Role
from models.session import Database
from portal.orders.draft import read_discount, read_draft, read_times
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.forms import TOKEN, read_page, send, send_form

URL = "/portal/orders/new"
GUEST: dict[str, Any] = {
    "guest": "1",
    "delivery_name": "Greta Lindqvist",
    "delivery_address": "88 Grist Road",
    "delivery_city": "Alder Falls",
    "delivery_state": "OH",
    "delivery_zip": "44099",
    "payment_method": "credit_card",
    "payment_status": "unpaid",
    "form_key": "one-form",
}


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role = Role.STAFF) -> Any:
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def make_tavern(db: AsyncSession, **values: Any) -> Customer:
    return await make_customer(
        db,
        **{
            "company_name": "Old Mill Tavern",
            "phone": "+12165550148",
            "shipping_street": "88 Grist Road",
            "shipping_city": "Alder Falls",
            "shipping_state": "OH",
            "shipping_zip": "44099",
        }
        | values,
    )


def lines(*asked: tuple[Product, object]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for place, (product, quantity) in enumerate(asked):
        fields |= {f"items[{place}][sku]": product.sku, f"items[{place}][quantity]": quantity}
    return fields


@pytest.mark.parametrize("words", ["mill tav", "robin", "(216) 555-0148", "5550148"])
async def test_enter_takes_the_customer_that_is_meant(client: TestClientProtocol, db: AsyncSession, words: str) -> None:
    await open_as(client, db)
    customer = await make_tavern(db)
    status, page, _ = await send_form(client, URL, act="enter", customer_q=words, form_key="k")
    assert status == 200
    assert f'name="customer_id" value="{customer.id}"' in page
    assert 'value="88 Grist Road"' in page
    assert re.search(r'id="product-q-\d+"[^>]* autofocus', page)


async def test_enter_takes_the_product_that_is_meant_and_the_quantity_before_it(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db)
    await make_product(db, name="Bar towel rack")
    product = await make_product(db, name="Bar towel", unit_price=10, bulk_price=8, bulk_quantity=10)
    _, page, _ = await send_form(client, URL, act="enter", product_q="12x bar towel", **GUEST)
    assert f'name="items[0][sku]" value="{product.sku}"' in page
    assert re.search(r'name="items\[0\]\[quantity\]"[^>]* value="12"', page)
    assert re.search(r'name="product_q" value=""[^>]* autofocus', page)  # how many was said, so the next line follows
    assert re.search(r"bulk</span>\$8\.00", page)
    assert "$96.00" in page  # twelve at the bulk price
    assert "$121.00" in page  # with the usual delivery


async def test_a_wrong_code_is_said_at_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    _, page, _ = await send_form(client, URL, act="enter", product_q="3x NO-SUCH-CODE", **GUEST)
    assert "No product has the code NO-SUCH-CODE." in page
    assert 'value="3x NO-SUCH-CODE"' in page


async def test_what_they_paid_last_and_the_margin_stand_beside_a_line(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    customer, product = await make_tavern(db), await make_product(db, cost_per_item=Decimal("7.50"))
    last = (await make_order(db, (product, 5), by=as_actor(customer))).written.order_number
    await db.commit()
    chosen = {"customer_id": str(customer.id)}
    _, page, _ = await send_form(client, URL, act=f"add:{product.sku}", **chosen)
    assert "Last $10.00 for 5 on" in page
    assert last in page
    assert "margin 25%" in page
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    _, page, _ = await send_form(client, URL, act=f"add:{product.sku}", **chosen)
    assert "Last $10.00 for 5 on" in page
    assert "margin" not in page


async def test_the_same_product_again_adds_to_its_line(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    product = await make_product(db)
    _, page, _ = await send_form(client, URL, act=f"add:{product.sku}", **GUEST, **lines((product, 2)))
    assert re.search(r'name="items\[0\]\[quantity\]"[^>]* value="3"', page)
    assert "items[1]" not in page


async def test_last_order_and_usual_items_are_one_press_away(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    customer, product = await make_tavern(db), await make_product(db, name="Bar towel")
    for quantity in (5, 7):
        await make_order(db, (product, quantity), by=as_actor(customer))
    await db.commit()
    page = await read_page(client, f"{URL}?customer={customer.id}")
    assert f'value="add:{product.sku}"' in page
    assert "in 2 orders" in page
    _, page, _ = await send_form(client, URL, act="last", customer_id=customer.id, form_key="k")
    assert re.search(r'name="items\[0\]\[quantity\]"[^>]* value="7"', page)


async def test_an_order_is_copied_with_its_customer_and_lines(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    product = await make_product(db)
    placed = await make_order(db, (product, 4))
    await db.commit()
    page = await read_page(client, f"{URL}?from={placed.written.order_number}")
    assert re.search(r'name="items\[0\]\[quantity\]"[^>]* value="4"', page)
    assert 'value="88 Grist Road"' in page


async def test_a_guests_order_is_placed_with_the_usual_fee(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    product = await make_product(db)
    status, _, to = await send_form(client, URL, act="place", **GUEST, **lines((product, 3)))
    assert status == 303
    order = (await db.execute(select(Order))).scalar_one()
    assert to == f"/portal/orders/{order.order_number}"
    assert (str(order.subtotal), str(order.delivery_fee), str(order.total_amount)) == ("30.00", "25.00", "55.00")
    assert (order.payment_status, order.source, order.customer_id) == ("unpaid", "desk", None)


async def test_a_form_sent_twice_is_one_order(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    product = await make_product(db)
    fields = GUEST | lines((product, 3)) | {"act": "place"}
    first = await send_form(client, URL, **fields)
    second = await send_form(client, URL, **fields)
    assert first[0] == second[0] == 303
    assert first[2] == second[2]
    assert (await db.execute(select(func.count()).select_from(Order))).scalar_one() == 1
    status, page, _ = await send_form(client, URL, **fields | lines((product, 4)))
    assert status == 422
    assert "was used for a different request" in page


async def test_two_presses_at_once_are_one_order(committed_client: TestClientProtocol, committed: Database) -> None:
    async with committed.session() as db:
        person, product = await make_staff(db), await make_product(db)
        await db.commit()
        await sign_in(committed_client, db, person)
        token = TOKEN.search(await read_page(committed_client, URL))
        assert token is not None
        fields = GUEST | lines((product, 3)) | {"act": "place"}
        answers = await asyncio.gather(*(send(committed_client, URL, token[1], **fields) for _ in range(4)))
        assert {answer[0] for answer in answers} == {303}
        assert len({answer[2] for answer in answers}) == 1
        assert (await db.execute(select(func.count()).select_from(Order))).scalar_one() == 1
        assert (await db.execute(select(Product.stock_quantity))).scalar_one() == 97


async def test_what_is_wrong_is_said_and_what_was_typed_stays(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db)
    product = await make_product(db, stock=2)
    fields = GUEST | lines((product, "many")) | {"delivery_city": "", "special_notes": "Ring twice", "act": "place"}
    status, page, _ = await send_form(client, URL, **fields)
    assert status == 422
    assert 'value="many"' in page
    assert "Ring twice" in page
    assert 'aria-invalid="true"' in page
    status, page, _ = await send_form(client, URL, **GUEST | lines((product, 3)) | {"act": "place"})
    assert status == 409
    assert "2" in re.findall(r'role="alert".*?</div>', page, re.DOTALL)[0]
    assert (await db.execute(select(func.count()).select_from(OrderItem))).scalar_one() == 0


async def test_terms_that_do_not_cover_it_can_be_overridden_by_a_manager_alone(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_tavern(db, payment_terms="net30", credit_limit=20)
    product = await make_product(db)
    fields = GUEST | lines((product, 3)) | {"customer_id": customer.id, "payment_method": "net30", "act": "place"}
    await open_as(client, db)
    status, page, _ = await send_form(client, URL, **fields)
    assert status == 409
    assert "$35.00 over the customer’s credit limit" in page.replace("&#39;", "’").replace("'", "’")
    assert "override_terms" not in page
    await open_as(client, db, Role.MANAGER)
    assert 'name="override_terms"' in (await send_form(client, URL, **fields | {"form_key": "b"}))[1]
    assert (await send_form(client, URL, **fields | {"form_key": "c", "override_terms": "on"}))[0] == 303


async def test_a_reps_discount_is_bounded_and_the_order_is_theirs_and_unpaid(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep = await open_as(client, db, Role.SALES_REP)
    product = await make_product(db)
    fields = GUEST | lines((product, 10)) | {"act": "place", "payment_status": "paid"}
    status, page, _ = await send_form(client, URL, **fields | {"discount_amount": "15.01"})
    assert status == 422
    assert "Must be at most $15.00 (15% of the goods)" in page
    assert (await send_form(client, URL, **fields | {"discount_amount": "15.00"}))[0] == 303
    order = (await db.execute(select(Order))).scalar_one()
    assert (order.sales_rep_id, order.payment_status, str(order.total_amount)) == (rep.id, "unpaid", "110.00")


async def test_packers_enter_no_orders(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    assert (await client.get(URL)).status_code == 403


@pytest.mark.parametrize(
    "odd",
    [
        {"act": "customer:99999999999999999999"},
        {"act": "drop:99"},
        {"act": "add:"},
        {"act": "nothing"},
        {"customer_id": "x"},
        {"customer_id": "-1"},
        {"items[0][sku]": "NO-SUCH", "items[0][quantity]": "1"},
        {"items[0][sku]": "NO-SUCH", "items[0][quantity]": "²"},
        {"discount_amount": "-5", "delivery_fee": "x"},
        {"product_q": "%_\\"},
        {"customer_q": "'; DROP TABLE orders"},
    ],
)
async def test_odd_steps_never_fail(client: TestClientProtocol, db: AsyncSession, odd: dict[str, str]) -> None:
    await open_as(client, db)
    assert (await send_form(client, URL, **{"form_key": "k"} | odd))[0] == 200


def test_a_number_before_a_product_is_its_quantity() -> None:
    assert read_times("12x bar towel") == (12, "bar towel")
    assert read_times("3 × PAN-01") == (3, "PAN-01")
    assert read_times("2*towel") == (2, "towel")
    assert read_times("x-ray gloves") == (None, "x-ray gloves")
    assert read_times("18 gauge") == (None, "18 gauge")


def test_lines_without_a_product_vanish() -> None:
    draft = read_draft({"items[2][sku]": ["B"], "items[2][quantity]": ["2"], "items[0][sku]": [""]})
    assert draft.lines == [("B", "2")]


@pytest.mark.parametrize(
    ("text", "amount"),
    [("10%", "4.52"), ("12.50", "12.50"), ("12,50", "12.50"), ("$5", "5.00"), ("", "0.00"), ("1,234.50", "1234.50"),
     ("ten", None), ("-3", None), ("101%", None), ("%", None)],
)  # fmt: skip
def test_a_discount_is_an_amount_or_a_share(text: str, amount: str | None) -> None:
    found = read_discount(text, Decimal("45.15"))
    assert (None if found is None else str(found)) == amount
