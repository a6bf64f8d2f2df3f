"""What other programs are notified of: written with the act, sent at least once, in order, signed."""

import asyncio
from typing import Any

import orjson
import pytest
import standardwebhooks
from pydantic import ValidationError
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import decrypt, encrypt
from domain.kernel.actor import SYSTEM
from domain.kernel.errors import InvalidInput
from domain.order_desk.delete import delete_order
from domain.webhooks.deliver import PAUSES, deliver_to, queue_due_deliveries
from domain.webhooks.deliveries import replay_failed, send_test
from domain.webhooks.endpoints import CreateEndpoint, create_endpoint, rotate_sealed_secrets, rotate_secret, set_active
from integrations.errors import ServiceRefused
from integrations.webhook_client import is_outside, open_sender
from models import EventKind, Role, WebhookDelivery, WebhookEndpoint
from models.session import Database, separate_transaction
from settings import Settings
from tests.conftest import SECRET
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import make_order
from tests.fakes.http_server import FakeHttp, fake_http

OLDER = "an older data key of the tests, long enough"
EVERY: list[EventKind] = [kind for kind in EventKind if kind is not EventKind.TEST]
IMPORTED = """
INSERT INTO orders (order_number, source, status, payment_method, payment_status, delivery_name)
VALUES ('OLD-1', 'import', 'delivered', 'cash', 'paid', 'Greta Lindqvist')
"""
DUE = "UPDATE webhook_delivery SET next_attempt_at = now() WHERE state = 'queued'"


async def subscribe(url: str, kinds: list[EventKind] = EVERY) -> tuple[int, str]:
    """An endpoint at this address: its id and its secret."""
    async with separate_transaction() as db:
        data = CreateEndpoint(name="Accounting", url=url, kinds=kinds)
        made = await create_endpoint(db, data, needs_https=False, by=SYSTEM)
    return made.id, made.secret


async def placed(db: AsyncSession) -> int:
    """The id of an order just placed."""
    return (await make_order(db, (await make_product(db), 1))).written.id


def kinds_of(fake: FakeHttp) -> list[str]:
    return [orjson.loads(body)["type"] for _, _, body in fake.requests]


async def rows(database: Database) -> list[tuple[Any, ...]]:
    async with database.session() as db:
        columns = (WebhookDelivery.kind, WebhookDelivery.state, WebhookDelivery.attempts)
        return [tuple(row) for row in await db.execute(select(*columns).order_by(WebhookDelivery.id))]


async def test_an_order_tells_its_whole_way_in_order(committed: Database, settings: Settings) -> None:
    async with fake_http(*[(200, {})] * 4) as fake:
        endpoint_id, secret = await subscribe(fake.url)
        async with separate_transaction() as db:
            order_id = await placed(db)
        for change in ("payment_status = 'paid'", "status = 'shipped'", "status = 'delivered'"):
            async with separate_transaction() as db:
                await db.execute(text(f"UPDATE orders SET {change} WHERE id = :id"), {"id": order_id})
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 4
    assert kinds_of(fake) == ["order.placed", "order.paid", "order.shipped", "order.delivered"]
    for _, headers, body in fake.requests:
        said = standardwebhooks.Webhook(secret).verify(body, headers)
        assert (said["data"]["id"], said["data"]["source"]) == (order_id, "web")
    assert len({headers["webhook-id"] for _, headers, _ in fake.requests}) == 4


async def test_an_order_is_deleted_in_silence(committed: Database) -> None:
    await subscribe("http://127.0.0.1:9/")
    async with separate_transaction() as db:
        order_id = await placed(db)
        await delete_order(db, order_id, by=as_actor(await make_staff(db, Role.MANAGER)))
    assert await rows(committed) == [("order.placed", "queued", 0)]


async def test_no_order_waits_for_the_message_of_another(committed: Database) -> None:
    await subscribe("http://127.0.0.1:9/")
    async with committed.session() as first, committed.session() as second:
        await placed(first)
        await second.execute(text("SET LOCAL lock_timeout = '2s'"))
        await placed(second)
        await second.commit()
        await first.commit()
    assert await rows(committed) == [("order.placed", "queued", 0)] * 2


async def test_one_run_at_a_time_sends_for_an_endpoint(committed: Database, settings: Settings) -> None:
    async with fake_http((200, {})) as fake:
        endpoint_id, _ = await subscribe(fake.url)
        async with separate_transaction() as db:
            await placed(db)
            await db.execute(text("UPDATE webhook_endpoint SET busy_until = now() + interval '1 minute'"))
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 0
        async with separate_transaction() as db:
            await db.execute(text("UPDATE webhook_endpoint SET busy_until = now() - interval '1 second'"))
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 1  # the worker that had it died


