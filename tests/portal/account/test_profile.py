"""The profile page: each of its forms, and what it shows of the second factor."""

import re

import pyotp
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import decrypt
from models import AuditEntry, LoginSession, Staff
from portal.account.profile import describe_browser
from settings import Settings
from tests.factories import PASSWORD, make_staff, sign_in
from tests.factories.accounts import mailed_token
from tests.portal.forms import read_page, send_form

PROFILE = "/portal/profile"
FACTOR = f"{PROFILE}/second-factor"


async def test_the_password_form_names_what_is_wrong_and_then_changes_it(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db)
    other = app.test_client()
    await sign_in(other, db, staff)
    await sign_in(client, db, staff)
    form = {"current_password": "wrong", "new_password": "new-secret-7", "confirm_password": "new-secret-7"}
    status, page, _ = await send_form(client, PROFILE, f"{PROFILE}/password", **form)
    assert (status, "Is not your current password" in page) == (422, True)
    assert "new-secret-7" not in page
    status, _, goes_to = await send_form(
        client, PROFILE, f"{PROFILE}/password", **(form | {"current_password": PASSWORD})
    )
    assert (status, goes_to) == (303, PROFILE)
    assert "Password changed" in await read_page(client, PROFILE)
    assert (await other.get(PROFILE)).status_code == 303


async def test_the_email_form_keeps_what_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_staff(db, email="taken@ladle.example")
    staff = await make_staff(db)
    await sign_in(client, db, staff)
    status, page, _ = await send_form(client, PROFILE, f"{PROFILE}/email", new_email="nowhere")
    assert (status, 'value="nowhere"' in page) == (422, True)
    status, page, _ = await send_form(client, PROFILE, f"{PROFILE}/email", new_email="taken@ladle.example")
    assert (status, "Belongs to another staff user" in page) == (409, True)
    status, _, _ = await send_form(client, PROFILE, f"{PROFILE}/email", new_email="new@ladle.example")
    assert status == 303
    assert "new@ladle.example is waiting to be confirmed" in await read_page(client, PROFILE)
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).email == staff.email


async def test_the_links_of_a_new_email_confirm_and_undo_it(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db, email="old@ladle.example")
    await sign_in(client, db, staff)
    await send_form(client, PROFILE, f"{PROFILE}/email", new_email="new@ladle.example")
    mailed = app.test_client()
    confirm = await mailed_token(db, "new@ladle.example", "staff_email_change")
    page = f"/portal/confirm-email?token={confirm}"
    assert "Confirm email" in await read_page(mailed, page)
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).email == "old@ladle.example"
    assert (await send_form(mailed, page, "/portal/confirm-email", token=confirm))[0] == 303
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).email == "new@ladle.example"
    status, shown, _ = await send_form(mailed, page, "/portal/confirm-email", token=confirm)
    assert (status, "no longer works" in shown) == (422, True)
    undo = await mailed_token(db, "old@ladle.example", "security_notice")
    status, _, goes_to = await send_form(mailed, f"/portal/undo-email?token={undo}", "/portal/undo-email", token=undo)
    assert (status, goes_to) == (303, "/portal/forgot")
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).email == "old@ladle.example"
    assert (await client.get(PROFILE)).status_code == 303
    actions = await db.scalars(select(AuditEntry.action).where(AuditEntry.action.like("staff.email%")))
    assert sorted(actions) == ["staff.email_change_asked", "staff.email_change_undone", "staff.email_changed"]


async def test_own_sessions_are_listed_and_ended_but_not_a_colleagues(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db)
    colleague = await make_staff(db)
    second, third, theirs = (app.test_client() for _ in range(3))
    for browser, person in ((second, staff), (third, staff), (theirs, colleague), (client, staff)):
        await sign_in(browser, db, person)
    sessions = {
        row.staff_id: row.id for row in (await db.scalars(select(LoginSession).order_by(LoginSession.id.desc())))
    }
    page = await read_page(client, PROFILE)
    assert page.count("This one") == 1
    assert len(re.findall(r"/sessions/\d+/end", page)) == 2
    status, _, _ = await send_form(client, PROFILE, f"{PROFILE}/sessions/{sessions[staff.id]}/end")
    assert status == 303
    assert (await second.get(PROFILE)).status_code == 303
    status, _, _ = await send_form(client, PROFILE, f"{PROFILE}/sessions/{sessions[colleague.id]}/end")
    assert status == 404
    assert (await theirs.get(PROFILE)).status_code == 200
    await send_form(client, PROFILE, f"{PROFILE}/sessions/end-others")
    assert (await third.get(PROFILE)).status_code == 303
    assert (await client.get(PROFILE)).status_code == 200
    assert (await theirs.get(PROFILE)).status_code == 200


async def test_a_second_factor_is_set_up_by_its_first_code_and_taken_away_by_the_password(
    client: TestClientProtocol, app: Quart, db: AsyncSession, settings: Settings
) -> None:
    staff = await make_staff(db)
    other = app.test_client()
    await sign_in(other, db, staff)
    await sign_in(client, db, staff)
    assert (await client.get(FACTOR)).status_code == 404
    status, _, goes_to = await send_form(client, PROFILE, f"{FACTOR}/start")
    assert (status, goes_to) == (303, FACTOR)
    page = await read_page(client, FACTOR)
    shown = re.search(r'user-select-all">([A-Z2-7 ]+)<', page)
    assert shown is not None
    assert "<svg" in page
    secret = shown[1].replace(" ", "")
    kept = await db.get_one(Staff, staff.id, populate_existing=True)
    assert kept.totp_secret is not None
    assert secret not in kept.totp_secret
    assert decrypt(kept.totp_secret, settings.data_keys, f"staff_totp:{staff.id}") == secret
    code = pyotp.TOTP(secret).now()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    status, page, _ = await send_form(client, FACTOR, code=wrong)
    assert (status, "Is not the code that the app shows now" in page) == (422, True)
    assert (await send_form(client, FACTOR, code=code))[0] == 303
    assert "On since" in await read_page(client, PROFILE)
    assert (await other.get(PROFILE)).status_code == 303
    status, _, _ = await send_form(client, PROFILE, f"{FACTOR}/start")
    assert status == 409

    status, page, _ = await send_form(client, f"{FACTOR}/remove", password="wrong")
    assert (status, "Is not your password" in page) == (422, True)
    assert (await send_form(client, f"{FACTOR}/remove", password=PASSWORD))[0] == 303
    gone = await db.get_one(Staff, staff.id, populate_existing=True)
    assert (gone.totp_secret, gone.totp_confirmed_at, gone.totp_last_step) == (None, None, None)
    entries = (await db.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [entry.action for entry in entries] == ["staff.second_factor_on", "staff.second_factor_off"]
    assert not any(secret in str((entry.before, entry.after, entry.note)) for entry in entries)


async def test_every_form_of_the_profile_wants_its_token(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db))
    for path in (
        f"{PROFILE}/email", f"{PROFILE}/password", f"{PROFILE}/sessions/end-others", f"{PROFILE}/sessions/1/end",
        f"{FACTOR}/start", FACTOR, f"{FACTOR}/remove", "/portal/sign-out",
    ):  # fmt: skip
        assert (await client.post(path, form={})).status_code == 403


def test_browsers_are_named_as_their_owners_know_them() -> None:
    chrome = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
    assert describe_browser(chrome) == "Chrome on Windows"
    assert describe_browser(chrome + " Edg/142.0") == "Edge on Windows"
    assert describe_browser("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Safari/604") == "Safari on iPhone"
    assert describe_browser("curl/8.5.0") == "curl"
    assert describe_browser("") == "Unknown program"
