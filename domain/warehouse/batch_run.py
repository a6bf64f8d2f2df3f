"""The job of a batch: each order's rate is chosen and committed, then its labels are bought.

It may be killed and restarted at any point, and run twice at once: an unfinished order is asked about again with the
same request, and labels already bought are found.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select, update

from domain.access.rights import Right, may
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, OutsideServiceFailed
from domain.orders.record import lock_order
from domain.warehouse.address_check import AddressCheck
from domain.warehouse.batch import Choice, give_up_batch
from domain.warehouse.batch_rows import follow_labels, note_progress
from domain.warehouse.buy import Client, buy_labels
from domain.warehouse.label_request import BuyBoxLabels, LabelAddress, Parcel
from domain.warehouse.label_steps import LEASE
from domain.warehouse.packing import get_packed_order
from domain.warehouse.promise import is_day_off
from domain.warehouse.quote import OfferedRate, parcels_of, quote_rates
from integrations.errors import ServiceFailed
from models import BatchState, LabelBatch, LabelBatchOrder, Order, OrderStatus, Role, Staff
from models.session import current_database, separate_transaction
from settings import Settings

AT_ONCE = 4
IN_TIME_DAYS = 3
MOST_RATES = 6
NO_BUYER = "The colleague who started this may no longer buy labels. “Buy again” buys them in your name."
# Another request works on the order's labels, or EasyPost's answer is missing: the order stays in progress.
_UNDER_WAY = frozenset({Code.LABEL_PENDING, Code.REQUEST_IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class _Task:
    """One order of a batch whose labels are to be bought."""

    id: int
    batch_id: int
    order_id: int
    order_number: str
    carrier: str
    service: str
    choice: Choice
    is_as_it_is: bool


class _NeedsYou(Exception):
    """The order needs a person. `proposal` is what they can choose from."""

    def __init__(self, problem: str, proposal: dict[str, Any] | None = None) -> None:
        super().__init__(problem)
        self.problem, self.proposal = problem, proposal


async def run_batch(
    batch_id: int,
    settings: Settings,
    *,
    report: Callable[[int, int], Awaitable[None]] | None = None,
    at_once: int = AT_ONCE,
) -> int:
    """Buy what is left to buy of a batch, a few orders at once. Returns the number of orders tried.

    Raises ServiceFailed if EasyPost is unavailable or another request works on a label, so that the job is retried.
    """
    ids = await _list_open(batch_id)
    done, in_work = 0, 0
    for start in range(0, len(ids), at_once):
        if await _is_stopped(batch_id):
            break
        # Read each time: the colleague may have been disabled, or got another role, in the meantime.
        by = await _find_buyer(batch_id)
        if by is None:
            async with separate_transaction() as db:
                await give_up_batch(db, batch_id, NO_BUYER)
            break
        some = [_buy_one(row_id, by=by, settings=settings) for row_id in ids[start : start + at_once]]
        ended = await asyncio.gather(*some, return_exceptions=True)
        done += len(ended)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
            in_work += each
        if report is not None:
            await report(done, len(ids))
    if in_work:
        raise ServiceFailed(f"{in_work} orders are still being processed.", LEASE.total_seconds())
    return done


async def _find_buyer(batch_id: int) -> Actor | None:
    """Return who started the batch, with their current role; None if that role may no longer buy labels."""
    async with current_database().session() as db:
        statement = (
            select(Staff.id, LabelBatch.actor_name, Staff.role)
            .join(Staff, Staff.id == LabelBatch.actor_id)
            .where(LabelBatch.id == batch_id, LabelBatch.actor_kind == ActorKind.STAFF, Staff.is_active)
        )
        row = (await db.execute(statement)).first()
    if row is None:
        return None
    by = Actor(ActorKind.STAFF, row[0], row[1], Role(row[2]))
    return by if may(by, Right.BUY_LABELS) else None


async def _list_open(batch_id: int) -> Sequence[int]:
    async with current_database().session() as db:
        found = await db.execute(
            select(LabelBatchOrder.id)
            .where(
                LabelBatchOrder.batch_id == batch_id,
                LabelBatchOrder.state.in_([BatchState.WAITING, BatchState.ASKING]),
            )
            .order_by(LabelBatchOrder.id)
        )
        return found.scalars().all()


async def _is_stopped(batch_id: int) -> bool:
    async with current_database().session() as db:
        return await db.scalar(select(LabelBatch.stopped_at).where(LabelBatch.id == batch_id)) is not None


async def _buy_one(row_id: int, *, by: Actor, settings: Settings) -> bool:
    """Buy one order's labels. Returns True while another request works on them."""
    task = await _take(row_id)
    if task is None:
        return False
    try:
        if not task.service:
            task = await _choose(task, by=by, settings=settings)
        await _buy(task, by=by, settings=settings)
    except _NeedsYou as need:
        await _note(task, BatchState.NEEDS_YOU, need.problem, need.proposal)
    except DomainError as refusal:
        return await _settle_refusal(task, refusal)
    return False


async def _settle_refusal(task: _Task, refusal: DomainError) -> bool:
    if refusal.code in _UNDER_WAY:
        if refusal.code == Code.LABEL_PENDING:
            await _note(task, BatchState.ASKING, "The carrier's answer got lost. We ask until it is known.")
        await _follow(task)
        return refusal.code == Code.REQUEST_IN_PROGRESS
    if isinstance(refusal, OutsideServiceFailed) and refusal.code == Code.OUTSIDE_SERVICE_FAILED:
        # Nothing was bought; this order and the others wait until EasyPost answers again.
        await _note(task, BatchState.WAITING, "")
        cause = refusal.__cause__
        raise ServiceFailed(refusal.message, cause.wait_seconds if isinstance(cause, ServiceFailed) else 0)
    rates = refusal.extra.get("rates") if refusal.code == Code.RATE_NOT_OFFERED else None
    await _note(task, BatchState.NEEDS_YOU, refusal.message, {"rates": rates[:MOST_RATES]} if rates else None)
    return False


