"""The random acts of the books' proof: everything that moves money or stock."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

import asyncpg
from PIL import Image
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.adjust import AdjustCredit, adjust_credit
from domain.customers.linking import link_orders
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.void import delete_invoice
from domain.kernel.actor import GUEST, Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.errors import DomainError
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.enter import EnterOrder, enter_order
from domain.order_desk.hold import ReleaseOrder, release_order
from domain.order_desk.move import move_order
from domain.order_desk.short_pick import ShipShort, ship_short
from domain.orders.place import PlaceOrder, place_order
from domain.orders.rules import OrderRules
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.check_photos import CheckPhotos, prepare_photos
from domain.payments.checks import ReviewCheck, approve_check, reject_check, upload_check
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from domain.stock.ledger import set_stock_level
from models import CreditReason, Customer, GivenFor, OrderItem, OrderStatus, PaymentMethod, Role, StockReason
from models.session import Database
from proofs.ground import order_of, stock_shelf
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
    """The customers, products and orders for the acts."""

    database: Database
    settings: Settings
    random: random.Random
    products: list[int]
    customers: list[int]
    photos: CheckPhotos
    orders: list[int] = field(default_factory=list)
    numbers: dict[int, str] = field(default_factory=dict)
    invoices: list[int] = field(default_factory=list)
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
    """Perform random acts; refusals are expected."""
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
    """A customer orders in the shop, or a guest, also with an account's email."""
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
    """The desk enters an order, sometimes over the limit, paid or free."""
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
    # Without an amount, all that is left.
    part = {"amount": Decimal(world.random.randint(1, 9_000)) / 100}
    data = RefundPayment(
        **world.random.choice([{}, part]),
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
    """Count a product, or stop tracking it."""
    level = world.random.choice([None, 40, 200])
    await set_stock_level(db, world.random.choice(world.products), level, reason=StockReason.COUNTED, by=MANAGER)


async def bill(world: World, db: AsyncSession) -> None:
    """The office sends an invoice that has no order, with time to pay or without."""
    data = CreateInvoice.model_validate(
        {
            "customer_id": world.random.choice(world.customers),
            "customer_name": "Proof",
            "items": [
                {"description": "Hood", "quantity": 1, "unit_price": Decimal(world.random.randint(1, 90_000)) / 100}
            ],
            "status": "sent",
            "override_terms": world.random.random() < 0.1,
        }
    )
    world.invoices.append((await create_invoice(db, data, by=MANAGER, timezone=world.settings.timezone)).id)


async def bill_order(world: World, db: AsyncSession) -> None:
    """The office sends the invoice of an order."""
    data = CreateInvoice(order_number=world.numbers[world.pick_order()], status="sent")
    world.invoices.append((await create_invoice(db, data, by=MANAGER, timezone=world.settings.timezone)).id)


async def pay_invoice(world: World, db: AsyncSession) -> None:
    """Money comes in for an invoice: some of it or too much."""
    if world.invoices:
        amount = Decimal(world.random.randint(1, 60_000)) / 100
        data = RecordReceipt(invoice=[world.random.choice(world.invoices)], amount=amount)
        await record_receipt(db, data, by=MANAGER)


async def ship_without(world: World, db: AsyncSession) -> None:
    """An order ships short."""
    order_id = world.pick_order()
    sold = select(OrderItem.product_id, OrderItem.quantity).where(OrderItem.order_id == order_id)
    product_id, quantity = world.random.choice((await db.execute(sold.order_by(OrderItem.id))).all())
    missing = [{"product_id": product_id, "quantity": world.random.randint(1, quantity)}]
    data = ShipShort.model_validate({"items": missing})
    await ship_short(db, world.numbers[order_id], data, by=MANAGER, company_name="Proof")


async def credit_invoice(world: World, db: AsyncSession) -> None:
    """The office takes something off an invoice."""
    if world.invoices:
        amount = Decimal(world.random.randint(1, 9_000)) / 100
        data = IssueCredit(amount=amount, reason=world.random.choice(list(CreditReason)))
        await issue_credit_memo(db, world.random.choice(world.invoices), data, by=MANAGER)


async def void(world: World, db: AsyncSession) -> None:
    """The office voids an invoice: all of them were sent."""
    if world.invoices:
        await delete_invoice(db, world.random.choice(world.invoices), by=MANAGER)


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
    "move": (9, move),
    "give_credit": (3, give_credit),
    "use_credit": (6, use_credit),
    "track": (3, track),
    "bill": (3, bill),
    "bill_order": (4, bill_order),
    "pay_invoice": (4, pay_invoice),
    "void": (2, void),
    "ship_without": (6, ship_without),
    "credit_invoice": (5, credit_invoice),
}
