"""Labels for many orders in one act: each bought once, what fails waits for somebody, killed half-way it goes on."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.warehouse import batch_run
from domain.warehouse.batch import Choice, StartBatch, give_up_batch, start_batch
from domain.warehouse.batch_run import arrives_on, choose_rate, run_batch
from domain.warehouse.quote import OfferedRate
from domain.warehouse.reconcile import reconcile_labels
from integrations.errors import ServiceFailed
from models import BatchState, JobRun, Label, LabelBatch, LabelBatchOrder, LabelState, Order, Role, Staff
from models.session import Database, separate_transaction
from settings import Settings
from tests.factories import as_actor, make_staff, sign_in
from tests.fakes.easypost_server import FakeEasyPost
from tests.portal.forms import read_page, send_form
from tests.portal.warehouse.test_pages import QUEUE, packer, ready
from tests.statements import noted_statements

# What is due by then is asked about; what was never bought is not given up yet.
SOON = timedelta(minutes=2)


async def begin(client: TestClientProtocol, numbers: list[str]) -> int:
    status, _, where = await send_form(client, QUEUE, f"{QUEUE}/bulk", act="labels", order=numbers)
    assert (status, where.rsplit("/", 1)[0]) == (303, f"{QUEUE}/labels")
    return int(where.rsplit("/", 1)[1])


async def states(db: AsyncSession, batch_id: int) -> list[str]:
    rows = select(LabelBatchOrder.state).where(LabelBatchOrder.batch_id == batch_id).order_by(LabelBatchOrder.id)
    return list((await db.execute(rows)).scalars())


async def row_of(db: AsyncSession, batch_id: int) -> LabelBatchOrder:
    found = select(LabelBatchOrder).where(LabelBatchOrder.batch_id == batch_id)
    return (await db.execute(found.execution_options(populate_existing=True))).scalar_one()


async def decide(client: TestClientProtocol, batch_id: int, order: Order, act: str, **more: Any) -> int:
    page = f"{QUEUE}/labels/{batch_id}"
    status, _, _ = await send_form(client, page, f"{page}/decide", order=order.order_number, act=act, **more)
    return status


async def test_labels_of_many_orders_are_bought_printed_and_voided(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    orders = [(await ready(db, 1, status="packed"))[0] for _ in range(3)]
    numbers = [order.order_number for order in orders]
    await packer(client, db)
    batch_id = await begin(client, numbers)
    # A double click is the same batch.
    assert await begin(client, numbers) == batch_id
    assert "0 of 3" in await read_page(client, f"{QUEUE}/labels/{batch_id}")
    assert "Labels are being bought" in await read_page(client, QUEUE)
    for _ in range(2):
        await run_batch(batch_id, easypost_settings, at_once=1)
    assert (easypost.buys, await states(db, batch_id)) == (3, ["bought"] * 3)
    batch = await db.get_one(LabelBatch, batch_id, populate_existing=True)
    assert batch.finished_at is not None
    page = await read_page(client, f"{QUEUE}/labels/{batch_id}")
    assert "<b>3 of 3</b> orders have their labels" in page
    assert "Print 3 labels" in page
    assert "Labels are being bought" not in await read_page(client, QUEUE)
    printed = await client.get(f"{QUEUE}/labels/{batch_id}.pdf")
    assert len(PdfReader(BytesIO(await printed.get_data(as_text=False))).pages) == 3
    two = await client.get(f"{QUEUE}/labels.pdf?order={numbers[2]}&order={numbers[0]}")
    assert len(PdfReader(BytesIO(await two.get_data(as_text=False))).pages) == 2
    label = (await db.execute(select(Label).where(Label.order_id == orders[0].id))).scalar_one()
    assert str(label.tracking_number) in await read_page(client, f"/portal/orders/{numbers[0]}")
    status, _, where = await send_form(client, f"/portal/labels/{label.id}/void")
    assert (status, where, easypost.refunds) == (303, f"/portal/orders/{numbers[0]}", 1)


async def test_what_fails_waits_for_somebody_while_the_rest_goes_on(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    orders = [(await ready(db, 1, status="packed"))[0] for _ in range(3)]
    await db.execute(update(Order).where(Order.id == orders[1].id).values(delivery_address="1 Unknown Road"))
    await packer(client, db)
    batch_id = await begin(client, [order.order_number for order in orders])
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert await states(db, batch_id) == ["bought", "needs_you", "bought"]
    page = await read_page(client, f"{QUEUE}/labels/{batch_id}")
    assert "The carrier does not know this address" in page
    assert "1 needs you" in " ".join(page.split())
    assert await decide(client, batch_id, orders[0], "again") == 409
    assert await decide(client, batch_id, orders[1], "as_it_is") == 303
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert (easypost.buys, await states(db, batch_id)) == (3, ["bought"] * 3)


async def test_a_refused_label_is_left_out_or_bought_again(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    easypost.faults.refuse_buy = "Insufficient funds"
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert "Insufficient funds" in await read_page(client, f"{QUEUE}/labels/{batch_id}")
    easypost.faults.refuse_buy = ""
    easypost.faults.hidden_services = {"GroundAdvantage"}
    assert await decide(client, batch_id, order, "again") == 303
    await run_batch(batch_id, easypost_settings, at_once=1)
    row = await row_of(db, batch_id)
    offered = [rate["service"] for rate in (row.proposal or {})["rates"]]
    assert (row.state, offered[:2]) == ("needs_you", ["Priority", "Ground"])
    assert "Buy this rate" in await read_page(client, f"{QUEUE}/labels/{batch_id}")
    assert await decide(client, batch_id, order, "again", rate="UPS|Ground") == 303
    await run_batch(batch_id, easypost_settings, at_once=1)
    row = await row_of(db, batch_id)
    assert (row.state, row.carrier, row.service, easypost.buys) == ("bought", "UPS", "Ground", 1)


async def test_an_address_is_written_as_the_carrier_writes_it(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await db.execute(update(Order).where(Order.id == order.id).values(delivery_address="48 Wharf Stret"))
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    await run_batch(batch_id, easypost_settings, at_once=1)
    page_url = f"{QUEUE}/labels/{batch_id}"
    assert "<ins>Street,</ins>" in await read_page(client, page_url)
    status, _, where = await send_form(client, page_url, f"{page_url}/address", order=order.order_number)
    assert (status, where) == (303, page_url)
    await run_batch(batch_id, easypost_settings, at_once=1)
    await db.refresh(order)
    assert (order.delivery_address, await states(db, batch_id)) == ("48 Wharf Street", ["bought"])
    sent = next(iter(easypost.bought))["to_address"]
    assert sent["street1"] == "48 Wharf Street"


@pytest.mark.parametrize("drop", ["drop_next", "drop_before_next"])
async def test_a_lost_answer_is_asked_about_and_bought_once(
    client: TestClientProtocol,
    db: AsyncSession,
    easypost: FakeEasyPost,
    easypost_settings: Settings,
    later: Any,
    drop: str,
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    easypost.faults.drop_share = 1 if drop == "drop_next" else 0
    easypost.faults.drop_before_share = 1 if drop == "drop_before_next" else 0
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert await states(db, batch_id) == ["asking"]
    assert "Asking the carrier" in await read_page(client, f"{QUEUE}/labels/{batch_id}")
    easypost.faults.drop_share = easypost.faults.drop_before_share = 0
    # The reconciler settles what is sold; the batch itself would buy the same shipment.
    await (reconcile_labels(easypost_settings, ahead=later) if drop == "drop_next" else run_batch(
        batch_id, easypost_settings, at_once=1
    ))  # fmt: skip
    assert (await states(db, batch_id), easypost.buys) == (["bought"], 1)


async def test_killed_half_way_it_goes_on(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings, later: Any
) -> None:
    """Killed after the row of a label was written, before its shipment was asked for: nothing is bought yet."""
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    easypost.faults.refuse_buy = "not yet"
    await run_batch(batch_id, easypost_settings, at_once=1)
    easypost.faults.refuse_buy = ""
    await db.execute(update(Label).values(state=LabelState.INTENDED, shipment_id=None, rate_id=None, last_error=""))
    await db.execute(update(LabelBatchOrder).values(state=BatchState.ASKING, problem=""))
    with pytest.raises(ServiceFailed, match="still being processed"):
        await run_batch(batch_id, easypost_settings, at_once=1)
    # The reconciler gives the row up, and the order simply comes again.
    await reconcile_labels(easypost_settings, ahead=later)
    assert await states(db, batch_id) == ["waiting"]
    assert len((await db.execute(select(JobRun).where(JobRun.name == "buy_label_batch"))).all()) == 2
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert (await states(db, batch_id), easypost.buys) == (["bought"], 1)


async def test_while_easypost_is_away_the_job_comes_again(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    easypost.faults.busy_next = 1
    with pytest.raises(ServiceFailed) as busy:
        await run_batch(batch_id, easypost_settings, at_once=1)
    assert (busy.value.wait_seconds, await states(db, batch_id)) == (3, ["waiting"])
    await give_up_batch(db, batch_id, "EasyPost did not answer.")
    assert await states(db, batch_id) == ["needs_you"]
    assert await decide(client, batch_id, order, "leave") == 303
    assert (await states(db, batch_id), easypost.buys) == (["left_out"], 0)


async def test_a_batch_is_stopped_and_goes_on(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    page = f"{QUEUE}/labels/{batch_id}"
    await send_form(client, page, f"{page}/choice", choice="fastest")
    await send_form(client, page, f"{page}/stop")
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert (await states(db, batch_id), easypost.buys) == (["waiting"], 0)
    await send_form(client, page, f"{page}/go-on")
    await run_batch(batch_id, easypost_settings, at_once=1)
    row = await row_of(db, batch_id)
    assert (row.state, row.service) == ("bought", "Express")


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.SALES_REP}])
async def test_labels_of_somebody_who_may_no_longer_buy_are_bought_by_a_colleague(
    client: TestClientProtocol,
    db: AsyncSession,
    easypost: FakeEasyPost,
    easypost_settings: Settings,
    change: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = [(await ready(db, 1, status="packed"))[0] for _ in range(2)]
    starter, colleague = [await make_staff(db, Role.WAREHOUSE) for _ in range(2)]
    await sign_in(client, db, starter)
    batch_id = await begin(client, [order.order_number for order in orders])
    buy_one = batch_run._buy_one

    async def buy_and_lose_the_right(*given: Any, **more: Any) -> bool:
        found = await buy_one(*given, **more)
        await db.execute(update(Staff).where(Staff.id == starter.id).values(change))
        return found

    # While the first label is bought.
    monkeypatch.setattr(batch_run, "_buy_one", buy_and_lose_the_right)
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert (await states(db, batch_id), easypost.buys) == (["bought", "needs_you"], 1)
    await sign_in(client, db, colleague)
    assert "may no longer buy labels" in await read_page(client, f"{QUEUE}/labels/{batch_id}")
    assert await decide(client, batch_id, orders[1], "again") == 303
    await run_batch(batch_id, easypost_settings, at_once=1)
    assert (await states(db, batch_id), easypost.buys) == (["bought", "bought"], 2)
    buyers = await db.execute(select(Label.actor_id).order_by(Label.id))
    assert list(buyers.scalars()) == [starter.id, colleague.id]


async def test_an_order_taken_up_without_a_label_is_given_up_with_the_rest(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    """The worker was killed between taking it up and writing the row of its label."""
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    batch_id = await begin(client, [order.order_number])
    await db.execute(update(LabelBatchOrder).values(state=BatchState.ASKING))
    await give_up_batch(db, batch_id, "EasyPost did not answer.")
    assert await states(db, batch_id) == ["needs_you"]


async def test_an_order_gets_no_second_label(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    url = f"{QUEUE}/{order.order_number}"
    await send_form(client, url, f"{url}/label", rate="USPS|Express")
    batch_id = await begin(client, [order.order_number])
    await run_batch(batch_id, easypost_settings, at_once=1)
    row = await row_of(db, batch_id)
    assert (row.state, easypost.buys) == ("needs_you", 1)
    assert "has the label 9400" in row.problem


async def test_only_packed_orders_and_only_the_floor(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 1, status="confirmed")
    await packer(client, db)
    status, _, _ = await send_form(client, QUEUE, f"{QUEUE}/bulk", act="labels", order=[order.order_number])
    assert status == 409
    assert (await client.get(f"{QUEUE}/labels/999999")).status_code == 404
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    assert (await client.get(f"{QUEUE}/labels/999999")).status_code == 403
    assert easypost.requests == []


async def test_the_page_of_many_orders_needs_no_more_statements(
    client: TestClientProtocol, db: AsyncSession, database: Database, easypost: FakeEasyPost
) -> None:
    orders = [(await ready(db, 2, status="packed"))[0] for _ in range(4)]
    await packer(client, db)
    one = await begin(client, [orders[0].order_number])
    three = await begin(client, [order.order_number for order in orders[1:]])
    counts = []
    for batch_id in (one, three):
        await client.get(f"{QUEUE}/labels/{batch_id}")
        async with noted_statements(database) as statements:
            await client.get(f"{QUEUE}/labels/{batch_id}")
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert easypost.buys == 0


async def test_two_workers_and_lost_answers_buy_each_label_once(
    committed: Database, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    """The job runs twice at once over a carrier that drops half of its answers."""
    async with separate_transaction() as db:
        staff = as_actor(await make_staff(db, Role.WAREHOUSE))
    async with committed.session() as db:
        numbers = [(await ready(db, 1, status="packed"))[0].order_number for _ in range(6)]
    async with separate_transaction() as db:
        batch_id = await start_batch(db, StartBatch(order=numbers), by=staff)
    easypost.faults.drop_share, easypost.faults.drop_before_share = 0.4, 0.1

    async def run() -> None:
        try:
            await run_batch(batch_id, easypost_settings)
        except ServiceFailed:
            return

    await asyncio.gather(run(), run())
    for _ in range(12):
        await reconcile_labels(easypost_settings, ahead=SOON)
        await run()
    easypost.faults.drop_share = easypost.faults.drop_before_share = 0
    await reconcile_labels(easypost_settings, ahead=SOON)
    await run()
    async with committed.session() as db:
        assert await states(db, batch_id) == ["bought"] * 6
        rows = (await db.execute(select(Label.order_id).where(Label.state == LabelState.BOUGHT))).scalars().all()
        finished = await db.scalar(select(LabelBatch.finished_at).where(LabelBatch.id == batch_id))
    assert (easypost.buys, len(rows), len(set(rows)), finished is not None) == (6, 6, 6, True)


RATES = [
    OfferedRate("USPS", "Slow", Decimal(5), 6, is_cheapest=True),
    OfferedRate("USPS", "Middle", Decimal(8), 3),
    OfferedRate("UPS", "Quick", Decimal(30), 1, is_fastest=True),
]


@pytest.mark.parametrize(
    ("choice", "service"), [(Choice.CHEAPEST, "Slow"), (Choice.FASTEST, "Quick"), (Choice.IN_TIME, "Middle")]
)
def test_the_rate_is_chosen_by_the_batchs_rule(choice: Choice, service: str) -> None:
    chosen = choose_rate(RATES, choice)
    assert chosen is not None
    assert chosen.service == service
    assert choose_rate([], choice) is None


def test_a_parcel_arrives_on_a_working_day() -> None:
    # Wednesday before Thanksgiving: two working days later is the Monday after it.
    assert arrives_on(date(2026, 11, 25), 2) == date(2026, 11, 30)
    assert arrives_on(date(2026, 11, 25), 0) == date(2026, 11, 25)
