"""A session that ends while somebody types: the page stays, and signing in happens on it."""

import json

from sqlalchemy import update

from domain.kernel.clock import now
from models import LoginSession, Role
from tests.factories import PASSWORD, make_staff, sign_in
from tests.portal.desk import place
from tests.portal.forms import TOKEN, read_page

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


async def test_a_form_sent_after_the_session_ended_asks_on_the_same_page(client, db) -> None:
    number, _ = await place(db)
    person = await make_staff(db, Role.STAFF)
    await sign_in(client, db, person)
    token = TOKEN.search(await read_page(client, f"/portal/orders/{number}?edit=notes"))
    assert token is not None
    await db.execute(update(LoginSession).values(ended_at=now()))
    await db.commit()

    form = {"csrf_token": token[1], "staff_notes": "typed meanwhile"}
    asked = await client.post(f"/portal/orders/{number}/notes", form=form, headers=PARTIAL)
    page = str(await asked.get_data(as_text=True))
    assert (asked.status_code, asked.headers["HX-Retarget"]) == (401, "#sign_in_again")
    inner = TOKEN.search(page)
    assert inner is not None
    wrong = {"csrf_token": inner[1], "stay": "on", "username": person.username, "password": "wrong"}
    assert (await client.post("/portal/sign-in", form=wrong, headers=PARTIAL)).status_code == 422
    entered = await client.post("/portal/sign-in", form=wrong | {"password": PASSWORD}, headers=PARTIAL)
    assert entered.status_code == 204
    fresh = json.loads(entered.headers["HX-Trigger"])["app:signed-in"]
    assert fresh["me"] == str(person.id)
    saved = await client.post(
        f"/portal/orders/{number}/notes", form=form | {"csrf_token": fresh["csrf"]}, headers=PARTIAL
    )
    assert saved.status_code == 200
    assert "typed meanwhile" in await read_page(client, f"/portal/orders/{number}")


async def test_a_block_that_refreshes_itself_asks_nobody(client) -> None:
    answer = await client.get("/portal/orders", headers=PARTIAL | {"X-Live": "1"})
    assert (answer.status_code, await answer.get_data(as_text=True)) == (401, "")


async def test_without_a_script_signing_in_leads_back_to_the_page(client, db) -> None:
    await sign_in(client, db, await make_staff(db))
    token = TOKEN.search(await read_page(client, "/portal/profile"))
    assert token is not None
    await db.execute(update(LoginSession).values(ended_at=now()))
    await db.commit()
    headers = {"Referer": "http://localhost/portal/orders/new?customer=4"}
    answer = await client.post("/portal/orders/new", form={"csrf_token": token[1]}, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/portal/sign-in?next=/portal/orders/new%3Fcustomer%3D4",
    )
