"""What the sales floor adds to a customer's page: the calls, and bank details that never show a whole number."""

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import OutboundCallLog, Role
from tests.factories import make_customer, make_staff, sign_in
from tests.portal.calling.test_pages import page, post_form, sign_in_rep

ACCOUNT = {"routing_number": "110000000", "account_number": "000123456789", "account_type": "checking"}


async def test_the_calls_of_a_customer_are_a_tab(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    customer = await make_customer(db)
    db.add(OutboundCallLog(phone="+12165550123", outcome="busy_callback", customer_id=customer.id, notes="After two"))
    await db.flush()
    text = await page(client, f"/portal/customers/{customer.id}?tab=calls")
    assert "Busy, call back" in text
    assert "After two" in text


async def test_bank_details_are_kept_and_shown_down_to_four_digits(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep = await sign_in_rep(client, db)
    customer = await make_customer(db, sales_rep_id=rep.id)
    path = f"/portal/customers/{customer.id}"
    wrong = await post_form(client, f"{path}/bank", ACCOUNT | {"routing_number": "110000001"})
    assert wrong.status_code == 422
    assert ACCOUNT["account_number"] not in await wrong.get_data(as_text=True)
    assert (await post_form(client, f"{path}/bank", ACCOUNT)).status_code == 303
    text = await page(client, f"{path}?tab=bank")
    assert "••••6789" in text
    assert ACCOUNT["account_number"] not in text


async def test_a_colleagues_customer_keeps_their_bank_details(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    customer = await make_customer(db, sales_rep_id=(await make_staff(db, Role.SALES_REP)).id)
    assert "You can’t see these" in await page(client, f"/portal/customers/{customer.id}?tab=bank")
    assert (await client.get(f"/portal/customers/{customer.id}/bank")).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert "?tab=bank" not in await page(client, f"/portal/customers/{customer.id}")


async def test_a_manager_previews_the_script(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER, full_name="Tessa Lindgren"))
    shown = await post_form(client, "/portal/call-script/preview", {"content": "Hi {contact}, {rep} here. <b>{x}"})
    text = await shown.get_data(as_text=True)
    assert "Hi <mark>Hannah</mark>, <mark>Tessa</mark> here. &lt;b&gt;{x}" in text
