"""Without a script in every role: no link leads where the reader may not go, and what was typed outlives a refusal."""

from io import BytesIO

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.datastructures import FileStorage

from models import Role
from tests.portal.desk import open_as
from tests.portal.forms import send
from tests.portal.plain_walk import Form, found_small_company, group, walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
# How many pages and forms each role comes to at least.
REACH = {Role.MANAGER: (60, 40), Role.STAFF: (40, 25), Role.SALES_REP: (25, 8), Role.WAREHOUSE: (15, 8)}
# A note, a script and words for a box take whatever is typed.
TAKES_ANYTHING = 303


@pytest.mark.parametrize("role", REACH)
async def test_a_role_is_led_nowhere_that_it_may_not_go(
    client: TestClientProtocol, db: AsyncSession, app: Quart, role: Role
) -> None:
    await found_small_company(db)
    await open_as(client, db, role)
    pages, forms, dead = await walk(client, app.url_map.bind("localhost"))
    assert dead == []
    assert (len(pages) >= REACH[role][0], len(forms) >= REACH[role][1]) == (True, True), (len(pages), len(forms))


async def test_what_was_typed_is_there_after_a_refusal(
    client: TestClientProtocol, db: AsyncSession, app: Quart
) -> None:
    await open_as(client, db, Role.ADMIN)
    await found_small_company(db)
    _, forms, _ = await walk(client, app.url_map.bind("localhost"))
    wrong, refused = [], 0
    for route, form in forms.items():
        typed = {name: f"typed {number}z" for number, name in enumerate(dict.fromkeys(form.typed))}
        if form.is_upload:
            status, page = await send_files(client, form, typed)
        elif typed:
            rest = [(name, value) for name, value in form.fields if name not in {"csrf_token", *typed}]
            fields = group([*rest, *typed.items()])
            csrf = dict(form.fields).get("csrf_token", "")
            status, page, _ = await send(client, form.action or form.page, csrf, **fields)
        else:
            continue
        if status == TAKES_ANYTHING:
            continue
        refused += 1
        lost = [name for name, words in typed.items() if words not in page]
        if lost or "<html" not in page.lower() or status not in {200, 409, 422}:
            wrong.append(f"{route}: {status}, lost {lost}")
    assert wrong == []
    assert refused > 25


async def send_files(client: TestClientProtocol, form: Form, typed: dict[str, str]) -> tuple[int, str]:
    """Send a form with files that hold nothing of what is asked for."""
    files = {name: FileStorage(BytesIO(b"neither a picture nor a table"), "notes.bin") for name in form.files}
    response = await client.post(form.action or form.page, form=dict(form.fields) | typed, files=files)
    return response.status_code, str(await response.get_data(as_text=True))
