"""Invoices: numbers without a gap under failure, and receipts, voids and credits at once that add up to the cent."""

import asyncio
import random
from collections import Counter
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg

from domain.invoices.close import get_month_close
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.journal import Account
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.void import delete_invoice
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today
from domain.kernel.errors import DomainError
from domain.order_desk.enter import EnterOrder, enter_order
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from models import CreditReason, GivenFor, PaymentMethod, Role
from models.postgres.connect import connect
from models.session import Database, use_database
from proofs.book_acts import RULES
from proofs.ground import check, order_of, proving_database, stock_shelf
from settings import Settings, load_settings

MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
ZONE = ZoneInfo("America/Chicago")
LINE = {"description": "Ladle", "quantity": 3, "unit_price": Decimal("4.35")}
AT_ONCE = 16


class OnPurpose(Exception):
    """A failure between the number and the commit."""


async def prove(*, invoices: int = 500, receipts: int = 200, owed: int = 600, seed: int = 11) -> None:
    """Number many invoices of which every tenth fails, then pay, credit, void and refund many at once."""
    async with proving_database() as url:
        connection, database = await connect(url), Database(url, pool_size=AT_ONCE)
        use_database(database)
        try:
            await number_invoices(connection, database, invoices)
            await settle_at_once(connection, database, load_settings(), receipts=receipts, owed=owed, seed=seed)
        finally:
            await database.close()
            await connection.close()


async def number_invoices(connection: asyncpg.Connection, database: Database, count: int) -> None:
    """Send invoices in parallel; each tenth fails after it had its number."""
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


async def settle_at_once(
    connection: asyncpg.Connection, database: Database, settings: Settings, *, receipts: int, owed: int, seed: int
) -> None:
    """Receipts over several invoices, part payments, memos, voids and refunds, all at once."""
    chance, gate = random.Random(seed), asyncio.Semaphore(AT_ONCE)
    today = business_today(ZONE)
    customers, invoices = await _owe(connection, database, owed)
    done: Counter[str] = Counter()

    async def act(name: str, chosen: list[int], amount: Decimal) -> None:
        try:
            async with gate, database.separate_transaction() as db:
                if name == "receipt":
                    data = RecordReceipt(invoice=chosen, amount=amount, payment_method=PaymentMethod.CHECK)
                    await record_receipt(db, data, by=MANAGER)
                elif name == "credit":
                    await issue_credit_memo(
                        db, chosen[0], IssueCredit(amount=amount, reason=CreditReason.DAMAGED), by=MANAGER
                    )
                else:
                    await delete_invoice(db, chosen[0], by=MANAGER)
            done[name] += 1
        except DomainError as refusal:
            done[f"refused: {refusal.code}"] += 1

    acts = []
    for number in range(receipts):
        mine = invoices[chance.choice(customers)]
        chosen = chance.sample(mine, min(len(mine), chance.randint(1, 4)))
        acts.append(act("receipt", chosen, Decimal(chance.randint(100, 20_000)) / 100))
        if number % 5 == 0:
            acts.append(act("credit", [chance.choice(mine)], Decimal(chance.randint(50, 900)) / 100))
        if number % 9 == 0:
            acts.append(act("void", [chance.choice(mine)], Decimal(0)))
    await asyncio.gather(*acts)
    for row in await connection.fetch(
        "SELECT id, order_id FROM payment WHERE order_id IS NOT NULL AND amount > 0 LIMIT 12"
    ):
        try:
            wanted = RefundPayment(
                amount=Decimal("1.25"), how=RefundWay.AS_PAID, given_for=GivenFor.DAMAGED, reason="Proof"
            )
            await refund_payment(row["order_id"], row["id"], wanted, by=MANAGER, settings=settings)
            done["refund"] += 1
        except DomainError as refusal:
            done[f"refused: {refusal.code}"] += 1
    print(f"  {dict(done)}")
    await _compare(connection, database, today)


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
    moved = sum(p.debit - p.credit for p in journal.postings if p.account is Account.RECEIVABLES)
    check(f"receivables {moved} = what is open {owed}", moved == owed == close.receivables)
