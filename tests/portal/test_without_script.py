"""Every page without a script: what htmx sends has a plain way beside it, and a form sent plainly answers a page."""

from urllib.parse import urlsplit

from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Role
from tests.portal.desk import open_as
from tests.portal.forms import send
from tests.portal.plain_walk import found_small_company, group, walk


async def test_every_page_has_a_plain_way_and_each_form_sent_plainly_answers_a_page(
    client: TestClientProtocol, db: AsyncSession, app: Quart
) -> None:
    await open_as(client, db, Role.ADMIN)
    await found_small_company(db)
    doors = app.url_map.bind("localhost")
    pages, forms, dead = await walk(client, doors)
    assert len(pages) > 60
    assert dead == []
    assert len(forms) > 60
    wrong = []
    for route, form in forms.items():
        if form.is_upload:
            continue
        csrf = dict(form.fields).get("csrf_token", "")
        rest = [(name, value) for name, value in form.fields if name != "csrf_token"]
        status, text, url = await send(client, form.action, csrf, **group(rest))
        if status == 303:
            status = (await client.get(url)).status_code if urlsplit(url).path.startswith("/portal") else 200
        elif "<html" not in text.lower() and status != 204:
            wrong.append(f"{route}: {status} without a page")
        if status not in {200, 204, 400, 404, 409, 422}:
            wrong.append(f"{route}: {status}")
    assert wrong == []
