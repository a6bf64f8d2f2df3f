"""Texts that only look like numbers are read as none wherever a page takes one: nothing breaks, nothing is found."""

from urllib.parse import quote

import pytest

from models import Role
from tests.factories import make_staff, sign_in
from tests.portal.forms import TOKEN, read_page, send

ODD = ["²", "٣", "9" * 5_000, "9223372036854775808"]
PAGES = [
    ("/portal/orders/new?customer={}", 200),
    ("/portal/orders/new?draft={}", 200),
    ("/portal/customers/merge?keep={0}&merge={0}", 404),
    ("/portal/customers?done={}&via=page%3D1", 200),
]
FORMS = [
    ("/portal/orders/new", {"act": "customer:{}"}),
    ("/portal/orders/new", {"act": "drop:{}", "step": "{}", "customer_id": "{}", "items[{}][sku]": "A"}),
    ("/portal/inventory/receive", {"act": "drop:{}"}),
    ("/portal/customers/bulk", {"customer": "{}", "act": "merge"}),
    ("/portal/calling/bulk", {"entry": "{}", "assignee_id": "{}", "act": "assign"}),
    ("/portal/invoices/receive", {"invoice": "{}", "amount": "{}"}),
    ("/portal/products/edit", {"products[0][id]": "{}", "products[{}][name]": "x"}),
]


@pytest.mark.parametrize("odd", ODD, ids=["square", "arabic", "long", "too-big"])
async def test_a_page_takes_no_odd_number_for_a_number(client, db, odd: str) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    for path, status in PAGES:
        assert (await client.get(path.format(quote(odd)))).status_code == status, path
    token = TOKEN.search(await read_page(client, "/portal/orders/new"))
    assert token is not None
    for path, fields in FORMS:
        sent = {name.format(odd): value.format(odd) for name, value in fields.items()}
        status, _, _ = await send(client, path, token[1], **sent)
        assert status in {200, 303, 400, 404, 422}, (path, status)
