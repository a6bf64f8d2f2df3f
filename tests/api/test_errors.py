"""Every refusal has the one shape, on every path."""

import pytest
from quart.typing import TestClientProtocol


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


async def test_the_api_document_is_served(client: TestClientProtocol) -> None:
    response = await client.get("/openapi.json")
    assert (await response.get_json())["openapi"] == "3.1.0"
