"""One credit limit: parallel orders, then circles of orders and invoices, edited, paid, voided and brought back.

An edit changes the lines, the delivery fee or the discount; each is an act of its own, and counted.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import calculate_exposure, find_customer
from domain.customers.linking import link_orders
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.edit import UpdateInvoice, update_invoice
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.void import delete_invoice
from domain.kernel.actor import GUEST, Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.errors import DomainError, NotFound
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.enter import EnterOrder, enter_order
from domain.order_desk.move import move_order
from domain.orders.place import PlaceOrder, place_order
from domain.payments.mark_paid import MarkPaid, mark_paid
from models import Customer, Order, OrderItem, OrderStatus, PaymentMethod, Role
from models.session import Database, use_database
from postgres.connect import connect
from proofs.book_acts import RULES
from proofs.ground import check, order_of, proving_database, stock_shelf

LIMIT = Decimal("1000.00")
ZERO = Decimal("0.00")
MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
ZONE = ZoneInfo("America/Chicago")
AT_ONCE = 16
# With this number of circles every act occurs.
ENOUGH = 50
EMAIL = "circles@ladle.example"
# The id of no row.
NOWHERE = 999_999_999


async def prove(*, orders: int = 100, circles: int = 100, acts: int = 24, seed: int = 5) -> None:
    """Place many orders at once over the limit, then run the circles, watching the exposure at every commit."""
    async with proving_database() as url:
        connection, database = await connect(url), Database(url, pool_size=AT_ONCE + 2)
        use_database(database)
        try:
            (product,) = await stock_shelf(connection, [1_000_000])
            await connection.execute(
                "UPDATE product SET unit_price = 10, bulk_price = NULL, bulk_quantity = NULL WHERE id = $1", product
            )
            async with database.separate_transaction() as db:
                account = Customer(
                    username="circles", email=EMAIL, email_verified_at=now(), payment_terms="net30", credit_limit=LIMIT
                )
                db.add(account)
                await db.flush()
                customer = account.id
            await connection.execute(WATCH)
            ground = Ground(connection, database, customer, product)
            await place_at_once(ground, orders)
            await run_circles(ground, circles, acts, seed)
        finally:
            await database.close()
            await connection.close()


@dataclass(frozen=True, slots=True)
class Ground:
    """The database, and the customer and product of all acts."""

    connection: asyncpg.Connection
    database: Database
    customer: int
    product: int


async def place_at_once(ground: Ground, count: int) -> None:
    """Concurrent orders of 100.00 entered by staff: only as many as the limit covers are accepted."""
    gate = asyncio.Semaphore(AT_ONCE)
    data = EnterOrder.model_validate(_order(ground.product, ground.customer, 10))

    async def place() -> bool:
        try:
            async with gate, ground.database.separate_transaction() as db:
                await enter_order(db, data, by=MANAGER, rules=RULES)
        except DomainError:
            return False
        return True

    taken = sum(await asyncio.gather(*(place() for _ in range(count))))
    check(f"{taken} of {count} orders of 100.00 are taken under a limit of {LIMIT}", taken == min(count, 10))
    await ground.connection.execute("UPDATE orders SET customer_id = NULL")


async def run_circles(ground: Ground, circles: int, acts: int, seed: int) -> None:
    """Many concurrent actors, each with its own order and invoices, while another recounts."""
    done: Counter[str] = Counter()
    gate, over = asyncio.Semaphore(AT_ONCE), asyncio.Event()
    recounter = asyncio.create_task(_recount_until(ground, over))
    await asyncio.gather(*(_circle(ground, random.Random(seed + n), acts, gate, done) for n in range(circles)))
    over.set()
    looks, wrong = await recounter
    highest, commits = await ground.connection.fetchrow("SELECT max(exposure), count(*) FROM proof_exposure")
    print(f"  {circles} circles of {acts} acts: {dict(sorted(done.items()))}")
    print(f"  {commits} commits watched, highest exposure {highest}; recounted {looks} times")
    check(f"the exposure was never above {LIMIT} at a commit", highest is not None and highest <= LIMIT)
    check("the exposure was always the plain recount of the rows", looks > 0 and not wrong)
    if circles >= ENOUGH:
        check("every kind of act was done", set(ACTS) <= set(done))


async def _circle(
    ground: Ground, chance: random.Random, acts: int, gate: asyncio.Semaphore, done: Counter[str]
) -> None:
    """One order and separate invoices, through random acts."""
    circle = Circle(chance, ground.customer, ground.product)
    for _ in range(acts):
        (name,) = circle.chance.choices(list(ACTS), [circle.weigh(act) for act in ACTS])
        try:
            async with gate, ground.database.separate_transaction() as db:
                await ACTS[name](circle, db)
            done[name] += 1
        except DomainError:
            done["refused"] += 1


class Circle:
    """One actor's orders and invoices."""

    def __init__(self, chance: random.Random, customer: int, product: int) -> None:
        self.chance, self.customer, self.product = chance, customer, product
        self.orders: list[tuple[int, str]] = []
        self.invoices: list[int] = []
        self.bills: list[int] = []

    def weigh(self, act: str) -> int:
        """The frequency of an act, and what it needs."""
        has_any = {"order": self.orders, "invoice": self.invoices + self.bills, "bill": self.bills, "": [0]}
        weight, wanted = WEIGHTS[act]
        return weight if has_any[wanted] else 0

    def order(self) -> tuple[int, str]:
        """One of the orders, or none yet."""
        return self.chance.choice(self.orders) if self.orders else (NOWHERE, "-")

    def invoice(self) -> int:
        """One of the invoices, or none yet."""
        made = self.invoices + self.bills
        return self.chance.choice(made) if made else NOWHERE


