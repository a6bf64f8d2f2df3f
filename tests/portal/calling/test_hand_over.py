"""The page on which a manager hands over the calls of somebody who left."""

from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CallingEntry, Role
from tests.factories import make_staff, sign_in
from tests.portal.forms import read_page, send_form

LIST = "/portal/calling"


async def test_a_manager_is_told_on_home_and_list_and_hands_them_over(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    gone = await make_staff(db, Role.SALES_REP, full_name="Robin Ames", is_active=False)
    heir = await make_staff(db, Role.SALES_REP, full_name="Kim Lark")
    db.add(CallingEntry(phone="+12165550101", company_name="Maple & Vine", assigned_to=gone.id))
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert "1 call left behind" in await read_page(client, "/portal")
    page = await read_page(client, f"{LIST}?segment=all&assignee={gone.id}")
    assert "Robin Ames, left" in page
    assert "was Robin Ames’s" in page
    url = f"{LIST}/hand-over/{gone.id}"
    assert "1 open entry with its notes" in " ".join((await read_page(client, url)).split())
    status, shown, _ = await send_form(client, url, url, to_id="999999")
    assert (status, "Must be an active sales rep or administrator" in shown) == (422, True)
    assert (await send_form(client, url, url, to_id=str(heir.id)))[0] == 303
    assert await db.scalar(select(CallingEntry.assigned_to)) == heir.id
    assert "Left behind" not in await read_page(client, LIST)
    assert (await client.get(url)).status_code == 404


async def test_a_rep_is_not_asked(client: TestClientProtocol, db: AsyncSession) -> None:
    gone = await make_staff(db, Role.SALES_REP, is_active=False)
    db.add(CallingEntry(phone="+12165550101", company_name="Maple & Vine", assigned_to=gone.id))
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    page = await read_page(client, f"{LIST}?segment=all")
    assert ("Left behind" in page, "Maple" in page) == (False, False)
    assert (await client.get(f"{LIST}/hand-over/{gone.id}")).status_code == 403
