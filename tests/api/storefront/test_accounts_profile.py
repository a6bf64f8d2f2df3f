"""The own profile over HTTP: reading, changing and deleting it, and nobody else's."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.messages.suppression import is_do_not_call
from models import AuditEntry, CreditKind, Customer, LoginSession, OneTimeCode, Order, OrderEvent
from models.session import Database
from tests.factories import PASSWORD, as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.accounts import mailed_token, post, sent_messages
from tests.factories.orders import make_order

USER_KEYS = {
    "id", "username", "email", "first_name", "last_name", "company_name", "phone", "shipping_address",
    "billing_address", "email_verified", "phone_verified",
}  # fmt: skip


async def put(client: TestClientProtocol, customer_id: int, **body: Any) -> tuple[int, Any]:
    response = await client.put(f"/api/users/{customer_id}", json=body)
    return response.status_code, await response.get_json()


async def read_again(db: AsyncSession, customer: Customer) -> Customer:
    return await db.get_one(Customer, customer.id, populate_existing=True)


async def test_the_own_record_is_the_only_one_that_is_shown(client: TestClientProtocol, db: AsyncSession) -> None:
    customer, stranger = await make_customer(db), await make_customer(db)
    await sign_in(client, db, customer)
    for path in ("/api/users", f"/api/users/{customer.id}", "/api/auth/me"):
        body = await (await client.get(path)).get_json()
        assert set(body) == {"user"}
        assert set(body["user"]) == USER_KEYS
        assert body["user"]["id"] == customer.id
    for other in (stranger.id, 999_999_999):
        for response in (
            await client.get(f"/api/users/{other}"),
            await client.put(f"/api/users/{other}", json={"company_name": "Mine now"}),
            await client.delete(f"/api/users/{other}"),
        ):
            assert (response.status_code, (await response.get_json())["code"]) == (403, "not_your_account")
    assert (await client.get(f"/api/users/{2**63}")).status_code == 404
    assert (await read_again(db, stranger)).company_name == stranger.company_name != "Mine now"


async def test_guests_and_staff_have_no_profile_here(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db)
    staff = await make_staff(db)
    await db.commit()
    for is_staff in (False, True):
        if is_staff:
            await sign_in(client, db, staff)
        for path in ("/api/users", f"/api/users/{customer.id}", "/api/auth/me"):
            assert (await client.get(path)).status_code == 401
        assert (await client.put(f"/api/users/{customer.id}", json={})).status_code == 401
        assert (await client.delete(f"/api/users/{customer.id}")).status_code == 401


async def test_a_profile_is_changed_field_by_field(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, company_name="Old Mill", billing_street="1 Tower Lane", billing_city="Zell")
    await sign_in(client, db, customer)
    status, body = await put(
        client,
        customer.id,
        company_name="Old Mill Tavern",
        phone="(216) 555-0148",
        shipping_address="88 Grist Road, Suite 4, Alder Falls, oh 44099",
        is_demo=True,
        credit_limit=1_000_000,
        username="admin",
    )
    assert status == 200
    assert (body["user"]["company_name"], body["user"]["phone"]) == ("Old Mill Tavern", "+12165550148")
    assert body["user"]["shipping_address"] == "88 Grist Road, Suite 4, Alder Falls, OH 44099"
    assert body["user"]["billing_address"] == "1 Tower Lane, Zell"
    kept = await read_again(db, customer)
    assert (kept.shipping_street, kept.shipping_city, kept.shipping_state, kept.shipping_zip) == (
        "88 Grist Road, Suite 4", "Alder Falls", "OH", "44099",
    )  # fmt: skip
    assert (kept.is_demo, kept.credit_limit, kept.username) == (False, Decimal("0.00"), customer.username)
    assert kept.version == 2
    # What was answered can be sent back and changes nothing, also where the address was not one of ours.
    status, again = await put(client, customer.id, **body["user"])
    assert (status, again) == (200, body)
    kept = await read_again(db, customer)
    assert (kept.version, kept.billing_street, kept.billing_city) == (2, "1 Tower Lane", "Zell")
    entry = (await db.execute(select(AuditEntry))).scalar_one()
    assert (entry.action, entry.actor_id) == ("customer.updated", customer.id)
    assert entry.before is not None
    assert entry.before["company_name"] == "Old Mill"
    assert entry.after is not None
    assert entry.after["company_name"] == "Old Mill Tavern"


async def test_an_address_that_is_not_understood_is_kept_as_the_street(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, shipping_city="Alder Falls", shipping_state="OH", shipping_zip="44099")
    await sign_in(client, db, customer)
    _, body = await put(client, customer.id, shipping_address="the barn behind the mill")
    assert body["user"]["shipping_address"] == "the barn behind the mill"
    _, body = await put(client, customer.id, shipping_address="")
    assert body["user"]["shipping_address"] == ""


async def test_a_new_email_takes_effect_by_its_link_and_the_old_one_is_told(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer = await make_customer(db, username="greta@oldmill.example", email="greta@oldmill.example")
    await sign_in(client, db, customer)
    await post(client, "/api/auth/forgot-password", identifier="greta@oldmill.example")
    old_link = await mailed_token(db, "greta@oldmill.example", "password_reset")
    status, body = await put(client, customer.id, email="Greta@NewMill.example", last_name="Mill")
    assert status == 200
    assert (body["user"]["email"], body["user"]["email_verified"]) == ("greta@newmill.example", False)
    assert body["user"]["last_name"] == "Mill"
    me = (await (await client.get("/api/auth/me")).get_json())["user"]
    assert (me["email"], me["email_verified"], me["last_name"]) == ("greta@oldmill.example", True, "Mill")
    [notice] = await sent_messages(db, "greta@oldmill.example", "security_notice")
    assert "will change to greta@newmill.example" in notice.body_text
    undo = await mailed_token(db, "greta@oldmill.example", "security_notice")
    assert undo not in notice.body_text
    token = await mailed_token(db, "greta@newmill.example", "verify_email")
    assert (await post(client, "/api/auth/verify-email", token=token))[0] == 200
    assert (await post(client, "/api/auth/verify-email", token=token))[0] == 400
    login = {"username": "greta@newmill.example", "password": PASSWORD}
    status, body = await post(app.test_client(), "/api/auth/login", **login)
    assert (status, body["user"]["username"], body["user"]["email_verified"]) == (200, "greta@newmill.example", True)
    assert (await post(client, "/api/auth/reset-password", token=old_link, password="of-a-thief"))[0] == 400
    assert len(await sent_messages(db, "greta@oldmill.example", "security_notice")) == 2
    actions = await db.scalars(select(AuditEntry.action).where(AuditEntry.action.like("customer.email%")))
    assert sorted(actions) == ["customer.email_change_asked", "customer.email_changed"]


async def test_the_old_address_undoes_a_changed_email_for_a_week(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer = await make_customer(db, username="greta@oldmill.example", email="greta@oldmill.example")
    await sign_in(client, db, customer)
    for email in ("thief@else.example", "second@else.example"):
        await put(client, customer.id, email=email)
        token = await mailed_token(db, email, "verify_email")
        assert (await post(client, "/api/auth/verify-email", token=token))[0] == 200
    of_thief = await mailed_token(db, "thief@else.example", "security_notice")
    await put(client, customer.id, email="third@else.example")
    waiting = await mailed_token(db, "third@else.example", "verify_email")
    undo = await mailed_token(db, "greta@oldmill.example", "security_notice")
    owner = app.test_client()
    status, body = await post(owner, "/api/auth/undo-email-change", token=undo)
    assert (status, body["user"]["email"], body["user"]["username"]) == (200, *["greta@oldmill.example"] * 2)
    assert (await client.get("/api/auth/me")).status_code == 401
    for path, token in (("undo-email-change", of_thief), ("undo-email-change", undo), ("verify-email", waiting)):
        assert (await post(owner, f"/api/auth/{path}", token=token))[0] == 400
    kept = await read_again(db, customer)
    assert (kept.email, kept.email_verified_at is not None) == ("greta@oldmill.example", True)
    assert "customer.email_change_undone" in await db.scalars(select(AuditEntry.action))


async def test_an_undo_ends_after_seven_days(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    await put(client, customer.id, email="fresh@newmill.example")
    undo = await mailed_token(db, str(customer.email), "security_notice")
    code = await db.scalar(select(OneTimeCode).where(OneTimeCode.purpose == "email_change_undo"))
    assert code is not None
    assert timedelta(days=6, hours=23) < code.expires_at - now() <= timedelta(days=7)
    await db.execute(update(OneTimeCode).values(expires_at=now()))
    assert (await post(client, "/api/auth/undo-email-change", token=undo))[0] == 400


async def test_a_link_for_an_email_that_was_changed_since_changes_nothing(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    await put(client, customer.id, email="first@newmill.example")
    first = await mailed_token(db, "first@newmill.example", "verify_email")
    await put(client, customer.id, email="second@newmill.example")
    assert (await post(client, "/api/auth/verify-email", token=first))[0] == 400
    second = await mailed_token(db, "second@newmill.example", "verify_email")
    await make_customer(db, email="second@newmill.example")
    status, body = await post(client, "/api/auth/verify-email", token=second)
    assert (status, body["code"]) == (409, "email_taken")
    assert (await read_again(db, customer)).email == customer.email


async def test_an_email_that_became_anothers_username_meanwhile_is_refused(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, username="greta@oldmill.example", email="greta@oldmill.example")
    await sign_in(client, db, customer)
    await put(client, customer.id, email="new@newmill.example")
    link = await mailed_token(db, "new@newmill.example", "verify_email")
    await make_customer(db, username="new@newmill.example", email="new@newmill.example")
    status, body = await post(client, "/api/auth/verify-email", token=link)
    assert (status, body["code"]) == (409, "username_taken")


async def test_an_email_that_was_never_proven_is_replaced_at_once(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, email="tpyo@mill.example", email_verified_at=None)
    await sign_in(client, db, customer)
    await put(client, customer.id, email="typo@mill.example")
    kept = await read_again(db, customer)
    assert (kept.email, kept.email_verified_at) == ("typo@mill.example", None)


async def test_one_address_gets_three_links_an_hour(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    answers = [(await put(client, customer.id, email="fresh@newmill.example"))[0] for _ in range(4)]
    assert answers == [200, 200, 200, 429]


@pytest.mark.parametrize("field", ["email", "phone"])
async def test_anothers_email_or_phone_is_refused(client: TestClientProtocol, db: AsyncSession, field: str) -> None:
    other = await make_customer(db, phone="+12165550148")
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    status, body = await put(client, customer.id, **{field: getattr(other, field)})
    assert (status, body["code"], body["duplicate_field"]) == (409, f"{field}_taken", field)
    kept = await read_again(db, customer)
    assert (kept.phone, kept.email_verified_at) == (None, customer.email_verified_at)


async def test_a_phone_that_the_book_holds_twice_hinders_no_other_change(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_customer(db, phone="+12165550148")
    customer = await make_customer(db, phone="+12165550148")
    await sign_in(client, db, customer)
    status, body = await put(client, customer.id, email="fresh@newmill.example", phone="216 555 0148")
    assert (status, body["user"]["email"], body["user"]["phone"]) == (200, "fresh@newmill.example", "+12165550148")


async def test_two_who_take_one_email_at_once_are_one(app: Quart, committed: Database) -> None:
    browsers = []
    async with committed.session() as db:
        for _ in range(3):
            browser, customer = app.test_client(), await make_customer(db, email_verified_at=None)
            await sign_in(browser, db, customer)
            browsers.append((browser, customer.id))
    answers = await asyncio.gather(
        *(put(browser, customer_id, email="one@mill.example") for browser, customer_id in browsers)
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409]


async def test_a_new_phone_is_unproven_and_a_bad_one_is_named(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, email=None, phone="+12165550148", phone_verified_at=func.now())
    await sign_in(client, db, customer)
    status, body = await put(client, customer.id, phone="12")
    assert (status, set(body["fields"])) == (400, {"phone"})
    status, body = await put(client, customer.id, phone="")
    assert (status, set(body["fields"])) == (400, {"phone"})
    _, body = await put(client, customer.id, phone="216 555 0199")
    assert (body["user"]["phone"], body["user"]["phone_verified"]) == ("+12165550199", False)
    status, body = await put(client, customer.id, email="not one", phone=5)
    assert (status, set(body["fields"])) == (400, {"email", "phone"})


async def test_deleting_the_account_leaves_its_orders_in_the_books(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer = await make_customer(db)
    placed = await make_order(db, (await make_product(db), 1), by=as_actor(customer))
    elsewhere = app.test_client()
    await sign_in(client, db, customer)
    await sign_in(elsewhere, db, customer)
    response = await client.delete(f"/api/users/{customer.id}")
    assert (response.status_code, await response.get_data()) == (204, b"")
    for browser in (client, elsewhere):
        assert (await browser.get("/api/auth/me")).status_code == 401
    assert (await post(client, "/api/auth/login", username=customer.username, password=PASSWORD))[0] == 401
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert (order.customer_id, order.total_amount) == (None, Decimal("35.00"))
    kinds = await db.execute(select(OrderEvent.kind).order_by(OrderEvent.id))
    assert list(kinds.scalars()) == ["placed", "unlinked"]
    for table in (Customer, LoginSession, OneTimeCode):
        assert await db.scalar(select(func.count()).select_from(table)) == 0
    entry = (await db.execute(select(AuditEntry))).scalar_one()
    assert (entry.action, entry.record_name) == ("customer.deleted", customer.username)


async def test_an_account_with_a_balance_is_not_deleted(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal("500.00"))
    await make_order(db, (await make_product(db), 1), by=as_actor(customer), payment_method="net30")
    await sign_in(client, db, customer)
    response = await client.delete(f"/api/users/{customer.id}")
    body = await response.get_json()
    assert (response.status_code, body["code"]) == (409, "has_balance")
    assert "$35.00" in body["error"]
    assert (await client.get("/api/auth/me")).status_code == 200


async def test_an_account_with_credit_is_not_deleted_and_its_spent_ledger_stays(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(
        db, phone="+12165550148", billing_street="1 Tower Lane", business_ein="12-3456789", notes="nice"
    )
    await move_credit(db, customer.id, Decimal("12.50"), kind=CreditKind.ADJUSTMENT, by=SYSTEM)
    await sign_in(client, db, customer)
    response = await client.delete(f"/api/users/{customer.id}")
    assert (response.status_code, (await response.get_json())["code"]) == (409, "has_credit")
    await move_credit(db, customer.id, Decimal("-12.50"), kind=CreditKind.ADJUSTMENT, by=SYSTEM)
    await make_customer(db, username=f"deleted-{customer.id}")
    await db.commit()
    assert (await client.delete(f"/api/users/{customer.id}")).status_code == 204
    kept = await read_again(db, customer)
    assert (kept.username, kept.is_active, kept.email, kept.password_hash) == (
        f"deleted-#{customer.id}", False, None, None,
    )  # fmt: skip
    assert (kept.phone, kept.company_name, kept.billing_street, kept.business_ein, kept.notes) == (
        None, "", "", "", "",
    )  # fmt: skip
    assert (await client.get("/api/auth/me")).status_code == 401


async def test_a_number_that_must_not_be_called_outlives_the_account(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, phone="+12165550148", do_not_call=True)
    await sign_in(client, db, customer)
    assert (await client.delete(f"/api/users/{customer.id}")).status_code == 204
    assert await db.scalar(select(Customer.id).where(Customer.id == customer.id)) is None
    assert await is_do_not_call(db, "+12165550148")
    # The person may come back with the same phone.
    status, _ = await post(client, "/api/auth/register", username="again", phone="216 555 0148", password=PASSWORD)
    assert status == 201


async def test_deleting_twice_at_once_deletes_once(app: Quart, committed: Database) -> None:
    browsers = [app.test_client(), app.test_client()]
    async with committed.session() as db:
        customer = await make_customer(db)
        for browser in browsers:
            await sign_in(browser, db, customer)
    answers = await asyncio.gather(*(browser.delete(f"/api/users/{customer.id}") for browser in browsers))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 204
    assert statuses[1] in {401, 404}
