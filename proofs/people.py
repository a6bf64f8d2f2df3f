"""Merges during orders, payments and credits; numbers that stay marked in any spelling; STOP by text."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import starmap

import asyncpg
import httpx2
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.adjust import AdjustCredit, adjust_credit
from domain.customers.delete_customer import remove_customer
from domain.customers.merge import MergeCustomers, merge_customers
from domain.customers.register import AccountRules, RegisterCustomer, register_customer
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, read_rows
from domain.imports import books
from domain.imports.from_api import import_later
from domain.imports.run import run_import
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.errors import DomainError
from domain.kernel.money import ZERO
from domain.messages.outbox import queue_text
from domain.messages.sending import SAID_STOP, send_message
from domain.messages.suppression import mark_do_not_call, mark_do_not_text
from domain.orders.place import PlaceOrder, place_order
from domain.orders.rules import OrderRules
from domain.payments.mark_paid import MarkPaid, mark_paid
from integrations.twilio_signature import sign_twilio
from models import Customer, Order, OutboxMessage, PaymentMethod, Role, SuppressionReason
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import check, order_of, proving_database, running_servers, staff_token, stock_shelf
from settings import load_settings

RULES = OrderRules(
    free_delivery_minimum=Decimal("300.00"), delivery_fee=Decimal("25.00"), rep_max_discount_pct=Decimal(15)
)
ACCOUNTS = AccountRules(shop_url="http://shop.example", secret_key="x" * 40, shows_secrets=False)
MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
AT_ONCE = 12
TWILIO_TOKEN = "the token that Twilio signs by"
# A customer who was just merged can no longer order; every door answers 409.
GONE = (asyncpg.ForeignKeyViolationError, IntegrityError)
# The spellings in which one number comes back.
SPELLINGS = (
    "+1{area}{rest}", "1-{area}-{mid}-{last}", "({area}) {mid}-{last}", "{area}.{mid}.{last}", "{area} {mid} {last}",
    "{area}{rest}",
)  # fmt: skip
# What belongs to customers, each sum by itself; and what is left at those that a merge took away.
_SUMS = """
SELECT (SELECT count(*) FROM orders WHERE customer_id IS NOT NULL) AS orders,
  (SELECT coalesce(sum(total_amount), 0) FROM orders WHERE customer_id IS NOT NULL) AS ordered,
  (SELECT coalesce(sum(amount), 0) FROM payment WHERE customer_id IS NOT NULL) AS paid,
  (SELECT coalesce(sum(amount), 0) FROM credit_entry) AS credit
"""
_LEFT = """
SELECT (SELECT count(*) FROM orders WHERE customer_id = ANY($1))
  + (SELECT count(*) FROM payment WHERE customer_id = ANY($1))
  + (SELECT count(*) FROM credit_entry WHERE customer_id = ANY($1)) AS left_behind
