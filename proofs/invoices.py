"""Invoices: numbers without gaps despite failures, and concurrent receipts, voids and credits that add up to the
cent."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import or_, select

import domain.invoices.settle_card
import domain.invoices.settle_refund  # noqa: F401 - both register themselves
from domain.invoices.checkout import ask_about_invoice, open_invoice_checkout
from domain.invoices.close import get_month_close
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.take_back import take_back_payment
from domain.invoices.void import delete_invoice
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today
from domain.kernel.errors import DomainError
from domain.order_desk.enter import EnterOrder, enter_order
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from integrations.stripe_client import close_stripe
from models import CreditReason, GivenFor, Invoice, Payment, PaymentMethod, Role
from models.session import Database, use_database
from postgres.connect import connect
from proofs.book_acts import RULES
from proofs.ground import check, order_of, proving_database, stock_shelf
from settings import Settings, load_settings
from tests.fakes.stripe_server import FakeStripe, with_stripe

MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
ZONE = ZoneInfo("America/Chicago")
LINE = {"description": "Ladle", "quantity": 3, "unit_price": Decimal("4.35")}
AT_ONCE = 16


class OnPurpose(Exception):
    """A failure between the number and the commit."""


async def prove(*, invoices: int = 500, receipts: int = 200, owed: int = 600, seed: int = 11) -> None:
    """Number many invoices, with every tenth failing; then pay, credit, void and refund many concurrently."""
    async with proving_database() as url:
        connection, database = await connect(url), Database(url, pool_size=AT_ONCE)
        use_database(database)
        try:
            await number_invoices(connection, database, invoices)
            await settle_at_once(connection, database, receipts=receipts, owed=owed, seed=seed)
        finally:
            await database.close()
            await connection.close()


async def number_invoices(connection: asyncpg.Connection, database: Database, count: int) -> None:
    """Send invoices in parallel; every tenth fails after getting its number."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(number: int) -> None:
        data = CreateInvoice.model_validate({"customer_name": f"Guest {number}", "items": [LINE], "status": "sent"})
        async with gate, database.separate_transaction() as db:
            await create_invoice(db, data, by=MANAGER, timezone=ZONE)
            if number % 10 == 0:
                raise OnPurpose

    results = await asyncio.gather(*(send(number) for number in range(count)), return_exceptions=True)
    failed = sum(isinstance(result, OnPurpose) for result in results)
    strangers = [result for result in results if result is not None and not isinstance(result, OnPurpose)]
    check(f"{failed} of {count} failed on purpose, none for another reason {strangers[:1]}", not strangers)
    numbers = [row[0] for row in await connection.fetch("SELECT invoice_number FROM invoice ORDER BY 1")]
    wanted = [f"INV-{number:06d}" for number in range(1, count - failed + 1)]
    check(f"{len(numbers)} numbers, no gap and no repeat", numbers == wanted)


