"""Edits the details of an order: delivery, notes, assignee and tracking number."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.addresses import is_home, read_state, read_zip
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import (
    Filled20,
    Filled60,
    Filled200,
    Input,
    OptionalEmailIn,
    PhoneIn,
    Text60,
    Text200,
    Text2000,
)
from domain.kernel.phone import NOT_A_PHONE, split_phone
from domain.orders.record import lock_order, move_locked_order, record_event
from domain.orders.statuses import OPEN_STATUSES, check_move
from domain.warehouse.label_places import show_labels_elsewhere
from domain.warehouse.label_rows import drop_other_trackers
from models import Order, OrderEventKind, OrderStatus

# Fields that require their own right.
FIELD_RIGHTS = {"assigned_to": Right.EDIT_ORDERS}


class UpdateDelivery(Input):
    """The delivery details to change. Fields not sent stay unchanged; null or an empty string clears optional ones."""

    NULL_IS_ABSENT = False

    delivery_name: Filled200 = ""
    delivery_first_name: Text60 | None = None
    delivery_last_name: Text60 | None = None
    delivery_company: Text200 | None = None
    delivery_address: Filled200 = ""
    delivery_city: Filled60 = ""
    delivery_state: Filled60 = ""
    delivery_zip: Filled20 = ""
    delivery_phone: PhoneIn | None = None
    delivery_email: OptionalEmailIn = None


class UpdateNotes(Input):
    """Notes for colleagues, who looks after the order, and how it is shipped."""

    staff_notes: Text2000 | None = None
    assigned_to: Text200 | None = None
    tracking_number: Text60 | None = None


async def update_delivery(
    db: AsyncSession, order_id: int, data: UpdateDelivery, *, by: Actor, version: int | None = None
) -> tuple[Order, list[str]]:
    """Change the delivery details of an open order. Returns the order and the names of the changed fields.

    Labels bought for the previous address need attention. Raises Refused once the order is shipped or cancelled, or
    while its labels are being bought, and InvalidInput if nothing was sent.
    """
    require(by, Right.EDIT_ORDERS, "Your role does not change delivery details.")
    sent = data.model_dump(exclude_unset=True)
    if not sent:
        raise InvalidInput("Send at least one delivery field to change.")
    order = await lock_order(db, order_id, visible_to=by, version=version)
    if order.status not in OPEN_STATUSES:
        raise Refused(f"The order is {order.status}; its address can no longer change.", code=Code.STATE_NOT_ALLOWED)
    # The only field whose empty value is stored as null.
    sent = {name: value if name == "delivery_email" else value or "" for name, value in sent.items()}
    sent |= _check_typed(order, sent)
    changes = change_fields(order, sent)
    if changes:
        await show_labels_elsewhere(db, order, changes)
        await record_event(db, order, OrderEventKind.ADDRESS, by=by, changes=changes)
    return order, [name for name in changes if name != "delivery_phone_raw"]


async def update_notes(
    db: AsyncSession, order_id: int, data: UpdateNotes, *, by: Actor, version: int | None = None
) -> Order:
    """Change notes, assignee or tracking number; a first tracking number marks an open order shipped.

    Raises Refused if an order on hold or cancelled would be shipped.
    """
    if data.assigned_to is not None:
        check_may_assign(by)
    order = await lock_order(db, order_id, visible_to=by, version=version)
    is_first_tracking = bool(data.tracking_number) and not order.tracking_number
    changes = change_fields(order, data.model_dump(exclude_unset=True, exclude_none=True))
    if "tracking_number" in changes:
        await drop_other_trackers(db, order)
    if is_first_tracking and order.status not in {OrderStatus.SHIPPED, OrderStatus.DELIVERED}:
        check_move(OrderStatus(order.status), OrderStatus.SHIPPED, by.role)
        if order.on_hold:
            raise Refused(f"The order is on hold: {order.hold_reason}", code=Code.ON_HOLD)
        await move_locked_order(db, order, OrderStatus.SHIPPED, by=by, note=f"Tracking {order.tracking_number}")
        changes.pop("tracking_number", None)
    if changes:
        await record_event(
            db,
            order,
            OrderEventKind.NOTE,
            by=by,
            note=str(changes.get("staff_notes", {}).get("to", "")),
            changes=changes,
        )
    return order


def _check_typed(order: Order, sent: dict[str, Any]) -> dict[str, Any]:
    """Return state, ZIP and phone in their stored form. New values must be valid; unchanged old ones are kept."""
    read: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    changed = {name for name, value in sent.items() if value != getattr(order, name)}
    if is_home(order.delivery_country):
        if "delivery_state" in changed:
            read["delivery_state"] = read_state(sent["delivery_state"])
            wrong |= {} if read["delivery_state"] else {"delivery_state": "must be a US state, like IL"}
        if "delivery_zip" in changed:
            read["delivery_zip"] = read_zip(sent["delivery_zip"])
            wrong |= {} if read["delivery_zip"] else {"delivery_zip": "must be a ZIP code, like 60607 or 60607-1234"}
    if "delivery_phone" in sent and sent["delivery_phone"] != (order.delivery_phone_raw or None):
        phone, raw = split_phone(sent["delivery_phone"])
        read |= {"delivery_phone": phone, "delivery_phone_raw": raw}
        if sent["delivery_phone"] and phone is None:
            wrong["delivery_phone"] = NOT_A_PHONE
    elif "delivery_phone" in sent:
        read["delivery_phone"] = order.delivery_phone
    if wrong:
        raise refuse_fields(wrong)
    return read


def check_may_assign(by: Actor) -> None:
    """Allow only office roles to say who looks after an order."""
    if by.is_staff:
        require(by, Right.EDIT_ORDERS, "The warehouse does not assign orders.")


def change_fields(order: Order, values: dict[str, Any]) -> dict[str, Any]:
    """Set the fields that differ, and return for each the old and the new value."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        before = getattr(order, name)
        if before != value:
            changes[name] = {"from": before, "to": value}
            setattr(order, name, value)
    return changes