"""
_WRONG_BALANCES = """
SELECT count(*) FROM (
  SELECT amount, balance_after, sum(amount) OVER (PARTITION BY customer_id ORDER BY id) AS expected FROM credit_entry
) AS ledger WHERE balance_after <> expected
"""
_UNMARKED = """
SELECT count(*) FROM unnest($1::text[]) AS wanted(phone)
LEFT JOIN suppressed_number s USING (phone) WHERE NOT coalesce(s.do_not_call AND s.do_not_text, false)
"""


@dataclass
class Tally:
    """The committed acts, according to their answers."""

    orders: int = 0
    ordered: Decimal = ZERO
    paid: Decimal = ZERO
    credit: Decimal = ZERO
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, done: "Tally") -> None:
        """Count what is committed."""
        self.orders += done.orders
        self.ordered += done.ordered
        self.paid += done.paid
        self.credit += done.credit


async def prove(*, merges: int = 200, marks: int = 200) -> None:
    """Both on one database."""
    async with proving_database() as url:
        connection = await connect(url)
        await staff_token(connection)
        database = Database(url, pool_size=AT_ONCE + 4)
        use_database(database)
        try:
            await merge_while_they_buy(database, connection, merges)
            await keep_marks(database, connection, marks)
            await stop_by_text(database, connection, url)
        finally:
            await database.close()
            await connection.close()


async def merge_while_they_buy(database: Database, connection: asyncpg.Connection, merges: int) -> None:
    """Pairs are merged while both order, pay and get credit; no cent is lost."""
    products = await stock_shelf(connection, [merges * 40] * 3)
    pairs = [(await _make(database, f"keep{n}"), await _make(database, f"gone{n}")) for n in range(merges)]
    tally = Tally()
    gate = asyncio.Semaphore(AT_ONCE)

    async def do(name: str, act: Callable[[AsyncSession], Awaitable[Tally]]) -> None:
        async with gate:
            try:
                async with database.separate_transaction() as db:
                    done = await act(db)
                tally.add(done)
            except (DomainError, *GONE):
                tally.refused[name] += 1

    async def live(number: int, keep: int, gone: int) -> None:
        chance = random.Random(number)
        acts = [do("order", partial(_buy, customer_id=who, products=products)) for who in (keep, gone) * 2]
        acts += [do("credit", partial(_credit, customer_id=who)) for who in (keep, gone)]
        acts.append(do("merge", partial(_merge, keep=keep, gone=gone)))
        chance.shuffle(acts)
        await asyncio.gather(*acts)
        # A customer may already be merged; a merge that lost the race is repeated now.
        if await connection_value(database, "SELECT count(*) FROM customer_merge WHERE merged_id = :id", id=gone) == 0:
            await do("merge", partial(_merge, keep=keep, gone=gone))

    await asyncio.gather(*(live(number, *pair) for number, pair in enumerate(pairs)))
    sums = await connection.fetchrow(_SUMS)
    done = await connection.fetchval("SELECT count(*) FROM customer_merge")
    left = await connection.fetchval(_LEFT, [gone for _, gone in pairs])
    wrong = await connection.fetchval(_WRONG_BALANCES)
    print(
        f"  {done} merges among {tally.orders} orders of ${tally.ordered:,}, ${tally.paid:,} paid, ${tally.credit:,}"
        f" credit; refused {dict(tally.refused)}"
    )
    check("every pair is one customer", done == merges)
    check("orders, money and credit are conserved to the cent", tuple(sums) == (
        tally.orders, tally.ordered, tally.paid, tally.credit
    ))  # fmt: skip
    check("nothing is left at those merged away", left == 0)
    check("every credit ledger runs on without a gap", wrong == 0)


async def stop_by_text(database: Database, connection: asyncpg.Connection, url: str) -> None:
    """A signed STOP stops the very next text, a signed START lets the one after it go; a forged STOP does nothing."""
    phone, address = "+12165559001", "https://shop.example/api/webhooks/twilio"
    secrets = {"TWILIO_AUTH_TOKEN": TWILIO_TOKEN, "PUBLIC_URL": "https://shop.example"}
    async with running_servers(url, 1, **secrets) as (server,), httpx2.AsyncClient(base_url=server.url) as client:

        async def text_back(word: str, token: str) -> int:
            fields = {"MessageSid": f"SM{word}{token[:2]}", "From": phone, "Body": word}
            head = {"X-Twilio-Signature": sign_twilio(token, address, fields)}
            return (await client.post("/api/webhooks/twilio", data=fields, headers=head)).status_code

        answers = [await text_back("STOP", "a token that nobody gave out")]
        said = [await _send_text(database, phone)]
        for word in ("STOP", "START"):
            answers.append(await text_back(word, TWILIO_TOKEN))
            said.append(await _send_text(database, phone))
    kept = await connection.fetchval("SELECT count(*) FROM webhook_event WHERE provider = 'twilio'")
    # Without an account of Twilio's a text that may leave is kept for want of one.
    stopped = [error == SAID_STOP for error in said]
    print(f"  forged STOP, signed STOP, signed START: answers {answers}, texts stopped {stopped}")
    check("a forged text is refused and leaves nothing behind", answers[0] == 403 and kept == 2)
    check("a signed STOP stops the very next text", answers[1:] == [200, 200] and stopped == [False, True, False])


async def _send_text(database: Database, phone: str) -> str:
    """Queue a text and try to send it; returns why it did not leave."""
    async with database.separate_transaction() as db:
        await queue_text(db, kind="proof", to=phone, text="Your order is on its way.")
        message_id = int(await db.scalar(select(func.max(OutboxMessage.id))) or 0)
    await send_message(message_id, load_settings(), write_html=lambda subject, text: subject + text)
    async with database.session() as db:
        return str(await db.scalar(select(OutboxMessage.last_error).where(OutboxMessage.id == message_id)))


async def keep_marks(database: Database, connection: asyncpg.Connection, marks: int) -> None:
    """Numbers are marked; then imports, merges, deletions and registrations use them in six spellings."""
    phones = [f"+1216{200 + n // 10_000:03d}{n % 10_000:04d}" for n in range(marks)]
    owners = []
    for number, phone in enumerate(phones):
        owners.append(await _make(database, f"marked{number}", phone=phone))
        async with database.separate_transaction() as db:
            await mark_do_not_call(db, phone, reason=SuppressionReason.STAFF, by=MANAGER)
            await mark_do_not_text(db, phone, reason=SuppressionReason.STOP_TEXT, by=MANAGER)
    for number, owner in enumerate(owners):
        other = await _make(database, f"other{number}", phone=phones[(number + 1) % marks])
        async with database.separate_transaction() as db:
            if number % 2:
                await merge_customers(db, MergeCustomers(keep_id=other, merge_id=owner), by=MANAGER)
            else:
                await remove_customer(db, owner, note="Proof", by=MANAGER)
        async with database.separate_transaction() as db:
            await remove_customer(db, other, note="Proof", by=MANAGER)
    counts = await connection.fetchval(_UNMARKED, phones)
    check("no merge and no deletion takes a mark off", counts == 0)
    spelled = list(starmap(_spell, enumerate(phones)))
    half = marks // 2
    book = "company_name,phone\n" + "".join(f'Back {n},"{spelling}"\n' for n, spelling in enumerate(spelled[:half]))
    run_id = await import_later(books.CUSTOMERS, BytesIO(book.encode()), "back.csv", by=MANAGER)
    run = await run_import(run_id, timezone=load_settings().timezone)
    for number, spelling in enumerate(spelled[half:]):
        data = RegisterCustomer(username=f"again{number}", phone=spelling, password="Whisk-and-ladle-9")
        async with database.separate_transaction() as db:
            await register_customer(db, data, rules=ACCOUNTS)
    async with database.reading() as reader:
        shown = await read_rows(reader, SELECT_ROWS.where(CUSTOMERS.phone.in_(phones)))
    print(f"  {marks} marked numbers: {run.created_rows} imported, {marks - half} registered again in six spellings")
    check("each number is back with a customer", len(shown) == marks)
    check("each of these customers shows both marks", all(row.do_not_call and row.do_not_text for row in shown))
    check("no number lost its mark", await connection.fetchval(_UNMARKED, phones) == 0)


async def connection_value(database: Database, statement: str, **values: int) -> int:
    """One number of the database, as it is committed."""
    async with database.reading() as connection:
        return int(await connection.scalar(text(statement), values) or 0)


async def _make(database: Database, name: str, *, phone: str | None = None) -> int:
    async with database.separate_transaction() as db:
        customer = Customer(username=name, email=f"{name}@ladle.example", company_name=name, phone=phone)
        db.add(customer)
        await db.flush()
        return customer.id


async def _buy(db: AsyncSession, customer_id: int, products: list[int]) -> Tally:
    """One order, paid in cash at once."""
    body = order_of([(products[customer_id % len(products)], 1 + customer_id % 3)], payment_method="check")
    placed = await place_order(
        db, PlaceOrder.model_validate(body), by=Actor(ActorKind.CUSTOMER, customer_id, "Proof"), rules=RULES
    )
    paid = Decimal(10 + customer_id % 7)
    data = MarkPaid(amount_received=paid, payment_method=PaymentMethod.CASH)
    await mark_paid(db, placed.written.id, data, by=MANAGER)
    order = await db.get_one(Order, placed.written.id)
    return Tally(orders=1, ordered=order.total_amount, paid=paid)


async def _credit(db: AsyncSession, customer_id: int) -> Tally:
    amount = Decimal(100 + customer_id % 900) / 100
    await adjust_credit(db, customer_id, AdjustCredit(amount=amount, note="Proof"), by=MANAGER)
    return Tally(credit=amount)


async def _merge(db: AsyncSession, keep: int, gone: int) -> Tally:
    await merge_customers(db, MergeCustomers(keep_id=keep, merge_id=gone), by=MANAGER)
    return Tally()


def _spell(number: int, phone: str) -> str:
    digits = phone.removeprefix("+1")
    return SPELLINGS[number % len(SPELLINGS)].format(area=digits[:3], rest=digits[3:], mid=digits[3:6], last=digits[6:])
