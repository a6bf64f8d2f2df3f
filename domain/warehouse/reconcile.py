"""Asks EasyPost about every label that is not settled: lost answers, crashes in between, refunds that take days.

A row that was committed but never quoted is marked failed, since nothing was bought; one that may be bought is asked
about until EasyPost's answer is clear.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.kernel.clock import now
from domain.warehouse.batch_rows import NEVER_ASKED
from domain.warehouse.easypost_account import get_easypost
from domain.warehouse.label_rows import UNSETTLED
from domain.warehouse.label_steps import (
    REFUND_PATIENCE,
    claim_due_labels,
    note_failed,
    record_no_answer,
    settle_bought,
    settle_void,
)
from domain.warehouse.void import TAKEN_UP, ask_refund
from integrations.easypost_client import Busy, EasyPostAccount, EasyPostRefused, NotThere, fetch_shipment
from integrations.errors import ServiceFailed
from models import Label
from settings import Settings

log = logging.getLogger(__name__)
_A_PASS = 200
# A purchase that EasyPost does not show after this time never happened.
_BUY_LASTS = timedelta(minutes=10)


@dataclass(slots=True)
class Reconciled:
    """The result of a pass: the number of rows asked about, and of answers that are still missing."""

    asked: int = 0
    failed: int = 0


async def reconcile_labels(settings: Settings, *, ahead: timedelta = timedelta(0)) -> Reconciled:
    """Run one pass over the rows that are due; with `ahead`, also those due within that time.

    If EasyPost is busy, the rest waits for the next pass.
    """
    account = get_easypost(settings)
    done = Reconciled()
    for label in await claim_due_labels(_A_PASS, as_of=now() + ahead):
        done.asked += 1
        try:
            await _ask(account, label, as_of=now() + ahead)
        except Busy as error:
            done.failed += 1
            await record_no_answer(label, str(error), wait_seconds=error.wait_seconds)
            break
        except ServiceFailed as error:
            done.failed += 1
            await record_no_answer(label, str(error), wait_seconds=error.wait_seconds)
        except Exception:
            # A row that can't be recorded must not keep the others waiting.
            log.exception("A label could not be settled", extra={"label_id": label.id})
            done.failed += 1
    return done


async def _ask(account: EasyPostAccount, label: Label, *, as_of: datetime) -> None:
    if label.state in UNSETTLED:
        await _ask_bought(account, label, as_of=as_of)
    elif label.void_asked_at is not None:
        await _ask_void(account, label)
    else:
        await _ask_refunded(account, label)


async def _ask_bought(account: EasyPostAccount, label: Label, *, as_of: datetime) -> None:
    if label.shipment_id is None:
        await note_failed(label, NEVER_ASKED)
        return
    try:
        shipment = await fetch_shipment(account, label.shipment_id)
    except NotThere as error:
        await note_failed(label, str(error))
        return
    if shipment.is_bought:
        await settle_bought(label.id, shipment)
    elif label.updated_at + _BUY_LASTS <= as_of:
        await note_failed(label, "EasyPost did not buy it.")
    else:
        await record_no_answer(label, "EasyPost has not bought it yet.")


async def _ask_void(account: EasyPostAccount, label: Label) -> None:
    """Request the refund unless it is already done: asking twice makes one refund."""
    label.attempts = max(label.attempts, 1)
    try:
        shipment = await ask_refund(account, label)
    except EasyPostRefused:
        await settle_void(label.id, "rejected")
        return
    await settle_void(label.id, shipment.refund_status or "submitted")


async def _ask_refunded(account: EasyPostAccount, label: Label) -> None:
    """Ask about a pending refund until it is decided."""
    assert label.shipment_id is not None  # it was bought
    status = (await fetch_shipment(account, label.shipment_id)).refund_status
    is_over = label.voided_at is not None and now() - label.voided_at > REFUND_PATIENCE
    if status in TAKEN_UP or status == "rejected":
        await settle_void(label.id, "not_applicable" if is_over and status == "submitted" else status)