async def place(circle: Circle, db: AsyncSession) -> None:
    """A customer orders on terms."""
    by = Actor(ActorKind.CUSTOMER, circle.customer, "Proof")
    body = order_of([(circle.product, circle.chance.randint(1, 40))], payment_method="net30")
    placed = await place_order(db, PlaceOrder.model_validate(body), by=by, rules=RULES)
    circle.orders.append((placed.written.id, placed.written.order_number))


async def place_as_guest(circle: Circle, db: AsyncSession) -> None:
    """A guest orders on terms, which waits for an account."""
    lines = [(circle.product, circle.chance.randint(1, 40))]
    body = order_of(lines, payment_method="net30", delivery_email=EMAIL)
    placed = await place_order(db, PlaceOrder.model_validate(body), by=GUEST, rules=RULES)
    circle.orders.append((placed.written.id, placed.written.order_number))


async def link(circle: Circle, db: AsyncSession) -> None:
    """The guests' orders are linked to the account."""
    account = await db.get_one(Customer, circle.customer, with_for_update={"key_share": True})
    await link_orders(db, account)


async def edit(circle: Circle, db: AsyncSession) -> None:
    """The order grows or shrinks."""
    items = [{"product_id": circle.product, "quantity": circle.chance.randint(1, 80)}]
    await edit_items(db, circle.order()[0], EditItems.model_validate({"items": items}), by=MANAGER, rules=RULES)


async def change_fee(circle: Circle, db: AsyncSession) -> None:
    """The order's delivery fee rises or falls."""
    fee = Decimal(circle.chance.randint(0, 30_000)) / 100
    await _change_money(circle, db, "delivery_fee", fee)


async def change_discount(circle: Circle, db: AsyncSession) -> None:
    """The order's discount shrinks, or grows."""
    discount = Decimal(circle.chance.randint(0, 10_000)) / 100
    await _change_money(circle, db, "discount_amount", discount)


