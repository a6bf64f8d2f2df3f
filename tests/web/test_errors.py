"""Every refusal has the one shape, on every path."""

import errno
import re

import asyncpg
import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Role
from tests.factories import make_product, make_staff, sign_in
from web.errors import is_passing_trouble

PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?\w+>")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/openapi.json", 405, "method_not_allowed"),
        ("GET", "/api/orders/%00", 404, "not_found"),
    ],
)
async def test_a_refusal_has_the_one_shape(
    client: TestClientProtocol, method: str, path: str, status: int, code: str
) -> None:
    response = await client.open(path, method=method)  # type: ignore[call-arg]  # its type wants json
    body = await response.get_json()
    assert (response.status_code, body["code"]) == (status, code)
    assert body["error"].endswith(".")
    assert response.headers["X-Request-Id"]
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/orders/create-account", "OPTIONS, POST"),  # which also fits /api/orders/{order_number}
        ("/api/orders/LL-1", "GET, HEAD, OPTIONS"),
        ("/api/orders", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/products/bulk", "OPTIONS, POST"),
    ],
)
async def test_an_address_names_its_own_methods(client: TestClientProtocol, path: str, allowed: str) -> None:
    asked = await client.open(path, method="OPTIONS")  # type: ignore[call-arg]  # its type wants json
    refused = await client.open(path, method="DELETE")  # type: ignore[call-arg]
    assert (asked.headers["Allow"], refused.status_code) == (allowed, 405)
    assert refused.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/no/such/thing", "There is no endpoint at this address."),
        ("/api", "There is no endpoint at this address."),
        ("/nowhere", "There is no page at this address."),
        ("/apiary", "There is no page at this address."),
        ("/api/products/0", "There is no such record."),
        ("/api/staff/customers/0/orders", "There is no such record."),
        ("/portal/customers/0", "There is no page at this address."),
    ],
)
async def test_an_unknown_address_is_named_for_what_it_is(
    client: TestClientProtocol, db: AsyncSession, path: str, sentence: str
) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    response = await client.get(path)
    assert (response.status_code, sentence in await response.get_data(as_text=True)) == (404, True)


async def test_a_slash_at_the_end_of_an_address_changes_nothing(app: Quart) -> None:
    for rule in app.url_map.iter_rules():
        path = PARAMETER.sub(lambda found: "1" if found["kind"] == "id" else "abc", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found = []
            for address in (path, f"{path}/"):
                async with app.test_request_context(address, method=method) as context:
                    found.append((context.request.url_rule, context.request.view_args))
            assert found[0] == found[-1], f"{method} {path}"


async def test_a_body_sent_to_an_address_with_a_slash_arrives(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    refused = await client.post("/api/products/", json={"name": "Pan"})
    assert (refused.status_code, "name" in (await refused.get_json())["fields"]) == (400, False)
    product = await make_product(db)
    await db.commit()
    assert (await (await client.get(f"/api/products/sku/{product.sku}/")).get_json())["id"] == product.id
    assert (await client.get(f"/api/products/sku/{product.sku}//")).status_code == 404


async def test_an_id_of_0_is_nobodys(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await client.get("/api/staff/customers/0/orders")).status_code == 404
    assert (await client.get("/portal/customers/0")).status_code == 404


async def test_a_record_has_one_address_in_the_digits_of_ascii(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await db.commit()
    assert (await client.get(f"/api/products/{product.id}")).status_code == 200
    other = "".join(chr(ord("\u0660") + int(digit)) for digit in str(product.id))
    assert (await client.get(f"/api/products/{other}")).status_code == 404


@pytest.mark.parametrize("path", ["/portal//orders", "/pay//token", "/api//products", "/portal/%2f/orders"])
async def test_a_slash_too_many_leads_nowhere_least_of_all_to_the_host_that_the_caller_names(
    client: TestClientProtocol, path: str
) -> None:
    response = await client.get(path, headers={"Host": "elsewhere.example"})
    assert (response.status_code, response.headers.get("Location")) == (404, None)


@pytest.mark.parametrize("host", ["a" * 70, "a..example", ".", "", "a b"])
async def test_a_host_that_is_no_domain_changes_nothing(client: TestClientProtocol, host: str) -> None:
    for path, status in (("/api/products", 200), ("/api/nothing", 404), ("/portal", 303), ("/nothing", 404)):
        response = await client.get(path, headers={"Host": host})
        assert (response.status_code, path) == (status, path)
    assert (await client.delete("/api/products", headers={"Host": host})).status_code == 405


async def test_the_api_document_is_served(client: TestClientProtocol) -> None:
    response = await client.get("/openapi.json")
    assert (await response.get_json())["openapi"] == "3.1.0"


@pytest.mark.parametrize("digits", ["9223372036854775808", "9" * 5000, "0" * 30 + "1"])
async def test_an_id_that_no_row_can_have_is_404_also_where_the_path_has_two_methods(
    client: TestClientProtocol, db: AsyncSession, digits: str
) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    path = f"/api/staff/customers/{digits}/credit"
    answers = [await client.get(path), await client.post(path, json={"amount": 5})]
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), True),  # a socket that is not there
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), True),
        (asyncpg.DiskFullError("could not extend file"), True),
        (asyncpg.TooManyConnectionsError("too many clients"), True),
        (asyncpg.InternalClientError("cannot switch to state 15"), True),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/srv/paper.css"), False),
        (asyncpg.UndefinedTableError("relation does not exist"), False),
        (ValueError("a bug"), False),
    ],
)
def test_trouble_that_passes_is_told_from_a_bug(error: Exception, passes: bool) -> None:
    assert is_passing_trouble(error) is passes
