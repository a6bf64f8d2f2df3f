"""Buys labels: rows and references are committed before EasyPost is asked; each parcel is a separate shipment.

A repeat never buys twice: the same key, or the same request for the order, finds the rows of the first request.
EasyPost sells a shipment only once, so a row whose answer was lost is asked about and bought as the same shipment.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.idempotency import hash_request
from domain.access.rights import Right
from domain.kernel.actor import Actor
from domain.kernel.addresses import HOME_COUNTRY
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, InvalidInput, KeyReused, OutsideServiceFailed, Refused
from domain.warehouse.easypost_account import easypost_errors_as_refusals, get_easypost, get_warehouse_address
from domain.warehouse.in_turns import in_turns
from domain.warehouse.label_request import BuyLabels, address_of_order, write_requests
from domain.warehouse.label_rows import BEING_BOUGHT, UNSETTLED, is_being_bought
from domain.warehouse.label_steps import (
    LEASE,
    note_failed,
    note_shipment,
    read_label,
    record_no_answer,
    settle_bought,
)
from domain.warehouse.queue import QueueRow, get_queue_row
from domain.warehouse.record import lock_numbered, refuse_held
from integrations.easypost_answers import Rate, Shipment
from integrations.easypost_client import EasyPostAccount, EasyPostRefused, buy_shipment, create_shipment, fetch_shipment
from integrations.errors import ServiceFailed
from models import Label, LabelState, Order, OrderStatus
from models.session import separate_transaction
from settings import Settings

_KEYS_LAST = timedelta(hours=24)
_SELLS_TO = frozenset({OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.PACKED, OrderStatus.SHIPPED})


@dataclass(frozen=True, slots=True)
class Client:
    """The caller, and the idempotency key of the request, if any."""

    caller: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class BoughtLabels:
    """The labels of a request. `failed` are the parcels that were refused, with the reason."""

    labels: Sequence[Label]
    failed: Sequence[dict[str, Any]] = ()
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """EasyPost's answer to a purchase: the label or a refusal; `unheard` is the reason why there is no answer."""

    shipment: Shipment | None = None
    refused: str = ""
    unheard: ServiceFailed | None = None


@dataclass(slots=True)
class _Purchase:
    """The rows of a request in the order of its parcels, and those that are still to be bought."""

    labels: list[Label]
    to_do: list[Label] = field(default_factory=list)


async def buy_labels(
    order_number: str,
    data: BuyLabels,
    *,
    by: Actor,
    settings: Settings,
    client: Client,
    batch_id: int | None = None,
    only_first: bool = False,
) -> BoughtLabels:
    """Buy the labels of a request that are not bought yet, and return all of them. `only_first` refuses an order that
    has other labels.

    Raises Refused with code `rate_not_offered` and the offered rates, OutsideServiceFailed with code `label_pending`
    while EasyPost's answer is missing, and with `label_refused` if it sold nothing.
    """
    account = get_easypost(settings)
    origin = get_warehouse_address(settings) if data.from_address.is_empty else data.from_address.as_request()
    purchase = await _prepare(
        order_number, data, origin, by=by, client=client, batch_id=batch_id, only_first=only_first
    )
    if not purchase.to_do:
        return BoughtLabels(purchase.labels, is_replay=True)
    try:
        await _quote(account, [label for label in purchase.to_do if label.state == LabelState.INTENDED], data)
    except DomainError as error:
        for label in purchase.to_do:
            if label.state == LabelState.INTENDED:
                await note_failed(label, error.message)
        raise
    async for label, said in in_turns(purchase.to_do, lambda label: _buy(account, label)):
        await _settle(label, said)
    return await _show(purchase)


