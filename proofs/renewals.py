"""Renewals: each due one happens once, despite a kill -9, declined cards and lost answers; and banks that decide days
later."""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import asyncpg
import httpx2

from domain.kernel.clock import business_today
from domain.payments.reconcile import reconcile_payments
from domain.subscriptions.failures import NOTIFY_JOB
from domain.subscriptions.renew import process_due
from models import Subscription
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import ROOT, check, proving_database
from proofs.payments import LATER, finish_jobs, ground, prove_one, running_worker, send_event
from settings import load_settings
from tasks.job import Work
from tasks.jobs.subscriptions import notify_customer
from tests.factories import make_customer, make_product
from tests.factories.orders import RULES
from tests.fakes.stripe_server import BANK, DECLINED, SECRET_KEY, FakeStripe, with_stripe

QUANTITY = 4
LEDGER = """
SELECT count(*) FROM product p WHERE stock_quantity <>
  (SELECT sum(delta) FROM stock_movement m WHERE m.product_id = p.id)
"""
# What must be equal in both databases after the banks have decided.
BANKS = """
SELECT r.subscription_id, r.status, r.holds_stock, o.status AS order_status, o.on_hold, o.payment_status, o.amount_paid,
  o.attention, (SELECT string_agg(e.kind, ' ' ORDER BY e.kind) FROM order_event e WHERE e.order_id = o.id) AS timeline,
  (SELECT count(*) FROM payment p WHERE p.order_id = o.id) AS payments
FROM renewal r JOIN orders o ON o.id = r.order_id ORDER BY r.subscription_id
"""


async def prove(*, subscriptions: int = 500, banks: int = 120) -> None:
    """Run both proofs, each on a database and beside a Stripe of its own."""
    await prove_one(renew_all_once, subscriptions)
    await prove_one(hear_banks_late, banks)


async def subscribe(url: str, methods: list[str]) -> int:
    """As many subscriptions that are due today, of one product with just enough stock; the units in stock."""
    today = business_today(load_settings().timezone)
    database = Database(url)
    async with database.session() as db:
        stock = QUANTITY * len(methods)
        product = await make_product(db, stock=stock, unit_price=Decimal("20.00"))
        for number, method in enumerate(methods):
            customer = await make_customer(db)
            db.add(
                Subscription(
                    customer_id=customer.id,
                    product_id=product.id,
                    quantity=QUANTITY,
                    interval_days=30,
                    discount_pct=Decimal(5),
                    next_renewal_date=today,
                    stripe_customer_id=f"cus_{number}",
                    stripe_payment_method_id=method,
                    payment_type="ach" if method == BANK else "card",
                    delivery_name="Kim",
                    delivery_email=f"kim{number}@kitchen.test",
                    delivery_address="1 Elm St",
                    delivery_city="Chicago",
                    delivery_state="IL",
                    delivery_zip="60607",
                )
            )
        await db.commit()
    await database.close()
    return stock


