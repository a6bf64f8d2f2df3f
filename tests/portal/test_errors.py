"""Refusals as pages: in the portal's frame with a link that leads on, and as HTML for a browser."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Role
from tests.portal.desk import open_as

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status", "way_on"),
    [
        ("/portal/orders/LLD-0000-0000", 404, 'href="/portal/orders">Go to orders'),
        ("/portal/nothing-here", 404, 'href="/portal">Go to home'),
        ("/portal/staff", 403, 'href="/portal">Go to home'),
    ],
)
async def test_a_refusal_stands_in_the_portals_frame(
    client: TestClientProtocol, db: AsyncSession, path: str, status: int, way_on: str
) -> None:
    await open_as(client, db, Role.STAFF)
    response = await client.get(path)
    page = await response.get_data(as_text=True)
    assert response.status_code == status
    assert 'id="side"' in page
    assert way_on in page


async def test_a_stranger_sees_no_frame(client: TestClientProtocol) -> None:
    response = await client.get("/portal/nothing-here")
    page = await response.get_data(as_text=True)
    assert (response.status_code, 'id="side"' in page) == (404, False)


@pytest.mark.parametrize("path", ["/portal/orders?status=pending", "/pay/some-token"])
async def test_without_a_database_a_page_still_says_so_and_offers_another_try(
    client: TestClientProtocol, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("web.guards._first_actor", fail)
    monkeypatch.setattr("portal.public.pay.get_pay_page", fail)
    response = await client.get(path)
    page = await response.get_data(as_text=True)
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert f'href="{path}">Try again' in page
    assert 'id="side"' not in page


async def test_without_a_database_a_part_becomes_an_alert_on_the_open_page(
    client: TestClientProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("web.guards._first_actor", fail)
    response = await client.get("/portal/orders", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert response.headers["HX-Retarget"] == "#alerts"
    assert "The service is busy" in await response.get_data(as_text=True)


async def test_a_browser_gets_html_and_a_program_json(client: TestClientProtocol) -> None:
    response = await client.get("/wrong-turn", headers=BROWSER)
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "There is nothing here" in await response.get_data(as_text=True)
    for headers in ({}, {"Accept": "application/json"}, {"Accept": "*/*"}):
        response = await client.get("/wrong-turn", headers=headers)
        assert (response.status_code, response.mimetype) == (404, "application/json")
    response = await client.get("/api/wrong-turn", headers=BROWSER)
    assert response.mimetype == "application/json"