async def _prepare(
    order_number: str,
    data: BuyLabels,
    origin: dict[str, Any],
    *,
    by: Actor,
    client: Client,
    batch_id: int | None,
    only_first: bool,
) -> _Purchase:
    """Return the rows of the request, created now or found; those to be bought are leased by this process."""
    async with separate_transaction() as db:
        order = await lock_numbered(db, order_number, by=by, right=Right.BUY_LABELS)
        row = await get_queue_row(db, order.id, visible_to=by)
        destination = _choose_destination(data, row)
        requests = write_requests(data, origin=origin, destination=destination)
        insurance = data.insurance or None
        parts = [order.order_number, data.carrier.lower(), data.service.lower(), str(insurance), requests]
        request_hash = hash_request(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS))
        labels = await _find_rows(db, order, client, request_hash)
        if not (labels and len(labels) == len(requests) and not _needs_work(labels)):
            _check_order(order)
        if only_first and not labels:
            await _check_first(db, order)
        known = {label.position: label for label in labels}
        purchase = secrets.token_hex(8)
        for position, request in enumerate(requests, start=1):
            if position in known:
                continue
            reference = f"{order.order_number}-{purchase[:6]}-{position}"
            known[position] = Label(
                order_id=order.id,
                batch_id=batch_id,
                purchase=purchase,
                position=position,
                reference=reference,
                carrier=data.carrier,
                service=data.service,
                insurance=insurance,
                request=request | {"reference": reference},
                next_ask_at=now() + LEASE,
                caller=client.caller,
                client_key=client.key,
                request_hash=request_hash,
                **by.columns,
            )
            db.add(known[position])
        await db.flush()
        labels = [known[position] for position in sorted(known)]
        to_do = [label for label in labels if label.state != LabelState.BOUGHT]
        for label in to_do:
            _take_up(label)
        return _Purchase(labels, to_do)


def _take_up(label: Label) -> None:
    """Lease a row. What EasyPost may have sold is asked about first; what it refused starts again."""
    label.next_ask_at, label.attempts = now() + LEASE, 0
    if label.state == LabelState.BUYING:
        label.state = LabelState.UNKNOWN
    elif label.state == LabelState.FAILED:
        label.state, label.shipment_id, label.rate_id, label.last_error = LabelState.INTENDED, None, None, ""


def _choose_destination(data: BuyLabels, row: QueueRow) -> dict[str, Any]:
    if not data.to_address.is_empty:
        return data.to_address.as_request()
    if row.delivery_country != HOME_COUNTRY and not data.customs_info:
        sentence = "is required for a destination outside the US"
        raise InvalidInput(f"Customs info {sentence}.", fields={"customs_info": sentence})
    return address_of_order(row)


async def _find_rows(db: AsyncSession, order: Order, client: Client, request_hash: str) -> list[Label]:
    """Return the rows of an earlier, identical request.

    Raises KeyReused for a key sent with another request, Refused while the first request is running, and
    OutsideServiceFailed while another label of the order waits for EasyPost's answer.
    """
    of_order = select(Label).where(Label.order_id == order.id).order_by(Label.id).with_for_update()
    rows = list((await db.execute(of_order)).scalars())
    found: list[Label] = []
    if client.key:
        keyed = await db.execute(
            select(Label).where(
                Label.caller == client.caller,
                Label.client_key == client.key,
                Label.created_at > now() - _KEYS_LAST,
            )
        )
        found = list(keyed.scalars())
        if any(label.request_hash != request_hash for label in found):
            raise KeyReused("This Idempotency-Key was used for a different request. Send a new key.")
    if not found:
        alike = [label for label in rows if label.request_hash == request_hash and label.voided_at is None]
        # A new key buys again what is already bought, but never while an answer is missing.
        found = alike if not client.key or any(label.state in UNSETTLED for label in alike) else []
    if any(label.void_asked_at is not None and label.voided_at is None for label in found):
        raise Refused("The label is being voided. Try again in a moment.", code=Code.REQUEST_IN_PROGRESS)
    newest = {label.position: label for label in found}
    unsettled = [label for label in rows if label.state in UNSETTLED]
    if any(is_being_bought(label) for label in unsettled):
        raise Refused(BEING_BOUGHT, code=Code.REQUEST_IN_PROGRESS)
    others = [label for label in unsettled if label not in newest.values()]
    if others:
        raise _pending(others)
    return list(newest.values())


def _needs_work(labels: Sequence[Label]) -> bool:
    return any(label.state != LabelState.BOUGHT for label in labels)


def _check_order(order: Order) -> None:
    refuse_held(order)
    if order.status not in _SELLS_TO:
        raise Refused(
            f"The order is {order.status}; it can no longer get a label.", code=Code.STATE_NOT_ALLOWED, allowed=[]
        )


async def _check_first(db: AsyncSession, order: Order) -> None:
    """Raise Refused if the order already has a label. The order is locked, so that it gets none in the meantime."""
    bought = select(Label.tracking_number).where(
        Label.order_id == order.id, Label.state == LabelState.BOUGHT, Label.voided_at.is_(None)
    )
    found = (await db.execute(bought.limit(1))).first()
    if found is not None:
        raise Refused(f"The order has the label {found[0]} already. Void it to buy another.", code=Code.HAS_LABEL)