async def _take(row_id: int) -> _Task | None:
    """Mark an order as being asked about; None if it is already settled."""
    async with separate_transaction() as db:
        taken = (
            update(LabelBatchOrder)
            .where(
                LabelBatchOrder.id == row_id,
                LabelBatchOrder.state.in_([BatchState.WAITING, BatchState.ASKING]),
                LabelBatchOrder.batch_id == LabelBatch.id,
                LabelBatchOrder.order_id == Order.id,
            )
            .values(state=BatchState.ASKING, updated_at=now())
            .returning(
                LabelBatchOrder.id,
                LabelBatchOrder.batch_id,
                LabelBatchOrder.order_id,
                Order.order_number,
                LabelBatchOrder.carrier,
                LabelBatchOrder.service,
                LabelBatch.choice,
                func.coalesce(LabelBatchOrder.proposal["as_it_is"].as_boolean(), False),
            )
        )
        row = (await db.execute(taken, execution_options={"synchronize_session": False})).first()
        if row is None:
            return None
        id_, batch_id, order_id, number, carrier, service, choice, is_as_it_is = row
        await note_progress(db, batch_id)
        return _Task(id_, batch_id, order_id, number, carrier, service, Choice(choice), is_as_it_is)


async def _choose(task: _Task, *, by: Actor, settings: Settings) -> _Task:
    """Ask for the rates and commit the chosen one, so that a second run asks for the same."""
    parcels = await _list_parcels(task, by=by)
    quote = await quote_rates(task.order_number, parcels, by=by, settings=settings)
    if quote.address is not None and not task.is_as_it_is:
        _check_address(quote.address)
    rate = choose_rate(quote.rates, task.choice)
    if rate is None:
        raise _NeedsYou(f"No carrier offers a rate. {' '.join(quote.messages)}".strip())
    arrives = "" if rate.delivery_days is None else arrives_on(business_today(settings.timezone), rate.delivery_days)
    async with separate_transaction() as db:
        await db.execute(
            update(LabelBatchOrder)
            .where(LabelBatchOrder.id == task.id)
            .values(
                carrier=rate.carrier,
                service=rate.service,
                cost=rate.rate,
                parcels=len(parcels),
                expected_on=str(arrives),
            )
        )
    return _Task(
        task.id, task.batch_id, task.order_id, task.order_number, rate.carrier, rate.service, task.choice,
        task.is_as_it_is,
    )  # fmt: skip


async def _list_parcels(task: _Task, *, by: Actor) -> list[Parcel]:
    async with current_database().session() as db:
        packed = await get_packed_order(db, task.order_number, visible_to=by)
    if packed.order.status != OrderStatus.PACKED:
        raise _NeedsYou(f"The order is {packed.order.status}; only packed orders get a label here.")
    return parcels_of(packed.boxes)


def _check_address(address: AddressCheck) -> None:
    if not address.is_deliverable:
        raise _NeedsYou(f"The carrier does not know this address. {address.problem}".strip(), {"address": None})
    if address.suggested is not None and not address.is_same_place:
        raise _NeedsYou("The carrier writes this address differently.", {"address": address.suggested})


async def _buy(task: _Task, *, by: Actor, settings: Settings) -> None:
    wanted = BuyBoxLabels(
        carrier=task.carrier,
        service=task.service,
        from_address=LabelAddress(),
        to_address=LabelAddress(),
        parcels=await _list_parcels(task, by=by),
    )
    await buy_labels(
        task.order_number,
        wanted,
        by=by,
        settings=settings,
        client=Client(by.caller),
        batch_id=task.batch_id,
        only_first=True,
    )
    await _follow(task)


async def _follow(task: _Task) -> None:
    async with separate_transaction() as db:
        await lock_order(db, task.order_id, visible_to=Actor(ActorKind.SYSTEM))
        await follow_labels(db, task.batch_id, task.order_id)


async def _note(task: _Task, state: BatchState, problem: str, proposal: dict[str, Any] | None = None) -> None:
    """Store the state of an order that is not bought."""
    async with separate_transaction() as db:
        values = {"state": state, "problem": problem[:500], "proposal": proposal, "updated_at": now()}
        await db.execute(
            update(LabelBatchOrder)
            .where(LabelBatchOrder.id == task.id, LabelBatchOrder.state != BatchState.BOUGHT)
            .values(values)
        )
        await note_progress(db, task.batch_id)


def choose_rate(rates: Sequence[OfferedRate], choice: Choice) -> OfferedRate | None:
    """Return the rate that a batch chooses, from rates sorted by price; the fastest if none is in time."""
    if not rates:
        return None
    fastest = next((rate for rate in rates if rate.is_fastest), rates[0])
    if choice is Choice.FASTEST:
        return fastest
    if choice is Choice.CHEAPEST:
        return rates[0]
    in_time = (rate for rate in rates if rate.delivery_days is not None and rate.delivery_days <= IN_TIME_DAYS)
    return next(in_time, fastest)


def arrives_on(today: date, days: int) -> date:
    """Return the day on which a parcel arrives after this many working days."""
    day = today
    while days > 0:
        day += timedelta(days=1)
        days -= not is_day_off(day)
    return day
