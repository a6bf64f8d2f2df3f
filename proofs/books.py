"""The books: after thousands of random acts and a race of circles, all that is owed adds up from the rows."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

import asyncpg
import httpx2
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.adjust import AdjustCredit, adjust_credit
from domain.customers.linking import link_orders
from domain.kernel.actor import GUEST, Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.errors import DomainError
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.enter import EnterOrder, enter_order
from domain.order_desk.hold import ReleaseOrder, release_order
from domain.order_desk.move import move_order
from domain.orders.place import PlaceOrder, place_order
from domain.orders.rules import OrderRules
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.check_photos import CheckPhotos, prepare_photos
from domain.payments.checks import ReviewCheck, approve_check, reject_check, upload_check
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from domain.stock.ledger import set_stock_level
from models import Customer, GivenFor, OrderStatus, PaymentMethod, Role, StockReason
from models.postgres.connect import connect
from models.session import Database, use_database
from proofs.ground import check, order_of, proving_database, running_servers, staff_token, stock_shelf
from settings import Settings, load_settings

RULES = OrderRules(
    free_delivery_minimum=Decimal("300.00"), delivery_fee=Decimal("25.00"), rep_max_discount_pct=Decimal(15)
)
ZERO = Decimal("0.00")
CENT = Decimal("0.01")
MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
LIMIT = Decimal("3000.00")


@dataclass
class World:
    """Who and what the acts choose from."""

    database: Database
    settings: Settings
    random: random.Random
    products: list[int]
    customers: list[int]
    photos: CheckPhotos
    orders: list[int] = field(default_factory=list)
    numbers: dict[int, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    def pick_order(self) -> int:
        """One of the orders so far, the newest ones more often."""
        at = int(len(self.orders) * self.random.random() ** 0.5)
        return self.orders[min(at, len(self.orders) - 1)]

    def pick_lines(self) -> list[dict[str, int]]:
        """One to three lines of any products."""
        chosen = self.random.sample(self.products, self.random.randint(1, min(3, len(self.products))))
        return [{"product_id": product, "quantity": self.random.choice([1, 1, 2, 3, 5, 12])} for product in chosen]

    def note(self, order_id: int, number: str) -> None:
        """Remember an order that was made."""
        self.orders.append(order_id)
        self.numbers[order_id] = number


async def prove(*, acts: int = 10_000, circles: int = 100, seed: int = 7) -> None:
    """Do the random acts and compare every sum, then race the circles over one limit."""
    async with proving_database() as url, running_servers(url, 1) as servers:
        connection = await connect(url)
        token = await staff_token(connection)
        database = Database(url, pool_size=16)
        use_database(database)
        try:
            world = await make_world(connection, database, seed)
            await do_acts(world, acts)
            await compare(world, connection, servers[0].url, token)
            await race_circles(world, connection, circles)
        finally:
            await database.close()
            await connection.close()


async def make_world(connection: asyncpg.Connection, database: Database, seed: int) -> World:
    """Six products, five accounts with different terms, and the photo of a check."""
    products = await stock_shelf(connection, [400, 60, 30, 500, 12, 200])
    await connection.execute("UPDATE product SET bulk_price = 9, bulk_quantity = 10 WHERE id = $1", products[0])
    customers = []
    for number, (terms, limit) in enumerate(
        [("net30", LIMIT), ("net30", Decimal("500.00")), ("net30", ZERO), ("prepaid", ZERO), ("net30", LIMIT)]
    ):
        async with database.separate_transaction() as db:
            customer = Customer(
                username=f"proof{number}",
                email=f"proof{number}@ladle.example",
                email_verified_at=now(),
                company_name=f"Proof {number}",
                payment_terms=terms,
                credit_limit=limit,
            )
            db.add(customer)
            await db.flush()
            customers.append(customer.id)
    written = BytesIO()
    Image.new("RGB", (80, 40), (90, 90, 90)).save(written, "PNG")
    photos = await prepare_photos(written.getvalue(), None)
    return World(database, load_settings(), random.Random(seed), products, customers, photos)


async def do_acts(world: World, acts: int) -> None:
    """So many acts in random order; what is refused is part of it."""
    names = list(ACTS)
    weights = [weight for weight, _ in ACTS.values()]
    refused: Counter[str] = Counter()
    for _ in range(acts):
        (name,) = world.random.choices(names, weights)
        if name not in {"place", "enter"} and not world.orders:
            name = "place"
        act = ACTS[name][1]
        try:
            if name == "refund":
                await refund(world)
            else:
                async with world.database.separate_transaction() as db:
                    await act(world, db)
        except DomainError:
            refused[name] += 1
        else:
            world.done[name] += 1
    print(f"  {acts} acts: done {dict(world.done)}")
    print(f"  refused {dict(refused)}")


async def place(world: World, db: AsyncSession) -> None:
    """Somebody orders in the shop, a guest also with an address that an account has."""
    by, more = GUEST, {}
    if world.random.random() < 0.7:
        by = Actor(ActorKind.CUSTOMER, world.random.choice(world.customers), "Proof")
    else:
        more = {"delivery_email": f"proof{world.random.randrange(5)}@ladle.example"}
    method = world.random.choice(["net30", "net30", "credit_card", "check"])
    body = order_of([], payment_method=method, **more) | {"items": world.pick_lines()}
    placed = await place_order(db, PlaceOrder.model_validate(body), by=by, rules=RULES)
    world.note(placed.written.id, placed.written.order_number)


async def enter(world: World, db: AsyncSession) -> None:
    """The desk enters an order, sometimes over the limit, paid or given away."""
    body = order_of([], payment_method=world.random.choice(["net30", "cash"])) | {
        "items": world.pick_lines(),
        "customer_id": world.random.choice(world.customers),
        "payment_status": world.random.choice(["paid", "unpaid", "unpaid"]),
        "override_terms": world.random.random() < 0.2,
        "discount_amount": Decimal(world.random.choice(["0.00", "0.00", "5.00"])),
    }
    entered = await enter_order(db, EnterOrder.model_validate(body), by=MANAGER, rules=RULES)
    world.note(entered.written.id, entered.written.order_number)


async def edit(world: World, db: AsyncSession) -> None:
    """A colleague changes the lines, the discount or the fee."""
    more: dict[str, Any] = {"override_terms": world.random.random() < 0.1}
    if world.random.random() < 0.3:
        more["discount_amount"] = Decimal(world.random.randint(0, 2000)) / 100
    if world.random.random() < 0.2:
        more["delivery_fee"] = Decimal(world.random.randint(0, 5000)) / 100
    data = EditItems.model_validate({"items": world.pick_lines()} | more)
    await edit_items(db, world.pick_order(), data, by=MANAGER, rules=RULES)


async def link(world: World, db: AsyncSession) -> None:
    """An account proves its address and gets its guest orders."""
    customer = await db.get_one(Customer, world.random.choice(world.customers), with_for_update={"key_share": True})
    await link_orders(db, customer)


async def release(world: World, db: AsyncSession) -> None:
    """A manager lets a held order go."""
    await release_order(db, world.pick_order(), ReleaseOrder(reason="Known for years"), by=MANAGER)


async def pay(world: World, db: AsyncSession) -> None:
    """Money comes in: some, all or too much."""
    amount = world.random.choice([ZERO, ZERO, Decimal(world.random.randint(1, 40_000)) / 100])
    method = world.random.choice([PaymentMethod.CASH, PaymentMethod.CHECK])
    await mark_paid(db, world.pick_order(), MarkPaid(amount_received=amount, payment_method=method), by=MANAGER)


async def send_check(world: World, db: AsyncSession) -> None:
    """The photo of a check comes in."""
    await upload_check(db, world.numbers[world.pick_order()], world.photos, by=MANAGER)


async def approve(world: World, db: AsyncSession) -> None:
    """The office approves a check."""
    await approve_check(db, world.numbers[world.pick_order()], ReviewCheck(), by=MANAGER)


async def reject(world: World, db: AsyncSession) -> None:
    """The office rejects a check."""
    await reject_check(db, world.numbers[world.pick_order()], ReviewCheck(), by=MANAGER)


async def refund(world: World) -> None:
    """Some or all of a payment goes back, as an allowance or a reversal."""
    order_id = world.pick_order()
    async with world.database.raw_reading() as connection:
        paid = await connection.fetch("SELECT id FROM payment WHERE order_id = $1 AND amount > 0", order_id)
    if not paid:
        return
    data = RefundPayment(
        amount=world.random.choice([ZERO, Decimal(world.random.randint(1, 9_000)) / 100]),
        how=world.random.choice(list(RefundWay)),
        given_for=world.random.choice(list(GivenFor)),
        reason="Proof",
    )
    await refund_payment(order_id, world.random.choice(paid)["id"], data, by=MANAGER, settings=world.settings)


async def cancel(world: World, db: AsyncSession) -> None:
    """An order is cancelled."""
    await cancel_order(db, world.pick_order(), by=MANAGER)


async def reopen(world: World, db: AsyncSession) -> None:
    """A cancelled order comes back."""
    await move_order(db, world.pick_order(), to=OrderStatus.PENDING, by=MANAGER)


async def move(world: World, db: AsyncSession) -> None:
    """An order moves on."""
    to = world.random.choice([OrderStatus.CONFIRMED, OrderStatus.PACKED, OrderStatus.SHIPPED])
    await move_order(db, world.pick_order(), to=to, by=MANAGER)


async def give_credit(world: World, db: AsyncSession) -> None:
    """A manager gives or takes store credit."""
    amount = Decimal(world.random.randint(-2_000, 6_000)) / 100
    await adjust_credit(db, world.random.choice(world.customers), AdjustCredit(amount=amount, note="Proof"), by=MANAGER)


async def use_credit(world: World, db: AsyncSession) -> None:
    """Store credit pays an order."""
    await apply_credit(db, world.pick_order(), ApplyCredit(amount=Decimal("50.00")), by=MANAGER)


async def track(world: World, db: AsyncSession) -> None:
    """Somebody counts a product, or nobody counts it any more."""
    level = world.random.choice([None, 40, 200])
    await set_stock_level(db, world.random.choice(world.products), level, reason=StockReason.COUNTED, by=MANAGER)


ACTS: dict[str, tuple[int, Callable[[World, AsyncSession], Awaitable[None]]]] = {
    "place": (16, place),
    "enter": (6, enter),
    "edit": (16, edit),
    "link": (2, link),
    "release": (6, release),
    "pay": (12, pay),
    "send_check": (5, send_check),
    "approve": (5, approve),
    "reject": (4, reject),
    "refund": (14, place),
    "cancel": (8, cancel),
    "reopen": (8, reopen),
    "move": (6, move),
    "give_credit": (3, give_credit),
    "use_credit": (6, use_credit),
    "track": (3, track),
}


async def compare(world: World, connection: asyncpg.Connection, server: str, token: str) -> None:
    """Recompute every sum from the rows in plain Python, and hold it against the API and the pages' statements."""
    said = await read_orders(server, token)
    rows = await connection.fetch("SELECT * FROM orders")
    payments: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch("SELECT * FROM payment WHERE state = 'succeeded' AND order_id IS NOT NULL"):
        payments[row["order_id"]].append(row)
    credited = Counter[int]()
    for row in await connection.fetch(
        "SELECT p.order_id, c.amount FROM credit_entry AS c JOIN payment AS p ON p.id = c.payment_id "
        "WHERE c.kind = 'overpayment'"
    ):
        credited[row["order_id"]] += row["amount"]
    lines: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch("SELECT * FROM order_item"):
        lines[row["order_id"]].append(row)
    wrong: list[tuple[object, ...]] = []
    exposure: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for row in rows:
        figures = recompute(row, lines[row["id"]], payments[row["id"]], Decimal(credited[row["id"]]))
        answered = said[row["order_number"]]
        if any(Decimal(str(answered[name])) != amount for name, amount in figures.items()):
            wrong.append((row["order_number"], figures, {name: answered[name] for name in figures}))
        if row["customer_id"] and row["on_terms"] and not row["on_hold"] and row["status"] != "cancelled":
            exposure[row["customer_id"]] += figures["balance"]
        is_paid = row["payment_status"] in {"paid", "refunded", "partially_refunded"}
        if row["status"] != "cancelled" and is_paid != (figures["balance"] == ZERO):
            wrong.append((row["order_number"], row["payment_status"], figures["balance"]))
    check(f"{len(rows)} orders: total, paid, allowed, balance, refund due and status are what the rows say", not wrong)
    await compare_exposure(world, connection, exposure)
    await compare_stock(connection)
    await compare_credit(connection)


