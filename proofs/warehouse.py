"""The warehouse: lost answers of the carrier, shuffled parcel events, and two packers on one order."""

import asyncio
import json
import random
from collections import Counter
from datetime import timedelta

from sqlalchemy import func, select, update

from domain.jobs.webhook_inbox import process_event
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, InvalidInput
from domain.warehouse.buy import Client, buy_labels
from domain.warehouse.events import receive_event
from domain.warehouse.label_request import BuyLabels
from domain.warehouse.packing import list_pack_items
from domain.warehouse.reconcile import reconcile_labels
from domain.warehouse.scan import ScanCode, ScanKind, scan_code
from domain.warehouse.void import void_label
from models import Label, LabelState, Order, Role, Tracker, WebhookEvent
from models.session import Database, current_database, separate_transaction, use_database
from proofs.ground import check, proving_database
from settings import Settings, load_settings
from tasks.jobs import load_jobs
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import make_order
from tests.fakes.easypost_server import FakeEasyPost, make_event, sign, with_easypost

LATER = timedelta(days=1)
WAY = ("pre_transit", "in_transit", "out_for_delivery", "delivered")
WANTED = BuyLabels.model_validate(
    {
        "carrier": "USPS", "service": "Priority", "from_address": {}, "to_address": {},
        "parcels": [{"length": 10, "width": 8, "height": 4, "weight": 15.4}],
    }
)  # fmt: skip


async def prove(*, labels: int = 200, events: int = 500, rounds: int = 200) -> None:
    """Run the three proofs, each on a database of its own, beside a carrier of its own."""
    fake = FakeEasyPost()
    await fake.start()
    settings = with_easypost(load_settings(), fake)
    try:
        for act, size in ((lose_answers, labels), (shuffle_events, events), (pack_together, rounds)):
            async with proving_database() as url:
                database = Database(url)
                use_database(database)
                await act(fake, settings, size)
                await database.close()
    finally:
        await fake.stop()


async def _packers(count: int) -> list[Actor]:
    async with separate_transaction() as db:
        return [as_actor(await make_staff(db, Role.WAREHOUSE)) for _ in range(count)]


async def _orders(count: int, *, units: int = 1, status: str = "packed") -> list[tuple[int, str, str]]:
    """Orders of one product each: id, number and SKU."""
    found = []
    async with separate_transaction() as db:
        product = await make_product(db, stock=count * units)
        for _ in range(count):
            placed = (await make_order(db, (product, units))).written
            found.append((placed.id, placed.order_number, product.sku))
        await db.execute(update(Order).values(status=status))
    return found


