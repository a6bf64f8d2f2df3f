"""Forms as no browser sends them are refused like any others: without fields, with digits of other scripts, endless."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import CallingEntry, Role
from tests.factories import make_customer, make_product
from tests.portal.desk import open_as, place
from tests.portal.forms import read_page, send_form

LONG = "x" * 61


async def test_a_form_without_its_fields_comes_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db)
    await db.commit()
    url = f"/portal/customers/{customer.id}"
    status, page, _ = await send_form(client, url, f"{url}/terms", version="1")
    assert status == 422
    assert "payment_terms" in page
    status, page, _ = await send_form(client, "/portal/profile", "/portal/profile/email", version="1")
    assert status == 422
    assert "new_email" in page


async def test_lines_with_a_code_of_no_product_come_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, _ = await place(db)
    url = f"/portal/orders/{number}"
    for act in ("save", "count", "find"):
        fields = {"version": "1", "act": act, "items[0][sku]": LONG, "items[0][quantity]": "2"}
        status, _, _ = await send_form(client, url, f"{url}/items", **fields)
        assert status == (422 if act == "save" else 200), act


@pytest.mark.parametrize("name", ["items[01][sku]", "items[٣][sku]", "items[²][sku]"])
async def test_a_crooked_name_of_a_line_is_no_line(client: TestClientProtocol, db: AsyncSession, name: str) -> None:
    await open_as(client, db, Role.MANAGER)
    product = await make_product(db)
    await db.commit()
    fields = {name: product.sku, "customer_id": "0", "discount_amount": "9" * 30, "act": "drop:²"}
    assert (await send_form(client, "/portal/orders/new", **fields))[0] in {200, 404, 422}


async def test_ticks_that_are_no_records_do_nothing(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    for page, action, fields in (
        ("/portal/orders", f"/portal/orders/bulk/undo?order={LONG}", {}),
        ("/portal/orders", "/portal/orders/bulk/undo", {}),
        ("/portal/calling", "/portal/calling/bulk", {"entry": ["9" * 30, "²"], "act": "called"}),
        ("/portal/invoices", "/portal/invoices/receive", {"invoice": ["²", "9" * 30], "amount": "x"}),
    ):
        assert (await send_form(client, page, action, **fields))[0] in {303, 400, 404, 422}, action


async def test_a_number_that_is_listed_already_is_refused_among_other_changes(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    """What the act asks on its way must not write the number before the refusal is ready for it."""
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db)
    listed = [CallingEntry(phone=f"+1216555014{digit}") for digit in (1, 2)]
    db.add_all(listed)
    await db.commit()
    await read_page(client, "/portal")
    change = {"phone": listed[1].phone, "customer_id": customer.id, "first_name": "Ada"}
    answer = await client.patch(f"/api/sales/calling-list/{listed[0].id}", json=change)
    assert answer.status_code == 409
    assert (await answer.get_json())["code"] == "already_listed"