def recompute(
    row: asyncpg.Record, lines: list[asyncpg.Record], payments: list[asyncpg.Record], credited: Decimal
) -> dict[str, Decimal]:
    """The figures of one order from its lines and payments."""
    subtotal = sum((line["unit_price"] * line["quantity"] for line in lines), ZERO)
    total = max(subtotal - row["discount_amount"] + row["delivery_fee"], ZERO)
    paid = sum((each["applied_amount"] for each in payments), ZERO)
    allowed = -sum(
        (
            each["applied_amount"]
            for each in payments
            if each["given_back"] == "allowance" and each["given_for"] != "cancelled"
        ),
        ZERO,
    )
    over = max(sum((each["amount"] - each["applied_amount"] for each in payments), ZERO) - credited, ZERO)
    is_cancelled = row["status"] == "cancelled"
    claim = max(total - allowed, ZERO)
    return {
        "subtotal": subtotal,
        "total_amount": total,
        "amount_paid": paid,
        "allowances": allowed,
        "balance": ZERO if is_cancelled else max(claim - paid, ZERO),
        "refund_due": over + (paid if is_cancelled else max(paid - claim, ZERO)),
    }


async def read_orders(server: str, token: str) -> dict[str, dict[str, Any]]:
    """Every order as the API answers it, by its number."""
    found: dict[str, dict[str, Any]] = {}
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=120, headers=headers) as client:
        page = 1
        while True:
            answer = (await client.get(f"{server}/api/staff/orders?per_page=200&page={page}")).json()
            found |= {order["order_number"]: order for order in answer["orders"]}
            if page >= answer["pages"]:
                return found
            page += 1


