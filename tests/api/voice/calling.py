"""What the tests of the voice tools share: a key, a caller's number, a call."""

import itertools
from typing import Any

from quart.typing import TestClientProtocol

_numbers = itertools.count(1)


def next_phone() -> str:
    """A number that no other caller of this run has."""
    return f"+1216555{next(_numbers):04d}"


async def ask(client: TestClientProtocol, key: dict[str, str], tool: str, **body: Any) -> tuple[int, Any]:
    """The status and the JSON of one tool's answer."""
    response = await client.post(f"/api/voice/{tool}", json=body, headers=key)
    return response.status_code, await response.get_json()


GUEST = {
    "delivery_name": "Greta Lindqvist",
    "delivery_company": "Alder Diner",
    "delivery_address": "88 Grist Road",
    "delivery_city": "Alder Falls",
    "delivery_state": "OH",
    "delivery_zip": "44099",
}
