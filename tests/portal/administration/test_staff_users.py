"""The pages of staff users: who sees them, what their forms refuse, and edits that crossed."""

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import Role, Staff
from tests.factories import as_actor, make_customer, make_staff, sign_in
from tests.portal.forms import TOKEN, read_page, send, send_form

LIST = "/portal/staff"
FORM = {"first_name": "Ann", "last_name": "Lee", "email": "", "role": "staff", "is_active": "true", "password": ""}


async def test_managers_see_the_list_and_no_way_to_change_it(client: TestClientProtocol, db: AsyncSession) -> None:
    dana = await make_staff(db, Role.SALES_REP, username="dana", full_name="Dana Whitlock")
    await make_staff(db, username="gone", is_active=False, archived_at=now())
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    page = await read_page(client, LIST)
    assert "Dana Whitlock" in page
    assert "gone" not in page
    assert f"{LIST}/{dana.id}" not in page
    assert f"{LIST}/new" not in page
    assert ">gone<" in await read_page(client, f"{LIST}?standing=archived")
    assert "Dana" not in await read_page(client, f"{LIST}?role=warehouse")
    assert "Dana" in await read_page(client, f"{LIST}?q=whit")
    for path in (f"{LIST}/new", f"{LIST}/{dana.id}", f"{LIST}/{dana.id}/delete"):
        assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_others_do_not_see_the_list(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    assert (await client.get(LIST)).status_code == 303
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(LIST)).status_code == 403


async def test_a_colleague_is_added_and_a_taken_name_keeps_what_was_typed(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    form = {"username": "pia", "role": "warehouse", "first_name": "Pia", "email": "", "password": "good-secret-1"}
    assert (await send_form(client, f"{LIST}/new", LIST, **form))[0] == 303
    page = await read_page(client, LIST)
    assert "pia added" in page
    status, page, _ = await send_form(client, f"{LIST}/new", LIST, **(form | {"username": "PIA"}))
    assert (status, "Is taken" in page, 'value="Pia"' in page) == (409, True, True)
    assert "good-secret-1" not in page
    assert '<option value="warehouse" selected>' in page
    status, page, _ = await send_form(client, f"{LIST}/new", LIST, **(form | {"username": "", "password": "abc"}))
    assert (status, "Is required" in page) == (422, True)


async def test_an_edit_is_saved_and_stands_in_the_timeline(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db, username="ann", email="ann@ladle.example")
    await sign_in(client, db, await make_staff(db, Role.ADMIN, full_name="Ines Albrecht"))
    path = f"{LIST}/{staff.id}"
    status, _, goes_to = await send_form(client, path, version="1", **(FORM | {"role": "manager"}))
    assert (status, goes_to) == (303, LIST)
    saved = await db.get_one(Staff, staff.id, populate_existing=True)
    assert (saved.full_name, saved.email, saved.role, saved.version) == ("Ann Lee", None, "manager", 2)
    page = await read_page(client, path)
    assert "Role: Order desk → Manager" in page
    assert "Ines Albrecht" in page


async def test_a_stale_edit_shows_who_changed_what_and_saves_nothing(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    from domain.staff.users import UpdateStaff, update_staff

    staff = await make_staff(db, first_name="Ann", last_name="Lee", full_name="Ann Lee")
    admin = await make_staff(db, Role.ADMIN)
    colleague = await make_staff(db, Role.ADMIN, full_name="Luis Ocampo")
    await sign_in(client, db, admin)
    path = f"{LIST}/{staff.id}"
    token = TOKEN.search(await read_page(client, path))
    assert token is not None
    await update_staff(db, staff.id or 0, UpdateStaff(last_name="Ray"), by=as_actor(colleague))
    await db.commit()
    mine = FORM | {"last_name": "Low", "email": staff.email}
    status, page, _ = await send(client, path, token[1], version="1", **(mine | {"email": "nowhere"}))
    assert (status, 'name="version" value="1"' in page) == (422, True)
    status, page, _ = await send(client, path, token[1], version="1", **mine)
    assert status == 409
    assert "Changed by Luis Ocampo, today " in page
    assert "Last name: yours “Low”, theirs “Ray”." in page
    assert 'value="Low"' in page
    assert "Email: yours" not in page
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).last_name == "Ray"
    assert 'name="version" value="2"' in page
    assert (await send(client, path, token[1], version="2", **mine))[0] == 303
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).last_name == "Low"


async def test_the_last_administrator_is_told_why_not(client: TestClientProtocol, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, admin)
    status, page, _ = await send_form(client, f"{LIST}/{admin.id}", version="1", **(FORM | {"role": "manager"}))
    assert (status, "is the last active administrator" in page) == (409, True)
    assert f"{LIST}/{admin.id}/delete" not in page
    status, page, _ = await send_form(client, f"{LIST}/{admin.id}", f"{LIST}/{admin.id}/delete")
    assert (status, "delete your own account" in page) == (409, True)


async def test_the_question_before_deleting_says_what_will_happen(client: TestClientProtocol, db: AsyncSession) -> None:
    fresh = await make_staff(db, username="fresh")
    rep = await make_staff(db, Role.SALES_REP, username="dana")
    await make_customer(db, sales_rep_id=rep.id)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    assert "deleted permanently" in await read_page(client, f"{LIST}/{fresh.id}/delete")
    assert "is archived" in await read_page(client, f"{LIST}/{rep.id}/delete")
    for staff, word in ((fresh, "fresh deleted"), (rep, "dana archived")):
        assert (await send_form(client, f"{LIST}/{staff.id}/delete"))[0] == 303
        assert word in await read_page(client, LIST)
    assert (await db.scalars(select(Staff.username).where(Staff.username.in_(["fresh", "dana"])))).all() == ["dana"]
    assert (await client.get(f"{LIST}/{fresh.id}")).status_code == 404


async def test_an_administrator_takes_a_lost_second_factor_away(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db, username="ann", totp_secret="kept", totp_confirmed_at=now())
    theirs = app.test_client()
    await sign_in(theirs, db, staff)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    path = f"{LIST}/{staff.id}/second-factor"
    assert (await send_form(client, path))[0] == 303
    assert (await db.get_one(Staff, staff.id, populate_existing=True)).totp_secret is None
    assert (await theirs.get("/portal/profile")).status_code == 303
    status, page, _ = await send_form(client, path)
    assert (status, "no second factor" in page) == (409, True)


async def test_every_form_of_staff_wants_its_token(client: TestClientProtocol, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, admin)
    for path in (LIST, f"{LIST}/{admin.id}", f"{LIST}/{admin.id}/delete", f"{LIST}/{admin.id}/second-factor"):
        assert (await client.post(path, form=FORM)).status_code == 403