async def test_what_is_rolled_back_is_told_to_nobody(committed: Database) -> None:
    await subscribe("http://127.0.0.1:9/")
    async with committed.session() as db:
        await placed(db)
        await db.rollback()
    assert await rows(committed) == []


async def test_an_import_tells_nobody_of_old_orders(committed: Database) -> None:
    await subscribe("http://127.0.0.1:9/")
    async with separate_transaction() as db:
        await db.execute(text(IMPORTED))
    assert await rows(committed) == []


async def test_a_product_that_falls_to_its_level_is_told_once(committed: Database) -> None:
    await subscribe("http://127.0.0.1:9/", [EventKind.PRODUCT_LOW])
    async with separate_transaction() as db:
        product = await make_product(db, stock=12, reorder_level=10)
    for level in (11, 10, 9, 30, 4):
        async with separate_transaction() as db:
            await db.execute(
                text("UPDATE product SET stock_quantity = :level WHERE id = :id"), {"level": level, "id": product.id}
            )
    assert await rows(committed) == [("product.low", "queued", 0)] * 2


async def test_a_later_message_about_an_order_waits_for_the_earlier_one(
    committed: Database, settings: Settings
) -> None:
    async with fake_http((500, {}), (200, {}), (200, {}), (200, {})) as fake:
        endpoint_id, _ = await subscribe(fake.url, [EventKind.ORDER_PLACED, EventKind.ORDER_PAID])
        async with separate_transaction() as db:
            first = await placed(db)
        async with separate_transaction() as db:
            await db.execute(text("UPDATE orders SET payment_status = 'paid' WHERE id = :id"), {"id": first})
        assert await deliver_to(endpoint_id, settings) == {"delivered": 0, "put_off": 1}
        assert await rows(committed) == [("order.placed", "queued", 1), ("order.paid", "queued", 0)]
        async with separate_transaction() as db:
            await placed(db)
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 1  # the other order is not kept waiting
        async with separate_transaction() as db:
            await db.execute(text(DUE))
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 2
    assert kinds_of(fake) == ["order.placed", "order.placed", "order.placed", "order.paid"]
    assert fake.requests[0][1]["webhook-id"] == fake.requests[2][1]["webhook-id"]


async def test_after_the_last_try_a_message_is_given_up_and_can_be_sent_again(
    committed: Database, settings: Settings
) -> None:
    tries = len(PAUSES) + 1
    async with fake_http(*[None] * tries, (200, {})) as fake:
        endpoint_id, _ = await subscribe(fake.url)
        async with separate_transaction() as db:
            await placed(db)
        for _ in range(tries):
            async with separate_transaction() as db:
                await db.execute(text(DUE))
            await deliver_to(endpoint_id, settings)
        assert await rows(committed) == [("order.placed", "failed", tries)]
        async with separate_transaction() as db:
            assert await replay_failed(db, endpoint_id, by=SYSTEM) == 1
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 1
    assert len({headers["webhook-id"] for _, headers, _ in fake.requests}) == 1


async def test_a_receiver_that_is_gone_is_left_alone_until_it_is_turned_on_again(
    committed: Database, settings: Settings
) -> None:
    async with fake_http((410, {}), (200, {})) as fake:
        endpoint_id, _ = await subscribe(fake.url)
        async with separate_transaction() as db:
            await placed(db)
        await deliver_to(endpoint_id, settings)
        async with committed.session() as db:
            endpoint = await db.get_one(WebhookEndpoint, endpoint_id)
        assert (endpoint.is_active, endpoint.disabled_reason) == (
            False,
            "It answered 410: it accepts no more messages.",
        )
        async with separate_transaction() as db:
            await placed(db)
            await set_active(db, endpoint_id, is_active=True, by=SYSTEM)
        assert await deliver_to(endpoint_id, settings) == {"delivered": 1, "put_off": 0}
    assert await rows(committed) == [("order.placed", "delivered", 2)]  # what happened meanwhile was not for it


async def test_a_worker_that_dies_while_sending_leaves_the_message_to_the_next(
    committed: Database, settings: Settings
) -> None:
    async with fake_http((200, {})) as fake:
        endpoint_id, _ = await subscribe(fake.url)
        async with separate_transaction() as db:
            await placed(db)
            await db.execute(text("UPDATE webhook_delivery SET next_attempt_at = now() + interval '1 minute'"))
        assert (await deliver_to(endpoint_id, settings), await queue_due_deliveries()) == (
            {"delivered": 0, "put_off": 0},
            0,
        )
        async with separate_transaction() as db:
            await db.execute(text(DUE))
        assert await queue_due_deliveries() == 1
        assert (await deliver_to(endpoint_id, settings))["delivered"] == 1