async def renew_all_once(fake: FakeStripe, count: int) -> None:
    """Two concurrent schedulers, one killed halfway; one card in ten is declined, three of ten answers are lost."""
    declined = count // 10
    methods = [DECLINED if number % 10 == 0 else "pm_card_visa" for number in range(count)]
    settings = with_stripe(load_settings(), fake)
    async with proving_database() as url:
        stock = await subscribe(url, methods)
        connection = await connect(url)
        fake.faults.drop_share = 0.3
        processed = await _renew_with_a_kill(url, fake, half=count // 2)
        fake.faults.drop_share = 0
        after_kill = Counter(
            row["status"] for row in await connection.fetch("SELECT status FROM renewal WHERE order_id IS NULL")
        )
        database = Database(url)
        use_database(database)
        passes = [await reconcile_payments(settings, ahead=LATER) for _ in range(2)]
        for row in await connection.fetch("SELECT id, payload FROM job_run WHERE name = $1", NOTIFY_JOB):
            # Each twice, as a job that was killed at its end is done.
            for _ in range(2):
                await notify_customer(Work(row["id"], json.loads(row["payload"]), settings))
        await database.close()
        asked = len([path for method, path in fake.requests if method == "POST"])
        print(
            f"  {count} due, {processed} by schedulers that lived, {after_kill['processing']} open after the kill and "
            f"the lost answers, then {[each.unknown for each in passes]}; {asked} charges asked for"
        )
        await _check_renewed(connection, fake, count, declined=declined, left=stock - QUANTITY * (count - declined))
        await connection.close()


async def _renew_with_a_kill(url: str, fake: FakeStripe, *, half: int) -> int:
    """Both work until the second is killed; it is restarted and works again."""
    rest, doomed = await _start_scheduler(url, fake), await _start_scheduler(url, fake)
    while len(fake.payments) < half:
        await asyncio.sleep(0.002)
    check("the second scheduler was killed while it worked", doomed.returncode is None)
    doomed.kill()
    await doomed.wait()
    again = await _start_scheduler(url, fake)
    return sum([await _read_processed(scheduler) for scheduler in (rest, again)])


async def _start_scheduler(url: str, fake: FakeStripe) -> asyncio.subprocess.Process:
    extra = {"DATABASE_URL": url, "STRIPE_SECRET_KEY": SECRET_KEY, "STRIPE_API_BASE": fake.url, "LOG_LEVEL": "error"}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "proofs.scheduler",
        cwd=ROOT,
        env=os.environ | extra,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _read_processed(scheduler: asyncio.subprocess.Process) -> int:
    out, _ = await scheduler.communicate()
    assert scheduler.returncode == 0, f"a scheduler ended with {scheduler.returncode}"
    return int(out)


async def _check_renewed(
    connection: asyncpg.Connection, fake: FakeStripe, count: int, *, declined: int, left: int
) -> None:
    renewed = count - declined
    charged = [payment for payment in fake.payments.values() if payment["status"] == "succeeded"]
    orders = await connection.fetchval(
        """SELECT count(*) FROM orders o JOIN renewal r ON r.order_id = o.id AND r.status = 'succeeded'
           WHERE o.payment_status = 'paid' AND o.amount_paid = o.total_amount"""
    )
    rows = await connection.fetchval("SELECT count(*) FROM renewal")
    failed = await connection.fetchval(
        """SELECT count(*) FROM renewal r JOIN subscription s ON s.id = r.subscription_id
           WHERE r.status = 'failed' AND r.order_id IS NULL AND NOT r.holds_stock AND s.failures = 1
             AND s.retry_on = s.next_renewal_date + 1"""
    )
    notices = await connection.fetch(
        "SELECT recipient, count(*) AS times FROM outbox_message WHERE kind = 'renewal_failed' GROUP BY recipient"
    )
    ours = await connection.fetchval("SELECT sum(amount) FROM payment WHERE state = 'succeeded'")
    theirs = Decimal(sum(payment["amount"] for payment in charged)) / 100
    level = await connection.fetchval("SELECT stock_quantity FROM product")
    print(f"  {orders} orders, {len(charged)} charges, {failed} failed, {len(notices)} notices, {level} units left")
    check("each due renewal is one row", rows == count)
    check(f"{renewed} orders are paid by {renewed} charges", orders == len(charged) == renewed)
    check(f"the sums are equal: {ours} here, {theirs} at Stripe", ours == theirs)
    check(f"{declined} failed, each with a day on which it is tried again", failed == declined)
    check("each of them sent one notice", len(notices) == declined and all(row["times"] == 1 for row in notices))
    check("the stock ledger adds up", level == left and await connection.fetchval(LEDGER) == 0)


async def hear_banks_late(fake: FakeStripe, count: int) -> None:
    """Bank debits succeed or fail later: events in order on one database, three times and shuffled on another."""
    chance = random.Random(15)
    settings = with_stripe(load_settings(), fake)
    ends: dict[str, Any] = {}
    for name in ("in order", "shuffled"):
        async with proving_database() as url, ground(fake, url) as (urls, http), running_worker(fake, url):
            stock = await subscribe(url, [BANK] * count)
            connection = await connect(url)
            fake.events.clear()
            fake.payments.clear()
            await process_due(settings, rules=RULES)
            held = await connection.fetchval(
                "SELECT count(*) FROM orders WHERE on_hold AND hold_reason = 'The bank works on it' AND amount_paid = 0"
            )
            check(f"{name}: every order is held while the bank works", held == count)
            by_renewal = sorted(fake.payments.values(), key=lambda payment: int(payment["metadata"]["subscription"]))
            for number, payment in enumerate(by_renewal):
                fake.clear(payment["id"], fails=number % 3 == 0)
            deliveries = list(fake.events) if name == "in order" else [event for event in fake.events for _ in range(3)]
            if name == "shuffled":
                chance.shuffle(deliveries)
            await _deliver(http, urls, fake, deliveries, at_once=1 if name == "in order" else 16)
            await finish_jobs(connection)
            ends[name] = [tuple(row) for row in await connection.fetch(BANKS)]
            bounced = len(range(0, count, 3))
            states = Counter((row[1], row[3], row[4], row[5]) for row in ends[name])
            level = await connection.fetchval("SELECT stock_quantity FROM product")
            print(f"  {name}: {len(deliveries)} deliveries; {dict(states)}; {level} units left")
            expected = {
                ("failed", "cancelled", False, "failed"): bounced,
                ("succeeded", "pending", False, "paid"): count - bounced,
            }
            check(f"{name}: each order is released or cancelled", states == expected)
            left = stock - QUANTITY * (count - bounced)
            check(f"{name}: the stock ledger adds up", level == left and await connection.fetchval(LEDGER) == 0)
            await connection.close()
    check("shuffled and three times ends as once and in order", ends["in order"] == ends["shuffled"])


async def _deliver(
    http: httpx2.AsyncClient, urls: list[str], fake: FakeStripe, deliveries: list[Any], *, at_once: int
) -> None:
    gate = asyncio.Semaphore(at_once)

    async def deliver(number: int, event: Any) -> None:
        async with gate:
            answer = await send_event(http, urls[number % len(urls)], fake, event)
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(deliver(number, event) for number, event in enumerate(deliveries)))
