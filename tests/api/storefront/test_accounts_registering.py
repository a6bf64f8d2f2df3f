"""Opening accounts over HTTP: who may, what is refused, and how an email or a phone is proven."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import AuditEntry, Customer, OneTimeCode, Order, OrderEvent, OutboxMessage
from models.session import Database
from settings import Settings
from tests.factories import PASSWORD, as_actor, make_customer, make_product, next_number, sign_in
from tests.factories.accounts import mailed_token, post, sent_messages, texted_code, with_settings
from tests.factories.orders import DELIVERY, make_order

USER_KEYS = {
    "id", "username", "email", "first_name", "last_name", "company_name", "phone", "shipping_address",
    "billing_address", "email_verified", "phone_verified",
}  # fmt: skip
GOOD = {"username": "OldMill", "email": "Greta@OldMill.example", "password": PASSWORD}
CHECKOUT = DELIVERY | {"email": "greta@oldmill.example", "password": PASSWORD}


async def count_customers(db: AsyncSession) -> int:
    return await db.scalar(select(func.count()).select_from(Customer)) or 0


async def customer_named(db: AsyncSession, username: str) -> Customer:
    statement = select(Customer).where(Customer.username == username).execution_options(populate_existing=True)
    return (await db.execute(statement)).scalar_one()


async def owner_of(db: AsyncSession, order_number: str) -> int | None:
    return (await db.execute(select(Order.customer_id).where(Order.order_number == order_number))).scalar_one()


async def test_registering_opens_an_account_that_waits_for_its_email(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    more = {
        "company_name": "Old Mill Tavern", "phone": "216 555 0148", "business_type": "Tavern",
        "business_ein": "12-3456789", "resale_certificate": "OH-1", "state_of_operation": "OH",
    }  # fmt: skip
    status, body = await post(client, "/api/auth/register", **GOOD, **more)
    assert status == 201
    assert set(body) == {"message", "email_verification_required", "phone_verification_required", "user"}
    assert (body["email_verification_required"], body["phone_verification_required"]) == (True, False)
    assert set(body["user"]) == USER_KEYS
    assert body["user"]["email"] == "greta@oldmill.example"
    assert body["user"]["phone"] == "+12165550148"
    assert body["user"]["email_verified"] is False
    kept = await customer_named(db, "OldMill")
    assert kept.password_hash is not None
    assert kept.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (kept.business_type, kept.business_ein, kept.resale_certificate, kept.state_of_operation) == (
        "Tavern", "12-3456789", "OH-1", "OH",
    )  # fmt: skip
    [mail] = await sent_messages(db, "greta@oldmill.example")
    assert "http://127.0.0.1:8000/verify-email?token=" in mail.body_text
    status, body = await post(client, "/api/auth/login", username="oldmill", password=PASSWORD)
    assert (status, body["code"], body["email_verification_required"]) == (
        403, "email_verification_required", True,
    )  # fmt: skip
    audit = (await db.execute(select(AuditEntry))).scalar_one()
    assert (audit.action, audit.actor_id) == ("customer.registered", kept.id)
    assert "password" not in str(audit.after)


async def test_the_mailed_link_verifies_once_and_then_signing_in_works(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await post(client, "/api/auth/register", **GOOD)
    token = await mailed_token(db, "greta@oldmill.example", "verify_email")
    assert (await db.execute(select(OneTimeCode.code_hash))).scalar_one() != token
    status, body = await post(client, "/api/auth/verify-email", token=token)
    assert (status, body["user"]["email_verified"]) == (200, True)
    status, body = await post(client, "/api/auth/verify-email", token=token)
    assert (status, body["code"]) == (400, "invalid_token")
    assert (await post(client, "/api/auth/login", username="oldmill", password=PASSWORD))[0] == 200


async def test_a_link_older_than_48_hours_does_not_verify(client: TestClientProtocol, db: AsyncSession) -> None:
    await post(client, "/api/auth/register", **GOOD)
    token = await mailed_token(db, "greta@oldmill.example", "verify_email")
    code = (await db.execute(select(OneTimeCode))).scalar_one()
    assert timedelta(hours=47, minutes=59) < code.expires_at - now() <= timedelta(hours=48)
    code.expires_at = now()
    await db.commit()
    assert (await post(client, "/api/auth/verify-email", token=token))[0] == 400


async def test_a_link_used_twice_at_once_verifies_once(app: Quart, committed: Database) -> None:
    await post(app.test_client(), "/api/auth/register", **GOOD)
    async with committed.session() as db:
        token = await mailed_token(db, "greta@oldmill.example", "verify_email")
    answers = await asyncio.gather(*(post(app.test_client(), "/api/auth/verify-email", token=token) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400, 400]


@pytest.mark.parametrize("name", ["deleted-5", "Deleted-x", "a\u00bd", "\ufdfa", "\ufb03" * 70, "x\u0301y"])
async def test_a_name_that_becomes_another_kind_of_name_is_refused(client: TestClientProtocol, db, name: str) -> None:
    status, body = await post(client, "/api/auth/register", **GOOD | {"username": name})
    assert (status, set(body["fields"])) == (400, {"username"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "OLDMILL"}, "username"),
        ({"email": "GRETA@oldmill.example"}, "email"),
        ({"phone": "(216) 555-0148"}, "phone"),
    ],
)
async def test_a_taken_username_email_or_phone_is_refused(
    client: TestClientProtocol, db: AsyncSession, change: dict[str, str], field: str
) -> None:
    await make_customer(db, username="OldMill", email="greta@oldmill.example", phone="+12165550148")
    await db.commit()
    fresh = {"username": "other", "email": "other@kitchen.example", "password": PASSWORD}
    status, body = await post(client, "/api/auth/register", **(fresh | change))
    assert (status, body["duplicate_field"], body["code"]) == (409, field, f"{field}_taken")
    assert body["hint"].endswith(".")
    assert await count_customers(db) == 1


async def test_all_bad_fields_are_named_at_once(client: TestClientProtocol, db: AsyncSession) -> None:
    status, body = await post(client, "/api/auth/register", username="a@b.example", phone="12", password="123456")
    assert (status, set(body["fields"])) == (400, {"username", "phone", "password"})
    status, body = await post(client, "/api/auth/register", username="a", password=PASSWORD)
    assert (status, set(body["fields"])) == (400, {"email", "phone"})
    status, body = await post(client, "/api/auth/register", username="a", email="no", password="")
    assert (status, set(body["fields"])) == (400, {"email", "password"})
    status, body = await post(client, "/api/auth/register", **(GOOD | {"password": "short"}))
    assert (status, body["code"], set(body["fields"])) == (400, "weak_password", {"password"})
    assert (await client.post("/api/auth/register", form=GOOD)).status_code == 415
    assert await count_customers(db) == 0


async def test_two_who_register_at_once_get_one_account(app: Quart, committed: Database) -> None:
    def body(number: int) -> dict[str, Any]:
        return {"username": f"mill{number}", "phone": "+12165550148", "password": PASSWORD}

    same_phone = await asyncio.gather(
        *(post(app.test_client(), "/api/auth/register", **body(number)) for number in range(4))
    )
    assert sorted(status for status, _ in same_phone) == [201, 409, 409, 409]
    assert {answer["duplicate_field"] for status, answer in same_phone if status == 409} == {"phone"}
    same_name = await asyncio.gather(*(post(app.test_client(), "/api/auth/register", **GOOD) for _ in range(4)))
    assert sorted(status for status, _ in same_name) == [201, 409, 409, 409]


async def test_without_an_email_a_texted_code_opens_the_account(client: TestClientProtocol, db: AsyncSession) -> None:
    status, body = await post(client, "/api/auth/register", username="mill", phone="216-555-0148", password=PASSWORD)
    assert (status, body["email_verification_required"], body["phone_verification_required"]) == (201, False, True)
    login = {"username": "mill", "password": PASSWORD}
    status, body = await post(client, "/api/auth/login", **login)
    assert (status, body["code"]) == (403, "phone_verification_required")
    code = await texted_code(db, "+12165550148")
    assert (await post(client, "/api/auth/phone/verify-code", phone="2165550148", code=code))[0] == 200
    status, body = await post(client, "/api/auth/login", **login)
    assert (status, body["user"]["phone_verified"], body["user"]["email"]) == (200, True, None)


async def test_the_link_is_mailed_again_with_the_same_answer_for_everybody(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_customer(db, username="done", email="done@kitchen.example")
    await db.commit()
    await post(client, "/api/auth/register", **GOOD)
    same = set()
    for name in ("greta@oldmill.example", "OldMill", "done@kitchen.example", "nobody@kitchen.example"):
        status, body = await post(client, "/api/auth/resend-verification", email=name)
        same.add((status, body["message"], body["email_sent"], len(body)))
    assert len(same) == 1
    assert len(await sent_messages(db, "greta@oldmill.example", "verify_email")) == 3
    assert await sent_messages(db, "done@kitchen.example") == []
    # The fourth within the hour is not sent, and answered as ever.
    assert (await post(client, "/api/auth/resend-verification", email="oldmill"))[0] == 200
    assert await db.scalar(select(func.count()).select_from(OutboxMessage)) == 3


async def test_debug_tokens_show_what_would_be_mailed(settings: Settings, database: Database) -> None:
    client = with_settings(settings, debug_tokens=True, storefront_url="https://shop.example/")
    _, body = await post(client, "/api/auth/register", **GOOD)
    async with database.session() as db:
        assert body["debug_token"] == await mailed_token(db, "greta@oldmill.example", "verify_email")
        [mail] = await sent_messages(db, "greta@oldmill.example")
    assert "https://shop.example/verify-email?token=" in mail.body_text
    assert (await post(client, "/api/auth/verify-email", token=body["debug_token"]))[0] == 200
    _, body = await post(client, "/api/auth/forgot-password", identifier="oldmill")
    assert (await post(client, "/api/auth/reset-password", token=body["debug_token"], password="a-new-one"))[0] == 200
    _, body = await post(client, "/api/auth/forgot-password", identifier="nobody")
    assert "debug_token" not in body


async def test_registration_is_limited_by_address(settings: Settings, committed: Database) -> None:
    client = with_settings(settings, rate_limits="on")
    for _ in range(10):
        assert (await post(client, "/api/auth/register", username="a"))[0] == 400
    response = await client.post("/api/orders/create-account", json=CHECKOUT)
    assert response.status_code == 429
    assert 3500 < int(response.headers["Retry-After"]) <= 3600


async def test_guest_orders_follow_only_once_the_email_is_proven(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db)
    other = await make_customer(db)
    mine = await make_order(db, (pan, 1), delivery_email="greta@oldmill.example")
    by_phone = await make_order(db, (pan, 1), delivery_phone="2165550148")
    theirs = await make_order(db, (pan, 1), by=as_actor(other), delivery_email="greta@oldmill.example")
    await db.commit()
    await post(client, "/api/auth/register", **GOOD, phone="2165550148")
    assert await owner_of(db, mine.written.order_number) is None
    await post(client, "/api/auth/verify-email", token=await mailed_token(db, "greta@oldmill.example", "verify_email"))
    me = await customer_named(db, "OldMill")
    assert await owner_of(db, mine.written.order_number) == me.id
    # The phone is not proven, so its order may be somebody else's; an order with an owner keeps them.
    assert await owner_of(db, by_phone.written.order_number) is None
    assert await owner_of(db, theirs.written.order_number) == other.id
    events = await db.execute(select(OrderEvent.kind).where(OrderEvent.order_id == mine.written.id))
    assert list(events.scalars()) == ["placed", "linked"]


async def test_a_guest_turns_customer_at_checkout_and_the_order_follows(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db)
    placed = await make_order(db, (pan, 1), delivery_phone="2165550148", delivery_email="boss@oldmill.example")
    await db.commit()
    number = placed.written.order_number
    status, body = await post(
        client,
        "/api/orders/create-account",
        **CHECKOUT,
        delivery_phone="216.555.0148",
        delivery_company="Old Mill Tavern",
        order_number=number.lower(),
    )
    assert (status, body["success"]) == (201, True)
    assert body["user"] | {"id": 0} == {
        "id": 0, "username": "greta@oldmill.example", "email": "greta@oldmill.example", "first_name": "Greta",
        "last_name": "Lindqvist", "company_name": "Old Mill Tavern", "phone": "+12165550148",
        "shipping_address": "88 Grist Road, Alder Falls, OH 44099", "billing_address": "", "email_verified": False,
        "phone_verified": False,
    }  # fmt: skip
    assert await owner_of(db, number) is None
    token = await mailed_token(db, "greta@oldmill.example", "verify_email")
    assert (await post(client, "/api/auth/verify-email", token=token))[0] == 200
    assert await owner_of(db, number) == body["user"]["id"]
    status, body = await post(client, "/api/orders/create-account", **CHECKOUT)
    assert (status, body["success"], body["duplicate_field"]) == (409, False, "username")


@pytest.mark.parametrize(
    ("taken", "field"), [({"email": "greta@oldmill.example"}, "email"), ({"phone": "+12165550148"}, "delivery_phone")]
)
async def test_an_account_at_checkout_takes_nobodys_email_or_phone(
    client: TestClientProtocol, db: AsyncSession, taken: dict[str, str], field: str
) -> None:
    await make_customer(db, **taken)
    status, body = await post(client, "/api/orders/create-account", **CHECKOUT, delivery_phone="2165550148")
    name = next(iter(taken))
    assert (status, body["code"], body["duplicate_field"]) == (409, f"{name}_taken", name)
    assert list(body["fields"]) == [field]


@pytest.mark.parametrize("kind", ["other contact", "guessable number", "somebody's", "unknown"])
async def test_an_order_that_is_not_the_guests_own_is_not_claimed(
    client: TestClientProtocol, db: AsyncSession, kind: str
) -> None:
    owner = await make_customer(db)
    placed = await make_order(
        db,
        (await make_product(db), 1),
        by=as_actor(owner),
        delivery_phone="2165550199" if kind == "other contact" else "2165550148",
    )
    number = placed.written.order_number
    if kind != "somebody's":
        await db.execute(update(Order).values(customer_id=None))
    if kind == "guessable number":
        number = "1001"
        await db.execute(update(Order).values(order_number=number))
    await db.commit()
    sent = "LLD-2222-2222" if kind == "unknown" else number
    status, _ = await post(
        client, "/api/orders/create-account", **CHECKOUT, delivery_phone="2165550148", order_number=sent
    )
    assert status == 201
    token = await mailed_token(db, "greta@oldmill.example", "verify_email")
    assert (await post(client, "/api/auth/verify-email", token=token))[0] == 200
    assert await owner_of(db, number) == (owner.id if kind == "somebody's" else None)


async def test_bad_checkout_fields_are_named(client: TestClientProtocol) -> None:
    status, body = await post(client, "/api/orders/create-account", email="x", password=PASSWORD)
    assert (status, body["success"]) == (400, False)
    assert set(body["fields"]) == {
        "email", "delivery_name", "delivery_address", "delivery_city", "delivery_state", "delivery_zip",
    }  # fmt: skip
    status, body = await post(client, "/api/orders/create-account", **CHECKOUT, delivery_phone="12")
    assert (status, set(body["fields"])) == (400, {"delivery_phone"})


async def test_a_signed_in_customer_sees_the_linked_order(client: TestClientProtocol, db: AsyncSession) -> None:
    email = f"linked{next_number()}@kitchen.example"
    placed = await make_order(db, (await make_product(db), 1), delivery_email=email)
    await db.commit()
    await post(client, "/api/auth/register", username="linked", email=email, password=PASSWORD)
    await post(client, "/api/auth/verify-email", token=await mailed_token(db, email, "verify_email"))
    await sign_in(client, db, await customer_named(db, "linked"))
    orders = await (await client.get("/api/orders")).get_json()
    assert [order["order_number"] for order in orders] == [placed.written.order_number]