async def test_a_rotation_of_data_keys_reaches_the_older_secret_too(committed: Database) -> None:
    endpoint_id, _ = await subscribe("http://127.0.0.1:9/")
    async with separate_transaction() as db:
        endpoint = await db.get_one(WebhookEndpoint, endpoint_id)
        context = f"webhook_endpoint:{endpoint_id}"
        endpoint.older_sealed_secret = encrypt("whsec_AAAA", [OLDER], context)
    async with separate_transaction() as db:
        assert await rotate_sealed_secrets(db, [SECRET, OLDER]) == 1
    async with committed.session() as db:
        endpoint = await db.get_one(WebhookEndpoint, endpoint_id)
    assert decrypt(endpoint.older_sealed_secret or "", [SECRET], context) == "whsec_AAAA"


async def test_after_a_rotation_both_secrets_verify_for_a_day(committed: Database, settings: Settings) -> None:
    async with fake_http((200, {}), (200, {})) as fake:
        endpoint_id, older = await subscribe(fake.url)
        async with separate_transaction() as db:
            newer = (await rotate_secret(db, endpoint_id, by=SYSTEM)).secret
            await send_test(db, endpoint_id, by=SYSTEM)
        await deliver_to(endpoint_id, settings)
        async with separate_transaction() as db:
            await db.execute(update(WebhookEndpoint).values(older_until=text("now() - interval '1 second'")))
            await send_test(db, endpoint_id, by=SYSTEM)
        await deliver_to(endpoint_id, settings)
    (_, both, first), (_, only_newer, second) = fake.requests
    for secret in (older, newer):
        standardwebhooks.Webhook(secret).verify(first, both)
    standardwebhooks.Webhook(newer).verify(second, only_newer)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(older).verify(second, only_newer)


async def test_an_endpoint_is_no_way_into_our_own_network() -> None:
    async with open_sender(may_be_inside=False) as sender:
        with pytest.raises(ServiceRefused, match="leads into a private network"):
            await sender.send("https://127.0.0.1/", b"{}", message_id="msg_1", timestamp=1, secrets=["whsec_AAAA"])


async def test_a_name_that_answers_otherwise_a_moment_later_is_no_way_in_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    ask = loop.getaddrinfo
    answers: list[str] = ["192.0.9.1"]

    async def answer(host: Any, port: Any, **values: Any) -> Any:
        return await ask(answers.pop() if answers else "127.0.0.1", port, **values)

    async with fake_http((200, {})) as fake, open_sender(may_be_inside=False) as sender:
        monkeypatch.setattr(loop, "getaddrinfo", answer)
        url = fake.url.replace("127.0.0.1", "hook.example")
        with pytest.raises(ServiceRefused, match=r"hook\.example leads into a private network"):
            await sender.send(url, b"{}", message_id="msg_1", timestamp=1, secrets=["whsec_AAAA"])
    assert (answers, fake.requests) == ([], [])


@pytest.mark.parametrize(
    ("address", "is_out"),
    [
        ("192.0.9.1", True),
        ("2606:4700::1", True),
        ("64:ff9b::c000:901", True),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("fe80::1%lo", False),
        ("ff0e::1", False),
    ],
)
def test_addresses_of_our_own_network_are_known_in_every_guise(address: str, is_out: bool) -> None:
    assert is_outside(address) == is_out


NOWHERE = [
    "https://hook.example:99999/",
    "https://hook.example:abc/",
    "https://hook.example:0/",
    "https://a..b/",
    f"https://{'a' * 70}.example/",
    "https://\u2024.example/",
    "https://hook\t.example/",
    "https://me@hook.example/",
    "https://hook.example/#here",
    "ftp://hook.example/",
    "https://",
]


@pytest.mark.parametrize("url", NOWHERE)
def test_an_address_that_nothing_can_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL"):
        CreateEndpoint(name="Accounting", url=url, kinds=EVERY)


async def test_an_endpoint_of_before_that_leads_nowhere_is_turned_off(committed: Database, settings: Settings) -> None:
    endpoint_id, _ = await subscribe("https://hook.example/")
    async with separate_transaction() as db:
        await db.execute(update(WebhookEndpoint).values(url=NOWHERE[1]))
        await send_test(db, endpoint_id, by=SYSTEM)
    await deliver_to(endpoint_id, settings)
    async with committed.session() as db:
        endpoint = await db.get_one(WebhookEndpoint, endpoint_id)
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "Messages can't be sent to this URL.")


async def test_production_takes_https_only(committed: Database) -> None:
    data = CreateEndpoint(name="Plain", url="http://shop.example/hook", kinds=[EventKind.ORDER_PAID])
    async with committed.session() as db:
        with pytest.raises(InvalidInput, match="must begin with https"):
            await create_endpoint(db, data, needs_https=True, by=SYSTEM)
