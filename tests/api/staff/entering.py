"""Signing in over HTTP, and what every answer about a colleague holds."""

from typing import Any

from quart.typing import TestClientProtocol

from tests.factories import PASSWORD

STAFF_KEYS = {
    "id", "username", "email", "full_name", "first_name", "last_name", "role", "is_active", "created_at", "updated_at",
}  # fmt: skip


async def login(client: TestClientProtocol, username: str, password: str = PASSWORD, **more: Any) -> tuple[int, Any]:
    response = await client.post("/api/staff/login", json={"username": username, "password": password, **more})
    return response.status_code, await response.get_json()