async def compare_exposure(world: World, connection: asyncpg.Connection, counted: dict[int, Decimal]) -> None:
    """What each customer owes on terms, as the one function answers it."""
    from domain.credit.exposure import calculate_exposure, find_customer

    wrong = []
    for customer_id in world.customers:
        customer = await find_customer(connection, customer_id)
        assert customer is not None
        standing = await calculate_exposure(connection, customer)
        if standing.exposure != counted[customer_id]:
            wrong.append((customer_id, standing.exposure, counted[customer_id]))
    print(f"  exposure {[str(counted[customer_id]) for customer_id in world.customers]}")
    check("the exposure of every customer is the sum of their open orders on terms", not wrong)


async def compare_stock(connection: asyncpg.Connection) -> None:
    """The ledger adds up to each level, and a cancelled order holds nothing."""
    levels = Counter[int]()
    held: dict[int, Counter[int]] = defaultdict(Counter)
    for row in await connection.fetch("SELECT product_id, order_id, delta FROM stock_movement ORDER BY id"):
        levels[row["product_id"]] += row["delta"]
        if row["order_id"] is not None:
            held[row["order_id"]][row["product_id"]] -= row["delta"]
    products = await connection.fetch("SELECT id, stock_quantity FROM product")
    check("the ledger adds up to the level", all(levels[row["id"]] == (row["stock_quantity"] or 0) for row in products))
    rows = await connection.fetch("SELECT id, status FROM orders")
    lines: dict[int, Counter[int]] = defaultdict(Counter)
    for row in await connection.fetch("SELECT order_id, product_id, quantity FROM order_item"):
        lines[row["order_id"]][row["product_id"]] += row["quantity"]
    is_right = all(
        not any(held[row["id"]].values())
        if row["status"] == "cancelled"
        else all(0 <= units <= lines[row["id"]][product] for product, units in held[row["id"]].items())
        for row in rows
    )
    check("a cancelled order holds nothing, any other at most what its lines ask for", is_right)