class Desk:
    """The acts that move money on invoices, each in transactions of its own, and how many were done."""

    def __init__(self, database: Database, stripe: FakeStripe, settings: Settings) -> None:
        self.database, self.stripe, self.settings = database, stripe, settings
        self.gate = asyncio.Semaphore(AT_ONCE)
        self.done: Counter[str] = Counter()

    async def do(self, name: str, act: Awaitable[None]) -> None:
        """Do an act and count it; refusals are expected."""
        try:
            async with self.gate:
                await act
            self.done[name] += 1
        except DomainError as refusal:
            self.done[f"{name} refused: {refusal.code}"] += 1

    async def receive(self, chosen: list[int], amount: Decimal) -> None:
        """One check for several invoices, for less or more than their total."""
        async with self.database.separate_transaction() as db:
            data = RecordReceipt(invoice=chosen, amount=amount, payment_method=PaymentMethod.CHECK)
            await record_receipt(db, data, by=MANAGER)

    async def credit(self, invoice_id: int, amount: Decimal) -> None:
        """A credit memo."""
        async with self.database.separate_transaction() as db:
            data = IssueCredit(amount=amount, reason=CreditReason.DAMAGED)
            await issue_credit_memo(db, invoice_id, data, by=MANAGER)

    async def void(self, invoice_id: int) -> None:
        """The invoice is void."""
        async with self.database.separate_transaction() as db:
            await delete_invoice(db, invoice_id, by=MANAGER)

    async def pay_by_card(self, invoice_id: int, given_for: GivenFor | None) -> None:
        """The customer pays on Stripe's page; then a part is refunded to the card."""
        url = await open_invoice_checkout(invoice_id, settings=self.settings)
        self.stripe.pay_session(url.rsplit("/", 1)[1])
        await ask_about_invoice(invoice_id, settings=self.settings)
        if given_for is None:
            return
        async with self.database.reading() as connection:
            paid = await connection.execute(
                select(Payment.id, Payment.order_id)
                .join(Invoice, or_(Invoice.id == Payment.invoice_id, Invoice.order_id == Payment.order_id))
                .where(Invoice.id == invoice_id, Payment.method == PaymentMethod.CREDIT_CARD, Payment.amount > 0)
            )
            payment_id, order_id = paid.one()
        wanted = RefundPayment(amount=Decimal("1.25"), how=RefundWay.AS_PAID, given_for=given_for, reason="Proof")
        if order_id is None:
            await take_back_payment(invoice_id, payment_id, wanted, by=MANAGER, settings=self.settings)
        else:
            await refund_payment(order_id, payment_id, wanted, by=MANAGER, settings=self.settings)
        self.done[f"card refund, {given_for.kind}"] += 1