async def _change_money(circle: Circle, db: AsyncSession, field: str, amount: Decimal) -> None:
    """The same lines with a different amount; an unchanged one is no act."""
    order_id, _ = circle.order()
    order = await db.get(Order, order_id)
    items = await db.execute(select(OrderItem.product_id, OrderItem.quantity).where(OrderItem.order_id == order_id))
    if order is None or getattr(order, field) == amount:
        raise NotFound("Nothing changes.")
    lines = [{"product_id": product, "quantity": quantity} for product, quantity in items]
    data = EditItems.model_validate({"items": lines, field: amount})
    await edit_items(db, order_id, data, by=MANAGER, rules=RULES)
    changed = await db.scalar(select(getattr(Order, field)).where(Order.id == order_id))
    assert changed == amount, f"the {field} was to be {amount} and is {changed}"


async def cancel(circle: Circle, db: AsyncSession) -> None:
    """The order is cancelled, which voids its invoice."""
    await cancel_order(db, circle.order()[0], by=MANAGER)


async def reopen(circle: Circle, db: AsyncSession) -> None:
    """A cancelled order is reopened."""
    await move_order(db, circle.order()[0], to=OrderStatus.PENDING, by=MANAGER)


async def pay_order(circle: Circle, db: AsyncSession) -> None:
    """The order is paid, in full or in part."""
    amount = circle.chance.choice([ZERO, Decimal(circle.chance.randint(1, 20_000)) / 100])
    data = MarkPaid(amount_received=amount, payment_method=PaymentMethod.CASH)
    await mark_paid(db, circle.order()[0], data, by=MANAGER)


async def invoice_order(circle: Circle, db: AsyncSession) -> None:
    """The order is invoiced."""
    data = CreateInvoice.model_validate({"order_number": circle.order()[1], "status": "sent"})
    circle.invoices.append((await create_invoice(db, data, by=MANAGER, timezone=ZONE)).id)


async def bill(circle: Circle, db: AsyncSession) -> None:
    """An invoice without an order, due later."""
    line = {"description": "Ladle", "quantity": circle.chance.randint(1, 20), "unit_price": Decimal("10.00")}
    body: dict[str, Any] = {"customer_name": "Proof", "customer_id": circle.customer, "items": [line]}
    data = CreateInvoice.model_validate(body | {"payment_terms": "net15", "status": "sent"})
    circle.bills.append((await create_invoice(db, data, by=MANAGER, timezone=ZONE)).id)


async def revise(circle: Circle, db: AsyncSession) -> None:
    """An invoice without an order asks for more, or for less."""
    line = {"description": "Ladle", "quantity": circle.chance.randint(1, 30), "unit_price": Decimal("10.00")}
    data = UpdateInvoice.model_validate({"items": [line]})
    await update_invoice(db, circle.chance.choice(circle.bills), data, by=MANAGER, timezone=ZONE)


async def pay_invoice(circle: Circle, db: AsyncSession) -> None:
    """The invoice is paid."""
    amount = Decimal(circle.chance.randint(1, 40_000)) / 100
    data = RecordReceipt(invoice=[circle.invoice()], amount=amount, payment_method=PaymentMethod.CHECK)
    await record_receipt(db, data, by=MANAGER)


async def void(circle: Circle, db: AsyncSession) -> None:
    """The invoice is voided; an order's debt belongs to the order again."""
    await delete_invoice(db, circle.invoice(), by=MANAGER)


ACTS: dict[str, Callable[[Circle, AsyncSession], Awaitable[None]]] = {
    "place": place, "guest": place_as_guest, "link": link, "edit": edit, "fee": change_fee,
    "discount": change_discount, "cancel": cancel, "reopen": reopen,
    "pay order": pay_order, "invoice": invoice_order, "bill": bill, "revise": revise, "pay invoice": pay_invoice,
    "void": void,
}  # fmt: skip


