"""Voids labels: EasyPost refunds the label, then its record is hidden and its number is removed from the order.

The request is committed before EasyPost is asked. A lost answer hides nothing, and the reconciler asks again.
"""

from dataclasses import dataclass

from sqlalchemy import select

from domain.access.rights import Right, require
from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, OutsideServiceFailed, Refused
from domain.orders.record import may_see
from domain.warehouse.easypost_account import get_easypost
from domain.warehouse.label_rows import lock_label
from domain.warehouse.label_steps import LEASE, read_label, record_no_answer, settle_void
from domain.warehouse.record import NOT_THE_FLOOR
from integrations.easypost_answers import Shipment
from integrations.easypost_client import EasyPostAccount, EasyPostRefused, fetch_shipment, refund_shipment
from integrations.errors import ServiceFailed
from models import Label, LabelState, Order
from models.session import separate_transaction
from settings import Settings

# The states of a refund that EasyPost has accepted; the other possible result is `rejected`.
TAKEN_UP = frozenset({"submitted", "refunded", "not_applicable"})


@dataclass(frozen=True, slots=True)
class VoidedLabel:
    """The result of voiding a label, and the order's tracking number now."""

    voided_tracking: str | None
    ep_refund_status: str | None
    remaining_tracking: str | None
    ep_error: str | None = None


async def void_label(label_id: int, *, by: Actor, settings: Settings) -> VoidedLabel:
    """Have a label refunded and hide it.

    Raises NotFound, Refused with `ep_refund_status` and `ep_error` if EasyPost refuses, and OutsideServiceFailed with
    code `void_pending` if its answer is missing; nothing has changed then.
    """
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    account = get_easypost(settings)
    label = await _prepare_void(label_id, by=by)
    try:
        shipment = await ask_refund(account, label)
    except EasyPostRefused as error:
        await _forget_void(label_id)
        raise _refused(label.refund_status, str(error)) from error
    except ServiceFailed as error:
        await record_no_answer(label, str(error), wait_seconds=error.wait_seconds)
        raise OutsideServiceFailed(
            "EasyPost has not answered about the refund. We keep asking; until then the label stays.",
            code=Code.VOID_PENDING,
            label_ids=[label_id],
        ) from error
    status = shipment.refund_status or "submitted"
    await settle_void(label_id, status)
    if status not in TAKEN_UP:
        raise _refused(status, f"The carrier says {status}.")
    return VoidedLabel(label.tracking_number, status, await _read_remaining(label.order_id))


async def ask_refund(account: EasyPostAccount, label: Label) -> Shipment:
    """Ask for the refund, unless EasyPost has already accepted it in a request whose answer was lost."""
    assert label.shipment_id is not None  # it was bought
    if label.attempts:
        shipment = await fetch_shipment(account, label.shipment_id)
        if shipment.refund_status in TAKEN_UP:
            return shipment
    try:
        return await refund_shipment(account, label.shipment_id)
    except EasyPostRefused:
        # The carrier may refuse because it has already taken the label back.
        shipment = await fetch_shipment(account, label.shipment_id)
        if shipment.refund_status in TAKEN_UP:
            return shipment
        raise


async def _prepare_void(label_id: int, *, by: Actor) -> Label:
    async with separate_transaction() as db:
        label, order = await lock_label(db, label_id, visible_to=by)
        if not may_see(order, by):
            raise NotFound("There is no such label.")
        if label.voided_at is not None:
            raise Refused(
                "The label is already void.",
                code=Code.LABEL_VOIDED,
                ep_refund_status=label.refund_status,
                ep_error=None,
            )
        if label.state != LabelState.BOUGHT or label.shipment_id is None:
            raise Refused("EasyPost has not sold this label yet.", code=Code.LABEL_PENDING, label_ids=[label_id])
        if label.void_asked_at is not None and not label.attempts and label.next_ask_at > now():
            raise Refused("The label is being voided. Try again in a moment.", code=Code.REQUEST_IN_PROGRESS)
        label.attempts = label.attempts if label.void_asked_at is not None else 0
        label.void_asked_at, label.next_ask_at = now(), now() + LEASE
        for column, value in by.columns.items():
            setattr(label, f"void_{column}", value)
    return await read_label(label_id)


async def _forget_void(label_id: int) -> None:
    async with separate_transaction() as db:
        label, _ = await lock_label(db, label_id, visible_to=SYSTEM)
        label.void_asked_at = None


async def _read_remaining(order_id: int) -> str | None:
    async with separate_transaction() as db:
        return await db.scalar(select(Order.tracking_number).where(Order.id == order_id))


def _refused(status: str | None, error: str) -> Refused:
    return Refused(
        f"EasyPost does not refund the label: {error}", code=Code.VOID_REFUSED, ep_refund_status=status, ep_error=error
    )