async def lose_answers(fake: FakeEasyPost, settings: Settings, count: int) -> None:
    """The carrier drops three of ten answers after its work and one before, and every clerk double-clicks."""
    (clerk,) = await _packers(1)
    orders = await _orders(count)
    fake.faults.drop_share, fake.faults.drop_before_share = 0.3, 0.1
    answers: Counter[str] = Counter()
    gate = asyncio.Semaphore(12)

    async def click(number: str) -> None:
        async with gate:
            try:
                await buy_labels(number, WANTED, by=clerk, settings=settings, client=Client(clerk.caller))
                answers["bought"] += 1
            except DomainError as refusal:
                answers[str(refusal.code)] += 1

    await asyncio.gather(*(click(number) for _, number, _ in orders for _ in range(2)))
    await reconcile_labels(settings, ahead=LATER)
    for _ in range(20):
        await asyncio.gather(*(click(number) for _, number, _ in orders))
        async with current_database().session() as db:
            bought = select(func.count()).select_from(Label).where(Label.state == LabelState.BOUGHT)
            if await db.scalar(bought) == count:
                break
    print(f"  {count} labels, {fake.buys} sold, answers: {dict(answers)}")
    async with current_database().session() as db:
        rows = list((await db.execute(select(Label))).scalars())
        numbers = {number for (number,) in await db.execute(select(Order.tracking_number))}
    sold = {shipment["tracking_code"] for shipment in fake.bought}
    check("each parcel has one label", len(rows) == len({row.order_id for row in rows}) == count)
    check("the carrier sold one label a parcel", fake.buys == count)
    check("none is orphaned", sold == {row.tracking_number for row in rows} == numbers)
    await _void_half(fake, settings, clerk, rows[: count // 2])


async def _void_half(fake: FakeEasyPost, settings: Settings, clerk: Actor, rows: list[Label]) -> None:
    """Answers to voids are lost too; each refunds its own label, once."""

    refusals: set[str] = set()

    async def void(label: Label) -> None:
        try:
            await void_label(label.id, by=clerk, settings=settings)
        except DomainError as refusal:
            refusals.add(str(refusal.code))

    await asyncio.gather(*(void(label) for label in rows))
    for _ in range(20):
        await reconcile_labels(settings, ahead=LATER)
    fake.faults.drop_share = fake.faults.drop_before_share = 0
    await reconcile_labels(settings, ahead=LATER)
    async with current_database().session() as db:
        voided = {row.shipment_id for row in (await db.execute(select(Label))).scalars() if row.voided_at is not None}
    refunded = {shipment["id"] for shipment in fake.bought if shipment["refund_status"]}
    check("a void is refused for a lost answer only", refusals <= {Code.VOID_PENDING, Code.LABEL_VOIDED})
    check("a void refunds the right label", refunded == voided == {row.shipment_id for row in rows})
    check("each refund is asked for once", fake.refunds == len(rows))


async def shuffle_events(_fake: FakeEasyPost, settings: Settings, count: int) -> None:
    """Each parcel's events arrive three times and shuffled, one in twenty forged; the end state is the same."""
    load_jobs()
    chance = random.Random(5)
    orders = await _orders(count // len(WAY), status="shipped")
    async with separate_transaction() as db:
        for order_id, _, _ in orders:
            db.add(Tracker(order_id=order_id, tracking_number=f"9400{order_id}", details=[]))
            await db.execute(update(Order).where(Order.id == order_id).values(tracking_number=f"9400{order_id}"))
    sent = []
    for order_id, _, _ in orders:
        for minute, status in enumerate(WAY):
            tracker = {
                "id": f"trk_{order_id}", "tracking_code": f"9400{order_id}", "status": status, "carrier": "USPS",
                "updated_at": f"2026-11-24T10:{minute:02d}:00Z", "tracking_details": [],
            }  # fmt: skip
            body = json.dumps(make_event(order_id * 10 + minute, "tracker.updated", tracker)).encode()
            sent += [(body, sign(body))] * 3
    forged = [(body, sign(body, "another secret")) for body, _ in chance.sample(sent, max(len(sent) // 20, 1))]
    everything = sent + forged
    chance.shuffle(everything)
    refused = 0
    for body, headers in everything:
        try:
            async with separate_transaction() as db:
                await receive_event(db, body, headers, settings=settings)
        except InvalidInput:
            refused += 1
    async with current_database().session() as db:
        kept = list((await db.execute(select(WebhookEvent.id))).scalars())
    chance.shuffle(kept)
    for event_id in kept:
        await process_event(event_id)
    async with current_database().session() as db:
        states = Counter((await db.execute(select(Order.status))).scalars())
    print(f"  {len(everything)} events, {len(kept)} kept, {refused} forged ones refused")
    check("forged events are refused", refused == len(forged))
    check("each event is kept once", len(kept) == len(orders) * len(WAY))
    check("every order is delivered", states == {"delivered": len(orders)})


async def pack_together(_fake: FakeEasyPost, settings: Settings, rounds: int) -> None:
    """Two packers scan all of one order concurrently: no unit is counted twice or lost."""
    del settings
    packers, units = await _packers(2), 3
    orders = await _orders(rounds, units=units, status="confirmed")
    counted: Counter[ScanKind] = Counter()

    async def scan(number: str, sku: str, by: Actor, key: str) -> None:
        async with separate_transaction() as db:
            scanned = await scan_code(db, number, ScanCode(code=sku, scan_key=key), by=by)
            counted[scanned.kind] += 1

    for _, number, sku in orders:
        await asyncio.gather(*(scan(number, sku, by, f"{by.id}-{place}") for by in packers for place in range(units)))
    async with current_database().session() as db:
        packed = [(await list_pack_items(db, order_id))[0].packed for order_id, _, _ in orders]
    print(f"  {rounds} orders, {counted[ScanKind.COUNTED]} units counted, {counted[ScanKind.FULL]} refused as too many")
    check("every unit is counted once", packed == [units] * rounds and counted[ScanKind.COUNTED] == units * rounds)
    check("what was too many is refused", counted[ScanKind.FULL] == units * rounds)