async def settle_at_once(
    connection: asyncpg.Connection, database: Database, *, receipts: int, owed: int, seed: int
) -> None:
    """Receipts for several invoices, part payments, cards, card refunds, memos and voids, all concurrently."""
    chance = random.Random(seed)
    customers, invoices = await _owe(connection, database, owed)
    stripe = FakeStripe()
    await stripe.start()
    desk = Desk(database, stripe, with_stripe(load_settings(), stripe))
    # Each receipt and card has its own invoices; concurrent memos and voids affect any invoice.
    free = {customer: chance.sample(mine, len(mine)) for customer, mine in invoices.items()}
    acts = []
    for number in range(receipts):
        customer = customers[number % len(customers)]
        chosen = [free[customer].pop() for _ in range(2)]
        acts.append(desk.do("receipt", desk.receive(chosen, Decimal(chance.randint(100, 4_000)) / 100)))
        any_of_them = chance.choice(invoices[customer])
        if number % 5 == 0:
            acts.append(desk.do("memo", desk.credit(any_of_them, Decimal(chance.randint(50, 900)) / 100)))
        if number % 9 == 0:
            acts.append(desk.do("void", desk.void(any_of_them)))
        if number % 4 == 0:
            payer = customers[number // 4 % len(customers)]
            given_for = (None, GivenFor.DAMAGED, GivenFor.MISTAKE)[number // 4 % 3]
            acts.append(desk.do("card", desk.pay_by_card(free[payer].pop(), given_for)))
    try:
        await asyncio.gather(*acts)
    finally:
        await close_stripe()
        await stripe.stop()
    print(f"  {dict(sorted(desk.done.items()))}")
    back = sum(refund["amount"] for refund in stripe.refunds.values())
    refunded = await connection.fetchval("SELECT -sum(amount) FROM payment WHERE method = 'credit_card' AND amount < 0")
    check(f"what went back to cards is {refunded}, as Stripe says", refunded == Decimal(back) / 100 > 0)
    await _compare(connection, database, business_today(ZONE))


async def _owe(connection: asyncpg.Connection, database: Database, owed: int) -> tuple[list[int], dict[int, list[int]]]:
    """Twelve customers with as many invoices, half of them from orders on terms."""
    (product,) = await stock_shelf(connection, [100_000])
    customers = [
        row["id"]
        for row in await connection.fetch(
            "INSERT INTO customer (username, payment_terms, credit_limit, company_name) "
            "SELECT 'proof' || n, 'net30', 10000000, 'Proof ' || n FROM generate_series(1, 12) AS n RETURNING id"
        )
    ]
    invoices: dict[int, list[int]] = {customer: [] for customer in customers}
    for number in range(owed):
        customer = customers[number % len(customers)]
        async with database.separate_transaction() as db:
            body: dict[str, object] = {"customer_name": "Proof", "customer_id": customer, "items": [LINE]}
            if number % 2:
                more = {"customer_id": customer, "payment_method": "net30", "payment_status": "unpaid"}
                entered = EnterOrder.model_validate(order_of([(product, 1 + number % 5)], **more))
                placed = await enter_order(db, entered, by=MANAGER, rules=RULES)
                body = {"order_number": placed.written.order_number}
            data = CreateInvoice.model_validate(body | {"status": "sent"})
            invoices[customer].append((await create_invoice(db, data, by=MANAGER, timezone=ZONE)).id)
    return customers, invoices


# The decrease of open and paid invoices' balances, and the rows that caused it.
_MOVED = """
WITH mine AS (SELECT * FROM invoice WHERE status NOT IN ('draft', 'void')),
money AS (
  SELECT p.* FROM payment AS p JOIN mine AS i ON i.id = p.invoice_id OR i.order_id = p.order_id
  WHERE p.state = 'succeeded'
),
sums AS (
  SELECT (SELECT sum(total_amount - balance) FROM mine) AS fell, (SELECT sum(applied_amount) FROM money) AS paid,
    (SELECT coalesce(sum(m.amount), 0) FROM credit_memo AS m JOIN mine AS i ON i.id = m.invoice_id)
    + (SELECT coalesce(-sum(applied_amount), 0) FROM money WHERE given_back = 'allowance' AND method = 'credit_card')
      AS taken_off
)
SELECT *, fell = paid + taken_off AS agrees FROM sums
"""


async def _compare(connection: asyncpg.Connection, database: Database, today: date) -> None:
    """Every sum from the rows again."""
    wrong = await connection.fetch(
        """
        SELECT i.id FROM invoice AS i WHERE i.status <> 'void' AND i.amount_paid <> coalesce((
          SELECT sum(p.applied_amount) FROM payment AS p WHERE p.state = 'succeeded'
            AND (p.invoice_id = i.id OR p.order_id = i.order_id)), 0)
        """
    )
    check("every invoice holds the sum of its payments", not wrong)
    moved = await connection.fetchrow(_MOVED)
    words = f"the balances fell by {moved['fell']} = {moved['paid']} paid + {moved['taken_off']} taken off"
    check(words, moved["agrees"])
    apart = await connection.fetch(
        "SELECT i.id FROM invoice AS i JOIN orders AS o ON o.id = i.order_id WHERE i.status <> 'void' "
        "AND (i.amount_paid, i.allowances, i.balance) IS DISTINCT FROM (o.amount_paid, o.allowances, o.balance)"
    )
    check("an order and its invoice agree to the cent", not apart)
    split = await connection.fetch(
        "SELECT r.id FROM receipt AS r JOIN payment AS p ON p.receipt_id = r.id GROUP BY r.id "
        "HAVING sum(p.amount) <> r.amount"
    )
    check("the rows of a receipt are the receipt", not split)
    async with database.reading() as reading:
        close = await get_month_close(reading, today, visible_to=MANAGER, timezone=ZONE)
    owed = await connection.fetchval("SELECT coalesce(sum(balance), 0) FROM invoice WHERE status <> 'draft'")
    journal = close.journal
    check(f"debits {journal.debits} = credits {journal.credits}", journal.debits == journal.credits)
    moved = journal.owed
    check(f"receivables {moved} = what is open {owed}", moved == owed == close.receivables)