# Frequency and requirements of each act. The limit is soon used up, so payments are more frequent.
WEIGHTS = {
    "place": (2, ""), "guest": (1, ""), "link": (1, ""), "edit": (3, "order"), "fee": (4, "order"),
    "discount": (4, "order"), "cancel": (2, "order"),
    "reopen": (3, "order"), "pay order": (4, "order"), "invoice": (5, "order"), "bill": (4, ""), "revise": (5, "bill"),
    "pay invoice": (6, "invoice"), "void": (2, "invoice"),
}  # fmt: skip


async def _recount_until(ground: Ground, over: asyncio.Event) -> tuple[int, list[Any]]:
    """Compare `calculate_exposure` with a plain recount, each pair in one snapshot, during the circles and once
    afterwards."""
    looks, wrong = 0, []
    while True:
        is_last = over.is_set()
        async with ground.connection.transaction(isolation="repeatable_read", readonly=True):
            row = await find_customer(ground.connection, ground.customer)
            assert row is not None  # it was just made
            said = (await calculate_exposure(ground.connection, row)).exposure
            counted = await _recount(ground.connection, ground.customer)
        looks += 1
        if said != counted:
            wrong.append((said, counted))
        if is_last:
            return looks, wrong
        await asyncio.sleep(0.02)


async def _recount(connection: asyncpg.Connection, customer: int) -> Decimal:
    """The debt, computed only from lines, payments and statuses."""
    paid: Counter[tuple[str, int]] = Counter()
    for row in await connection.fetch("SELECT order_id, invoice_id, applied_amount FROM payment"):
        kind = "order" if row["order_id"] is not None else "invoice"
        paid[kind, row["order_id"] or row["invoice_id"]] += row["applied_amount"]
    invoiced, owed = set(), ZERO
    for row in await connection.fetch(
        "SELECT id, order_id, status, subtotal - discount_amount + shipping_fee + tax_amount AS total FROM invoice "
        "WHERE customer_id = $1 AND status NOT IN ('draft', 'void')", customer,
    ):  # fmt: skip
        invoiced.add(row["order_id"])
        key = ("order", row["order_id"]) if row["order_id"] is not None else ("invoice", row["id"])
        owed += max(row["total"] - paid[key], ZERO)
    for row in await connection.fetch(
        "SELECT o.id, sum(i.unit_price * i.quantity) - o.discount_amount + o.delivery_fee AS total FROM orders AS o "
        "JOIN order_item AS i ON i.order_id = o.id WHERE o.customer_id = $1 AND o.on_terms AND NOT o.on_hold "
        "AND o.status <> 'cancelled' GROUP BY o.id", customer,
    ):  # fmt: skip
        if row["id"] not in invoiced:
            owed += max(row["total"] - paid["order", row["id"]], ZERO)
    return owed


def _order(product: int, customer: int, quantity: int) -> dict[str, Any]:
    more = {"customer_id": customer, "payment_method": "net30", "payment_status": "unpaid", "delivery_fee": ZERO}
    return order_of([(product, quantity)], **more)


# Writes down the exposure at the end of every transaction that changed an order or an invoice of the customer's.
WATCH = """
CREATE TABLE proof_exposure (exposure numeric);
CREATE FUNCTION proof_watch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO proof_exposure SELECT coalesce(sum(owed), 0) FROM (
    SELECT o.balance AS owed FROM orders AS o
    WHERE o.customer_id = NEW.customer_id AND o.on_terms AND NOT o.on_hold AND o.status <> 'cancelled'
      AND NOT EXISTS (SELECT FROM invoice AS i WHERE i.order_id = o.id AND i.status NOT IN ('draft', 'void'))
    UNION ALL
    SELECT balance FROM invoice WHERE customer_id = NEW.customer_id AND status IN ('sent', 'partly_paid')
  ) AS claims;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER proof_watch AFTER INSERT OR UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.customer_id IS NOT NULL) EXECUTE FUNCTION proof_watch();
CREATE CONSTRAINT TRIGGER proof_watch AFTER INSERT OR UPDATE ON invoice DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.customer_id IS NOT NULL) EXECUTE FUNCTION proof_watch();
"""
