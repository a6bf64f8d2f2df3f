"""Phone codes and phone sessions over HTTP: five attempts, one use, and the same answer for every phone."""

import asyncio
from datetime import timedelta

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import Customer, OneTimeCode, Order
from models.session import Database
from settings import Settings
from tests.factories import PASSWORD, make_customer, make_product, sign_in
from tests.factories.accounts import other_code, post, sent_messages, texted_code, with_settings
from tests.factories.orders import make_order

PHONE = "+12165550148"
SEND = "/api/auth/phone/send-code"
VERIFY = "/api/auth/phone/verify-code"


async def get_phone_session(client: TestClientProtocol, db: AsyncSession) -> str:
    await post(client, SEND, phone=PHONE)
    status, body = await post(client, VERIFY, phone=PHONE, code=await texted_code(db, PHONE))
    assert status == 200
    return str(body["phone_session_token"])


async def test_a_texted_code_opens_a_phone_session(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_customer(db, phone=PHONE)
    await db.commit()
    status, body = await post(client, SEND, phone="216.555.0148")
    assert (status, body["success"], body["expires_in"], set(body)) == (
        200, True, 600, {"success", "message", "expires_in"},
    )  # fmt: skip
    code = await texted_code(db, PHONE)
    kept = (await db.execute(select(OneTimeCode))).scalar_one()
    assert code not in kept.code_hash
    assert timedelta(minutes=9) < kept.expires_at - now() <= timedelta(minutes=10)
    status, body = await post(client, VERIFY, phone="(216) 555-0148", code=f"{code[:3]} {code[3:]}")
    assert (status, set(body)) == (200, {"success", "phone_session_token", "expires_in"})
    assert (body["success"], body["expires_in"]) == (True, 600)
    status, body = await post(client, VERIFY, phone=PHONE, code=code)
    assert (status, body["code"], body["success"]) == (400, "invalid_code", False)


async def test_unknown_shared_and_closed_phones_get_no_code_but_the_same_answer(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_customer(db, phone=PHONE)
    for _ in range(2):
        await make_customer(db, phone="+12165550101")
    await make_customer(db, phone="+12165550102", is_active=False)
    await db.commit()
    phones = (PHONE, "+12165550101", "+12165550102", "+12165550103")
    answers = [await post(client, SEND, phone=phone) for phone in phones]
    assert all(answer == answers[0] for answer in answers)
    assert [len(await sent_messages(db, phone)) for phone in phones] == [1, 0, 0, 0]
    wrong = [await post(client, VERIFY, phone=phone, code="000000x") for phone in phones]
    assert all(answer == wrong[0] for answer in wrong)
    assert (wrong[0][0], wrong[0][1]["code"]) == (400, "invalid_code")


@pytest.mark.parametrize("path", [SEND, VERIFY])
async def test_a_phone_that_cannot_be_dialled_is_named(client: TestClientProtocol, path: str) -> None:
    status, body = await post(client, path, phone="111", code="123456")
    assert (status, set(body["fields"]), body["success"]) == (400, {"phone"}, False)
    status, body = await post(client, path)
    assert (status, "phone" in body["fields"]) == (400, True)


async def test_five_attempts_burn_a_code(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_customer(db, phone=PHONE)
    await db.commit()
    await post(client, SEND, phone=PHONE)
    code = await texted_code(db, PHONE)
    for _ in range(5):
        assert (await post(client, VERIFY, phone=PHONE, code=other_code(code)))[0] == 400
    assert (await post(client, VERIFY, phone=PHONE, code=code))[0] == 400
    await post(client, SEND, phone=PHONE)
    assert (await post(client, VERIFY, phone=PHONE, code=await texted_code(db, PHONE)))[0] == 200


async def test_a_hundred_attempts_at_once_are_five(app: Quart, committed: Database) -> None:
    async with committed.separate_transaction() as db:
        await make_customer(db, phone=PHONE)
    await post(app.test_client(), SEND, phone=PHONE)
    async with committed.session() as db:
        code = await texted_code(db, PHONE)
    guesses = [f"{(int(code) + 1 + number) % 1_000_000:06d}" for number in range(30)]
    answers = await asyncio.gather(*(post(app.test_client(), VERIFY, phone=PHONE, code=guess) for guess in guesses))
    assert {status for status, _ in answers} == {400}
    async with committed.session() as db:
        assert (await db.execute(select(OneTimeCode.attempts))).scalar_one() == 5
    assert (await post(app.test_client(), VERIFY, phone=PHONE, code=code))[0] == 400


async def test_the_right_code_twice_at_once_opens_one_session(app: Quart, committed: Database) -> None:
    async with committed.separate_transaction() as db:
        await make_customer(db, phone=PHONE)
    await post(app.test_client(), SEND, phone=PHONE)
    async with committed.session() as db:
        code = await texted_code(db, PHONE)
    answers = await asyncio.gather(*(post(app.test_client(), VERIFY, phone=PHONE, code=code) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400, 400]


async def test_an_old_code_and_one_that_was_replaced_are_worthless(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_customer(db, phone=PHONE)
    await db.commit()
    await post(client, SEND, phone=PHONE)
    first = await texted_code(db, PHONE)
    await post(client, SEND, phone=PHONE)
    second = await texted_code(db, PHONE)
    if first != second:
        assert (await post(client, VERIFY, phone=PHONE, code=first))[0] == 400
    await db.execute(update(OneTimeCode).values(expires_at=now()))
    await db.commit()
    assert (await post(client, VERIFY, phone=PHONE, code=second))[0] == 400


async def test_no_phone_gets_more_than_three_codes_an_hour(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_customer(db, phone=PHONE)
    await db.commit()
    for _ in range(5):
        assert (await post(client, SEND, phone=PHONE))[0] == 200
    assert len(await sent_messages(db, PHONE)) == 3


async def test_a_phone_session_tells_the_masked_username_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_customer(db, username="oldmill", phone=PHONE)
    await db.commit()
    token = await get_phone_session(client, db)
    assert await post(client, "/api/auth/phone/username", phone_session_token=token) == (
        200, {"username": "o*****l"},
    )  # fmt: skip
    for path in ("/api/auth/phone/username", "/api/auth/phone/reset-password"):
        status, body = await post(client, path, phone_session_token=token, password="a-better-one")
        assert (status, body["code"], set(body["fields"])) == (400, "invalid_token", {"phone_session_token"})


async def test_a_phone_session_sets_a_password_once_and_ends_every_session(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer = await make_customer(db, phone=PHONE)
    elsewhere = app.test_client()
    await sign_in(elsewhere, db, customer)
    token = await get_phone_session(client, db)
    path = "/api/auth/phone/reset-password"
    status, body = await post(client, path, phone_session_token=token, password="password")
    assert (status, body["code"]) == (400, "weak_password")
    assert (await post(client, path, phone_session_token=token, password="a-better-one"))[0] == 200
    assert (await post(client, path, phone_session_token=token, password="of-a-thief"))[0] == 400
    assert (await elsewhere.get("/api/auth/me")).status_code == 401
    assert (await post(client, "/api/auth/login", username=customer.username, password="a-better-one"))[0] == 200
    [notice] = await sent_messages(db, str(customer.email), "security_notice")
    assert "with a code sent to its phone" in notice.body_text


async def test_a_phone_session_used_twice_at_once_works_once(app: Quart, committed: Database) -> None:
    async with committed.separate_transaction() as db:
        await make_customer(db, phone=PHONE)
    async with committed.session() as db:
        token = await get_phone_session(app.test_client(), db)
    answers = await asyncio.gather(
        *(post(app.test_client(), "/api/auth/phone/username", phone_session_token=token) for _ in range(4))
    )
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400]


async def test_a_phone_session_is_dead_after_ten_minutes_or_with_another_phone(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, phone=PHONE)
    await db.commit()
    token = await get_phone_session(client, db)
    customer.phone = "+12165550199"
    await db.commit()
    assert (await post(client, "/api/auth/phone/username", phone_session_token=token))[0] == 400
    customer.phone = PHONE
    await db.execute(update(OneTimeCode).values(expires_at=now()))
    await db.commit()
    assert (await post(client, "/api/auth/phone/username", phone_session_token=token))[0] == 400


async def test_a_code_verifies_an_account_without_email_and_links_its_orders(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, email=None, email_verified_at=None, phone=PHONE)
    placed = await make_order(db, (await make_product(db), 1), delivery_phone=PHONE)
    await db.commit()
    await get_phone_session(client, db)
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert order.customer_id == customer.id
    assert (await post(client, "/api/auth/login", username=customer.username, password=PASSWORD))[0] == 200


async def test_a_strangers_number_in_an_account_does_not_bring_it_the_strangers_orders(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, phone=PHONE)
    placed = await make_order(db, (await make_product(db), 1), delivery_phone=PHONE)
    await db.commit()
    await get_phone_session(client, db)
    # The stranger's code proves the phone to be the stranger's, not the account's.
    assert (await db.get_one(Order, placed.written.id, populate_existing=True)).customer_id is None
    await sign_in(client, db, customer)
    await get_phone_session(client, db)
    assert (await db.get_one(Order, placed.written.id, populate_existing=True)).customer_id == customer.id
    assert (await db.get_one(Customer, customer.id, populate_existing=True)).phone_verified_at is not None


async def test_a_guest_with_an_order_proves_the_phone_to_track_it(client: TestClientProtocol, db: AsyncSession) -> None:
    placed = await make_order(db, (await make_product(db), 1), delivery_phone=PHONE)
    await db.commit()
    token = await get_phone_session(client, db)
    rows = await (await client.get(f"/api/orders/phone/{PHONE}?phone_session_token={token}")).get_json()
    assert [row["order_number"] for row in rows] == [placed.written.order_number]
    assert (await post(client, "/api/auth/phone/username", phone_session_token=token))[0] == 400


async def test_debug_tokens_show_the_code(settings: Settings, database: Database) -> None:
    client = with_settings(settings, debug_tokens=True)
    async with database.session() as db:
        await make_customer(db, phone=PHONE)
        await db.commit()
        _, body = await post(client, SEND, phone=PHONE)
        assert body["debug_code"] == await texted_code(db, PHONE)
        _, body = await post(client, SEND, phone="+12165550103")
        assert "debug_code" not in body
        assert await db.scalar(select(func.count()).select_from(OneTimeCode)) == 1
