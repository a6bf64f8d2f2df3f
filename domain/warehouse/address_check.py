"""Compares an order's address with the carrier's version of it, and adopts the carrier's version."""

from dataclasses import dataclass

from domain.access.rights import Right
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.orders.record import record_event
from domain.warehouse.easypost_account import easypost_errors_as_refusals, get_easypost
from domain.warehouse.label_request import address_of_order
from domain.warehouse.queue import QueueRow, get_queue_row
from domain.warehouse.record import lock_numbered
from domain.warehouse.same_place import fold_place
from integrations.easypost_answers import CheckedAddress
from integrations.easypost_client import check_address
from models import OrderEventKind, OrderStatus
from models.session import current_database, separate_transaction
from settings import Settings

_OPEN = frozenset({OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.PACKED})


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """The order's address and the carrier's version of it; `suggested` is None if they are the same.

    `is_same_place` is true if only capitals, abbreviations and the last four digits of the ZIP differ.
    """

    ours: str
    suggested: dict[str, str] | None
    is_deliverable: bool
    problem: str
    is_same_place: bool = True


def compare_address(order: QueueRow, checked: CheckedAddress) -> AddressCheck:
    """Compare the order's address with the carrier's version; differences in case alone do not count."""
    ours = f"{order.delivery_address}, {order.delivery_city}, {order.delivery_state} {order.delivery_zip}"
    street = " ".join(part for part in (checked.street1, checked.street2) if part)
    theirs = {
        "delivery_address": _restore(street, order.delivery_address),
        "delivery_city": _restore(checked.city, order.delivery_city),
        "delivery_state": checked.state,
        "delivery_zip": checked.zip,
    }
    is_same = all(str(getattr(order, name)).casefold() == value.casefold() for name, value in theirs.items())
    has_suggestion = checked.is_deliverable and not is_same
    is_same_place = fold_place(
        order.delivery_address, order.delivery_city, order.delivery_state, order.delivery_zip
    ) == fold_place(street, checked.city, checked.state, checked.zip)
    return AddressCheck(
        ours, theirs if has_suggestion else None, checked.is_deliverable, checked.problem, is_same_place
    )


async def correct_address(order_number: str, *, by: Actor, settings: Settings) -> AddressCheck:
    """Ask for the carrier's version of an order's address and adopt it.

    Raises Refused once the order has shipped, and if the carrier has no suggestion.
    """
    account = get_easypost(settings)
    async with current_database().session() as db:
        asked = await get_queue_row(db, order_number, visible_to=by)
    with easypost_errors_as_refusals():
        checked = await check_address(account, address_of_order(asked))
    async with separate_transaction() as db:
        order = await lock_numbered(db, order_number, by=by, right=Right.BUY_LABELS)
        if order.status not in _OPEN:
            raise Refused(
                f"The order is {order.status}; its address can no longer change.", code=Code.STATE_NOT_ALLOWED
            )
        current = await get_queue_row(db, order.id, visible_to=by)
        if address_of_order(current) != address_of_order(asked):
            raise Refused("Someone changed this address in the meantime.", code=Code.STALE)
        check = compare_address(current, checked)
        if check.suggested is None:
            raise Refused("The carrier has no other spelling of this address.", code=Code.CONFLICT)
        changes = {}
        for name, value in check.suggested.items():
            if getattr(order, name) != value:
                changes[name] = {"from": getattr(order, name), "to": value}
                setattr(order, name, value)
        await record_event(db, order, OrderEventKind.ADDRESS, by=by, changes=changes)
    return check


def _restore(theirs: str, ours: str) -> str:
    """Carriers write in capitals: keep our case for unchanged words, and capitalise the others."""
    if theirs.casefold() == ours.casefold():
        return ours
    return theirs.title() if theirs.isupper() else theirs
