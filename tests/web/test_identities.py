"""Every route of the API as everybody who is no colleague: what docs/rights.md says is what happens.

Colleagues by their roles stand in `test_rights.py`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import KeyScope
from tests.factories import make_customer, make_staff, sign_in
from tests.factories.catalogue import make_key

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
ROW = re.compile(r"^\| ([A-Z ]+) `(/api/[^`]+)` \| ([^|]+) \|", re.MULTILINE)
SECRET = "an internal secret of the tests"
# Signed by their senders instead, which answers with statuses of its own.
SIGNED = re.compile(r"/webhooks/(stripe|easypost|twilio|elevenlabs)$")
WHO = ("guest", "customer", "colleague", "internal", *(f"key: {scope}" for scope in KeyScope))


def rows() -> Iterator[tuple[str, str, set[str]]]:
    """Each method and address of the page with whom it lets in; an empty set for everybody."""
    for methods, route, asked in ROW.findall(PAGE.read_text()):
        address = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", route.replace("\\|", "|"))
        address = re.sub(r"<(?!id:|int:)[^>]+>", "x", re.sub(r"<(?:id|int):[^>]+>", "987654321", address))
        ways = set() if asked.strip().startswith("nothing") else set(asked.strip().split(" or "))
        if not SIGNED.search(route):
            yield from ((method, address, ways) for method in methods.split())


def expect(who: str, ways: set[str]) -> int:
    """The status of who is not let in; 0 for who is."""
    if not ways or who in ways or (who == "internal" and "internal secret" in ways):
        return 0
    by_key = any(way.startswith("key: ") for way in ways)
    # A key that the route could know lacks the scope; any other route knows no such key.
    return 403 if who.startswith("key: ") and by_key else 401


@pytest.mark.parametrize("who", WHO)
async def test_who_is_not_let_in_hears_so_before_anything_else(client, db, app, settings, monkeypatch, who) -> None:
    monkeypatch.setitem(app.config, "SETTINGS", settings.model_copy(update={"internal_secret": SECRET}))
    headers = {"Content-Type": "application/json"}
    if who == "customer":
        customer = await make_customer(db)
        await sign_in(client, db, customer)
    elif who == "colleague":
        await sign_in(client, db, await make_staff(db))
    elif who == "internal":
        headers["X-Internal-Secret"] = SECRET
    elif who.startswith("key: "):
        headers |= await make_key(db, KeyScope(who.removeprefix("key: ")))
    wrong, met = {}, set()
    for method, address, ways in rows():
        if who == "colleague" and not all(way in {"customer", "internal secret"} or "key: " in way for way in ways):
            continue
        wanted = expect(who, ways)
        if (who == "customer" and address.endswith("/logout")) or (wanted == 0 and method == "GET" and not ways):
            continue
        response = await client.open(address, method=method, data=b'{"', headers=headers)
        met.add(wanted)
        answered = response.status_code
        if who == "customer" and address.startswith("/api/users/"):
            wanted = answered if answered == 403 else wanted  # somebody else's account, as the contract has it
        if (answered != wanted) if wanted else (answered in {401, 403} and bool(ways)) or answered == 500:
            wrong[f"{method} {address}"] = (wanted, answered)
    assert wrong == {}
    assert met == ({0, 401, 403} if who.startswith("key: ") else {0, 401})
