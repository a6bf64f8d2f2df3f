"""Money: four concurrent confirmations, shuffled events, lost answers, and competition for the same credit."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2

from domain.payments.reconcile import reconcile_payments
from integrations.stripe_client import close_stripe
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import check, proving_database, running_servers, staff_token, worker_beside
from settings import Settings, load_settings
from tests.factories import as_actor, make_customer, make_product
from tests.factories.orders import make_order
from tests.fakes.stripe_server import BANK, DECLINED, SECRET_KEY, WEBHOOK_SECRET, FakeStripe, with_stripe

PRICE = Decimal("400.00")
TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
LATER = timedelta(days=1)
# What must be equal in both databases: each order's amounts, payment rows, and timeline.
BOOKS = """
SELECT o.id, o.amount_paid, o.payment_status, o.attention, p.amount, p.applied_amount, p.state, p.provider_id,
  (SELECT string_agg(e.kind, ' ' ORDER BY e.kind) FROM order_event e WHERE e.order_id = o.id) AS timeline
FROM orders o LEFT JOIN payment p ON p.order_id = o.id ORDER BY o.id, p.provider_id
"""


async def prove(*, orders: int = 200, events: int = 1000, lossy: int = 120, applies: int = 200) -> None:
    """Run the four proofs, each on a database of its own."""
    await prove_one(confirm_four_ways, orders)
    await prove_one(shuffle_events, events)
    await prove_one(lose_answers, lossy)
    await prove_one(rival_for_credit, applies)


async def prove_one(act: Callable[[FakeStripe, int], Awaitable[None]], size: int) -> None:
    """Run one of the proofs beside a Stripe of its own."""
    fake = FakeStripe()
    await fake.start()
    try:
        await act(fake, size)
    finally:
        await close_stripe()
        await fake.stop()


@asynccontextmanager
async def ground(
    fake: FakeStripe, url: str, *, servers: int = 2
) -> AsyncIterator[tuple[list[str], httpx2.AsyncClient]]:
    """Servers that pay with the loopback Stripe, and this process on the same database."""
    extra = {"STRIPE_SECRET_KEY": SECRET_KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "STRIPE_API_BASE": fake.url}
    database = Database(url)
    use_database(database)
    limits = httpx2.Limits(max_connections=64)
    async with (
        running_servers(url, servers, **extra) as running,
        httpx2.AsyncClient(timeout=120, limits=limits) as http,
    ):
        try:
            yield [server.url for server in running], http
        finally:
            await database.close()


@asynccontextmanager
async def running_worker(fake: FakeStripe, url: str) -> AsyncIterator[None]:
    """A worker process beside the servers."""
    async with worker_beside(url, STRIPE_SECRET_KEY=SECRET_KEY, STRIPE_API_BASE=fake.url):
        yield


async def finish_jobs(connection: asyncpg.Connection) -> None:
    """Wait until no job about money is left."""
    left = """SELECT count(*) FROM job_run WHERE state IN ('queued', 'running') AND name IN
              ('process_webhook', 'ask_stripe', 'refund_payment', 'withdraw_payments')"""
    async with asyncio.timeout(300):
        while await connection.fetchval(left):
            await asyncio.sleep(0.1)


async def place_orders(url: str, count: int, *, one_customer: bool = False) -> list[tuple[int, str]]:
    """Orders of 400.00 of as many customers, or of one; ids and numbers."""
    database = Database(url)
    placed = []
    async with database.session() as db:
        product = await make_product(db, stock=None, unit_price=PRICE)
        customer = await make_customer(db)
        for number in range(count):
            if number and not one_customer:
                customer = await make_customer(db)
            order = await make_order(db, (product, 1), by=as_actor(customer))
            placed.append((order.written.id, order.written.order_number))
        await db.commit()
    await database.close()
    return placed


async def confirm_four_ways(fake: FakeStripe, count: int) -> None:
    """Each order is confirmed by the browser, the events, its payment page and a clerk at the same time."""
    async with proving_database() as url, ground(fake, url) as (urls, http), running_worker(fake, url):
        connection = await connect(url)
        placed = await place_orders(url, count)
        staff = {"Authorization": f"Bearer {await staff_token(connection)}"}
        gate = asyncio.Semaphore(32)
        answers: Counter[str] = Counter()

        async def confirm(number: int, order_id: int, order_number: str) -> None:
            here, there = urls[number % len(urls)], urls[(number + 1) % len(urls)]
            async with gate, httpx2.AsyncClient(timeout=120) as browser:
                link = await http.post(f"{here}/api/payments/link", json={"order_number": order_number}, headers=staff)
                path = urlsplit(link.json()["payment_url"]).path
                form = {"csrf_token": _find_token((await browser.get(here + path)).text)}
                opened = await browser.post(f"{here}{path}/card", data=form)
                session = fake.pay_session(opened.headers["Location"].rsplit("/", 1)[1])
                payment = session["payment_intent"]
                ours = [event for event in fake.events if event["data"]["object"]["id"] in {payment, session["id"]}]
                sent = {"order_number": order_number, "payment_intent_id": payment}
                calls = [
                    http.post(f"{there}/api/payments/confirm", json=sent),
                    browser.post(f"{here}{path}/arrived", data=form),
                    http.post(
                        f"{there}/api/staff/orders/{order_id}/mark-paid", json={"payment_method": "cash"}, headers=staff
                    ),
                    *(send_event(http, here, fake, event) for event in ours),
                ]
                ways = ("browser", "pay page", "mark-paid", *("event" for _ in ours))
                for way, answer in zip(ways, await asyncio.gather(*calls), strict=True):
                    answers[f"{way} {answer.status_code}"] += 1

        await asyncio.gather(*(confirm(number, *order) for number, order in enumerate(placed)))
        await finish_jobs(connection)
        wrong = await connection.fetchval(
            """SELECT count(*) FROM orders o WHERE amount_paid <> total_amount OR payment_status <> 'paid' OR 1 <> (
                 SELECT count(*) FROM payment p WHERE p.order_id = o.id AND p.provider_id LIKE 'pi_%')"""
        )
        surplus = await connection.fetchval(
            """SELECT count(*) FROM orders o WHERE
                 (SELECT coalesce(sum(amount), 0) FROM payment p WHERE p.order_id = o.id) - o.total_amount <>
                 (SELECT coalesce(sum(amount), 0) FROM credit_entry c WHERE c.order_id = o.id)"""
        )
        twice = await connection.fetchval("SELECT count(*) FROM credit_entry")
        print(f"  {count} orders: {dict(sorted(answers.items()))}; {twice} paid in cash too, kept as credit")
        check("every order is paid, by one card payment", wrong == 0)
        check("what was paid twice is credit, once", surplus == 0 and twice == answers["mark-paid 200"])
        check("nothing broke", not any(key.endswith(("500", "503")) for key in answers))
        await connection.close()


async def shuffle_events(fake: FakeStripe, count: int) -> None:
    """Three deliveries of each event, shuffled, compared with one in order on a copy of the database."""
    chance = random.Random(5)
    settings = load_settings()
    async with proving_database() as url, proving_database() as copy_url:
        for database_url in (url, copy_url):
            await place_orders(database_url, count // 3)
        fake.events.clear()
        payments = await _open_payments(url, copy_url, with_stripe(settings, fake))
        async with ground(fake, copy_url, servers=1) as (urls, http), running_worker(fake, copy_url):
            sent = 0
            while len(fake.events) < count and payments:
                _happen(fake, payments.pop(), chance)
                for event in fake.events[sent:]:
                    answer = await send_event(http, urls[0], fake, event)
                    assert answer.status_code == 200
                sent = len(fake.events)
            in_order = await connect(copy_url)
            await finish_jobs(in_order)
        deliveries = [(event, 200) for event in fake.events for _ in range(3)]
        bad = [(chance.choice(fake.events), 400) for _ in range(len(deliveries) // 10)]
        chance.shuffle(mixed := deliveries + bad)
        answers: Counter[tuple[int, int]] = Counter()
        gate = asyncio.Semaphore(32)
        async with ground(fake, url) as (urls, http), running_worker(fake, url):

            async def deliver(number: int, event: dict[str, Any], expected: int) -> None:
                how: dict[str, Any] = {}
                if expected == 400:
                    how = {"secret": "whsec_wrong"} if number % 2 else {"age_seconds": 301 + number}
                async with gate:
                    answer = await send_event(http, urls[number % len(urls)], fake, event, **how)
                answers[expected, answer.status_code] += 1

            await asyncio.gather(*(deliver(number, *each) for number, each in enumerate(mixed)))
            shuffled = await connect(url)
            await finish_jobs(shuffled)
        books, expected_books = await shuffled.fetch(BOOKS), await in_order.fetch(BOOKS)
        kept = await shuffled.fetchval("SELECT count(*) FROM webhook_event")
        states = Counter(row["payment_status"] for row in expected_books)
        print(f"  {len(fake.events)} events, {len(deliveries)} deliveries and {len(bad)} bad ones; {dict(states)}")
        check("the end state is that of one delivery in order", [*map(tuple, books)] == [*map(tuple, expected_books)])
        check("bad ones are 400, good ones 200", set(answers) <= {(200, 200), (400, 400)})
        check("each event is kept once", kept == len(fake.events))
        for connection in (shuffled, in_order):
            await connection.close()


async def lose_answers(fake: FakeStripe, count: int) -> None:
    """Three of ten answers are lost after the work, for charges and refunds; the reconciler finds them all."""
    async with proving_database() as url, ground(fake, url) as (urls, http):
        connection = await connect(url)
        settings = with_stripe(load_settings(), fake)
        placed = await place_orders(url, count)
        staff = {"Authorization": f"Bearer {await staff_token(connection)}"}
        before = set(fake.payments)
        fake.faults.drop_share = 0.3
        answers: Counter[str] = Counter()

        async def buy(number: int, _: int, order_number: str) -> None:
            here, sent = urls[number % len(urls)], {"amount": float(PRICE), "order_number": order_number}
            for _try in range(3):
                created = await http.post(f"{here}/api/payments/create-intent", json=sent)
                answers[f"create {created.status_code}"] += 1
                if created.status_code == 200:
                    payment = created.json()["payment_intent_id"]
                    if fake.payments[payment]["status"] == "requires_payment_method":
                        fake.pay(payment)
                    sent_back = {"order_number": order_number, "payment_intent_id": payment}
                    confirmed = await http.post(f"{here}/api/payments/confirm", json=sent_back)
                    answers[f"confirm {confirmed.status_code}"] += 1
                    return

        async def give_back(number: int, order_id: int, _: str) -> None:
            url_of = f"{urls[number % len(urls)]}/api/staff/orders/{order_id}/status"
            done = await http.put(url_of, json={"status": "cancelled"}, headers=staff)
            refund = (done.json().get("refund") or {}) if done.status_code == 200 else {}
            answers[f"refund {refund.get('status')}"] += 1

        for act, name in ((buy, "charges"), (give_back, "refunds")):
            await asyncio.gather(*(act(number, *order) for number, order in enumerate(placed)))
            lost = await connection.fetchval("SELECT count(*) FROM stripe_intent WHERE state = 'unknown'")
            passes = [await reconcile_payments(settings, ahead=LATER) for _ in range(2)]
            print(
                f"  {name}: {dict(sorted(answers.items()))}; {lost} unknown, then {[each.unknown for each in passes]}"
            )
            check(f"no {name} are unknown after two passes", passes[-1].unknown == 0)
            answers.clear()
        fake.faults.drop_share = 0
        ours = await connection.fetchval("SELECT coalesce(sum(amount), 0) FROM payment WHERE state = 'succeeded'")
        rows = await connection.fetchval("SELECT count(*) FROM payment WHERE amount > 0")
        mine = set(fake.payments) - before
        taken = [payment for payment in mine if fake.payments[payment]["status"] == "succeeded"]
        theirs = Decimal(sum(fake.captured(payment) for payment in mine)) / 100
        given = Counter(
            refund["payment_intent"] for refund in fake.refunds.values() if refund["payment_intent"] in mine
        )
        check("nothing was charged twice", len(mine) <= count and rows == len(taken))
        check("nothing was given back twice", max(given.values()) == 1 and len(given) == len(taken))
        check(f"the sums are equal: {ours} here, {theirs} at Stripe", ours == theirs == 0)
        await connection.close()


async def rival_for_credit(fake: FakeStripe, applies: int) -> None:
    """One hundred dollars of credit, forty orders, many concurrent clerks."""
    async with proving_database() as url, ground(fake, url) as (urls, http):
        connection = await connect(url)
        placed = await place_orders(url, 40, one_customer=True)
        staff = {"Authorization": f"Bearer {await staff_token(connection)}"}
        customer = await connection.fetchval("SELECT customer_id FROM orders LIMIT 1")
        given = {"amount": 100, "note": "Proof"}
        await http.post(f"{urls[0]}/api/staff/customers/{customer}/credit", json=given, headers=staff)
        answers: Counter[int] = Counter()

        async def apply(number: int) -> None:
            order_id, _ = placed[number % len(placed)]
            amount = 1 + (number * 37 % 700) / 100
            url_of = f"{urls[number % len(urls)]}/api/staff/orders/{order_id}/apply-credit"
            answers[(await http.post(url_of, json={"amount": round(amount, 2)}, headers=staff)).status_code] += 1

        await asyncio.gather(*(apply(number) for number in range(applies)))
        spent = await connection.fetchval("SELECT -sum(amount) FROM credit_entry WHERE amount < 0")
        lowest = await connection.fetchval("SELECT min(balance_after) FROM credit_entry")
        paid = await connection.fetchval("SELECT sum(amount_paid) FROM orders")
        print(f"  {applies} applies: {dict(answers)}; spent {spent}, lowest balance {lowest}")
        check("exactly $100.00 was spent", spent == paid == Decimal("100.00") and lowest == 0)
        check("nothing but 200 and 409 was answered", set(answers) <= {200, 409})
        await connection.close()


async def send_event(http: httpx2.AsyncClient, url: str, fake: FakeStripe, event: Any, **how: Any) -> httpx2.Response:
    """Deliver one event, signed by the SDK's own signer unless it is to be a bad one."""
    body, signature = fake.sign(event, **how)
    return await http.post(f"{url}/api/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})


def _find_token(html: str) -> str:
    found = TOKEN.search(html)
    assert found is not None
    return found[1]


async def _open_payments(url: str, copy_url: str, settings: Settings) -> list[str]:
    """A payment at Stripe for each order, known under the same id to both databases."""
    from domain.kernel.actor import GUEST
    from domain.payments.card import CreateIntent, create_payment_intent

    database = Database(url)
    use_database(database)
    first, second = await connect(url), await connect(copy_url)
    opened = []
    for row in await first.fetch("SELECT id, order_number FROM orders ORDER BY id"):
        data = CreateIntent(amount=PRICE, order_number=row["order_number"])
        made = await create_payment_intent(data, by=GUEST, caller="proof", client_key=None, settings=settings)
        opened.append(made.payment_intent_id)
    kept = await first.fetch("SELECT order_id, state, amount, idempotency_key, provider_id FROM stripe_intent")
    await second.executemany(
        """INSERT INTO stripe_intent (kind, order_id, state, amount, idempotency_key, provider_id, parameters,
             next_ask_at) VALUES ('card', $1, $2, $3, $4, $5, '{}', now() + interval '1 day')""",
        [tuple(row) for row in kept],
    )
    await asyncio.gather(first.close(), second.close())
    await database.close()
    return opened


def _happen(fake: FakeStripe, payment: str, chance: random.Random) -> None:
    """One of the lives that a payment can have."""
    way = chance.choice(("card", "card", "declined", "bank", "bounced", "refunded", "undone", "lost", "won"))
    if way == "declined":
        fake.pay(payment, DECLINED)
    if way in {"bank", "bounced"}:
        fake.pay(payment, BANK)
        fake.clear(payment, fails=way == "bounced")
        return
    if way == "declined" and chance.random() < 0.5:
        return
    fake.pay(payment)
    if way in {"refunded", "undone"}:
        refund = fake.refund_at_stripe(payment, chance.choice((1000, 40000)))
        if way == "undone":
            fake.finish_refund(refund["id"], fails=True)
    if way in {"lost", "won"}:
        fake.close_dispute(fake.dispute(payment)["id"], way)