async def _quote(account: EasyPostAccount, labels: Sequence[Label], data: BuyLabels) -> None:
    """Quote all parcels before buying the first one, so that a rate that is not offered costs nothing."""
    with easypost_errors_as_refusals():
        asked = in_turns(labels, lambda label: create_shipment(account, label.request))
        shipments = [(label, shipment) async for label, shipment in asked]
    quoted: list[tuple[Label, Shipment, Rate]] = []
    for label, shipment in shipments:
        rate = find_rate(shipment.rates, data.carrier, data.service)
        if rate is None:
            rates = [show_rate(each) for each in sorted(shipment.rates, key=lambda each: each.rate)]
            said = f" {'; '.join(shipment.messages)}" if shipment.messages and not rates else ""
            raise Refused(
                f"{data.carrier} {data.service} is not offered for parcel {label.position}.{said}",
                code=Code.RATE_NOT_OFFERED,
                rates=rates,
            )
        quoted.append((label, shipment, rate))
    for label, shipment, rate in quoted:
        await note_shipment(label, shipment.id, rate.id)


async def _buy(account: EasyPostAccount, label: Label) -> _Said:
    """Buy one quoted parcel, or ask about it if an answer was lost."""
    assert label.shipment_id is not None  # it is quoted
    assert label.rate_id is not None  # the same
    try:
        if label.state == LabelState.UNKNOWN:
            shipment = await fetch_shipment(account, label.shipment_id)
            if shipment.is_bought:
                return _Said(shipment)
        shipment = await buy_shipment(account, label.shipment_id, label.rate_id, insurance=label.insurance)
    except EasyPostRefused as refusal:
        return await _look_again(account, label.shipment_id, refusal)
    except ServiceFailed as error:
        return _Said(unheard=error)
    return _Said(shipment) if shipment.is_bought else _Said(unheard=ServiceFailed("EasyPost's answer has no label."))


async def _look_again(account: EasyPostAccount, shipment_id: str, refusal: EasyPostRefused) -> _Said:
    """A refusal may mean that the shipment is already bought, by a request whose answer was lost."""
    try:
        shipment = await fetch_shipment(account, shipment_id)
    except ServiceFailed as error:
        return _Said(unheard=error)
    return _Said(shipment) if shipment.is_bought else _Said(refused=str(refusal))


async def _settle(label: Label, said: _Said) -> None:
    """Record the result on the row."""
    if said.shipment is not None:
        await settle_bought(label.id, said.shipment)
    elif said.unheard is not None:
        await record_no_answer(label, str(said.unheard), wait_seconds=said.unheard.wait_seconds)
    else:
        await note_failed(label, said.refused)


async def _show(purchase: _Purchase) -> BoughtLabels:
    labels = [await read_label(label.id) for label in purchase.labels]
    unheard = [label for label in labels if label.state in UNSETTLED]
    if unheard:
        raise _pending(unheard)
    bought = [label for label in labels if label.state == LabelState.BOUGHT]
    failed = [
        {"parcel": label.position, "label_id": label.id, "error": label.last_error}
        for label in labels
        if label.state == LabelState.FAILED
    ]
    if not bought:
        raise OutsideServiceFailed(
            f"The carrier refused to sell the label: {failed[0]['error']}",
            code=Code.LABEL_REFUSED,
            failed=failed,
            label_ids=[label.id for label in labels],
        )
    return BoughtLabels(bought, failed)


def _pending(labels: Sequence[Label]) -> OutsideServiceFailed:
    return OutsideServiceFailed(
        "EasyPost's answer is missing. We ask until it is known; nothing is bought twice. Send the same request again.",
        code=Code.LABEL_PENDING,
        label_ids=[label.id for label in labels],
    )


def find_rate(rates: Sequence[Rate], carrier: str, service: str) -> Rate | None:
    """Return the rate of a carrier's service, ignoring case; the cheapest of several; None if there is none."""
    wanted = (carrier.casefold(), service.casefold())
    offered = [rate for rate in rates if (rate.carrier.casefold(), rate.service.casefold()) == wanted]
    return min(offered, key=lambda rate: rate.rate, default=None)


def show_rate(rate: Rate) -> dict[str, Any]:
    """Return a rate as API answers show it."""
    return {
        "carrier": rate.carrier,
        "service": rate.service,
        "rate": float(rate.rate),
        "delivery_days": rate.delivery_days,
    }