async def compare_credit(connection: asyncpg.Connection) -> None:
    """The credit of each customer is the sum of its entries, and was never below zero."""
    balance: dict[int, Decimal] = defaultdict(lambda: ZERO)
    is_right = True
    for row in await connection.fetch("SELECT customer_id, amount, balance_after FROM credit_entry ORDER BY id"):
        balance[row["customer_id"]] += row["amount"]
        is_right = is_right and balance[row["customer_id"]] == row["balance_after"] >= ZERO
    check("store credit adds up and is never below zero", is_right)


async def race_circles(world: World, connection: asyncpg.Connection, circles: int) -> None:
    """Circles of placing, growing, paying, taking back, cancelling and reopening at once, all over one limit.

    A trigger writes down the exposure at the end of every transaction that changed an order of the customer's.
    """
    customer_id = world.customers[4]
    await connection.execute("UPDATE orders SET customer_id = NULL WHERE customer_id = $1", customer_id)
    await connection.execute("UPDATE product SET stock_quantity = NULL")
    await connection.execute(WATCH)
    settled = await asyncio.gather(*(_circle(world, customer_id, number) for number in range(circles)))
    highest = await connection.fetchval("SELECT max(exposure) FROM proof_exposure")
    looks = await connection.fetchval("SELECT count(*) FROM proof_exposure")
    print(f"  {circles} circles: {sum(settled)} acts done, {looks} commits watched, highest exposure {highest}")
    check(f"the exposure was never above {LIMIT} at a commit", highest is not None and highest <= LIMIT)


