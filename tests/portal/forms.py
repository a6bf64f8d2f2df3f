"""Sending the portal's forms as a browser does: open the page, take its CSRF token, post the fields."""

import re
from typing import Any
from urllib.parse import urlencode

from quart.typing import TestClientProtocol

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


async def read_page(client: TestClientProtocol, path: str) -> str:
    """A page that must be there."""
    response = await client.get(path)
    assert response.status_code == 200, (path, response.status_code)
    return str(await response.get_data(as_text=True))


async def send_form(
    client: TestClientProtocol, page: str, action: str | None = None, **fields: Any
) -> tuple[int, str, str]:
    """Open a page and send one of its forms; the status, the page shown, and where it leads."""
    found = TOKEN.search(await read_page(client, page))
    assert found is not None
    return await send(client, action or page, found[1], **fields)


async def send(client: TestClientProtocol, action: str, csrf: str, **fields: Any) -> tuple[int, str, str]:
    """Post fields with a token already taken."""
    body = urlencode(fields | {"csrf_token": csrf}, doseq=True)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post(action, data=body, headers=headers)
    text = str(await response.get_data(as_text=True))
    return response.status_code, text, response.headers.get("Location", "")