async def _circle(world: World, customer_id: int, number: int) -> int:
    """One customer's order through all that may raise what is owed; how many of the acts were done."""
    chance = random.Random(number)
    by = Actor(ActorKind.CUSTOMER, customer_id, "Proof")
    done = 0
    body = order_of([(world.products[3], chance.randint(10, 60))], payment_method="net30")
    async with world.database.separate_transaction() as db:
        placed = await place_order(db, PlaceOrder.model_validate(body), by=by, rules=RULES)
    order_id = placed.written.id

    async def grow(db: AsyncSession) -> None:
        items = [{"product_id": world.products[3], "quantity": chance.randint(1, 120)}]
        await edit_items(db, order_id, EditItems.model_validate({"items": items}), by=MANAGER, rules=RULES)

    async def settle(db: AsyncSession) -> None:
        await mark_paid(db, order_id, MarkPaid(), by=MANAGER)

    async def stop(db: AsyncSession) -> None:
        await cancel_order(db, order_id, by=MANAGER)

    async def resume(db: AsyncSession) -> None:
        await move_order(db, order_id, to=OrderStatus.PENDING, by=MANAGER)

    for act in (grow, settle, None, grow, stop, resume, grow, settle, None):
        try:
            if act is None:
                await _take_back(world, order_id)
            else:
                async with world.database.separate_transaction() as db:
                    await act(db)
        except DomainError:
            continue
        done += 1
    return done


async def _take_back(world: World, order_id: int) -> None:
    async with world.database.raw_reading() as connection:
        payment = await connection.fetchval("SELECT max(id) FROM payment WHERE order_id = $1 AND amount > 0", order_id)
    if payment is not None:
        data = RefundPayment(given_for=GivenFor.MISTAKE, reason="Proof")
        await refund_payment(order_id, payment, data, by=MANAGER, settings=world.settings)


WATCH = """
CREATE TABLE proof_exposure (exposure numeric);
CREATE FUNCTION proof_watch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO proof_exposure SELECT coalesce(sum(balance), 0) FROM orders
  WHERE customer_id = NEW.customer_id AND on_terms AND NOT on_hold AND status <> 'cancelled';
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER proof_watch AFTER INSERT OR UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.customer_id IS NOT NULL) EXECUTE FUNCTION proof_watch();
"""
