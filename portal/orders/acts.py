"""Acts on one order with a confirmation: each has one URL; GET says what will happen, POST does it."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Input, Text2000
from domain.kernel.money import ZERO, format_money
from domain.order_desk.assign import AssignOrder, assign_order
from domain.order_desk.attend import AttendOrder, attend_order
from domain.order_desk.cancel import cancel_order
from domain.order_desk.delete import delete_order
from domain.order_desk.hold import ReleaseOrder, release_order
from domain.order_desk.order_page import OrderPage, get_order_page
from domain.order_desk.undo import find_newest_event
from domain.order_desk.undo_cancel import can_undo_cancelling, undo_cancelling
from domain.orders.statuses import allowed_next
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.mark_paid import RECEIVED_BY, MarkPaid, mark_paid
from domain.payments.undo_payment import find_undoable_payment, undo_payment
from models import OrderEventKind, OrderStatus
from portal.attempts import Attempt, NoFields, attempt, form_version, refusal_of
from portal.lists import list_rep_choices
from portal.orders.list import LIST
from portal.orders.order import METHOD_WORDS, choose_version, order_url
from portal.orders.timeline import STATUS_LOOKS
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db

blueprint = Blueprint("portal_order_acts", __name__)
RECEIVED_WORDS = [(method, word) for method, word in METHOD_WORDS if method in RECEIVED_BY]


class CancelOrder(Input):
    """Why the order is cancelled."""

    reason: Text2000 = ""


@blueprint.get("/portal/orders/<number>/pay")
@staff_page(Right.RECORD_PAYMENTS)
async def show_pay(number: str) -> Response:
    """Ask for the amount received for the order."""
    return await _ask("orders/pay.html", await _read(number), methods=RECEIVED_WORDS)


@blueprint.post("/portal/orders/<number>/pay")
@staff_page(Right.RECORD_PAYMENTS)
async def take_payment(number: str) -> Response:
    """Record money received for the order."""
    shown, version = await _read(number), await form_version()

    async def pay(data: MarkPaid) -> Any:
        return await mark_paid(db(), shown.order.id, data, by=current_actor(), version=version)

    tried = await attempt(MarkPaid, pay)
    if tried.result is None:
        return await _ask("orders/pay.html", await _read(number), tried, methods=RECEIVED_WORDS)
    order, surplus = tried.result
    received = order.amount_paid - (shown.order.amount_paid or ZERO) + surplus
    toast = f"Payment of {format_money(received)} recorded"
    if surplus:
        toast += f", {format_money(surplus)} of it kept as store credit"
    return await redirect_to(order_url(number), toast=toast, undo=await _find_undo(shown))


@blueprint.post("/portal/orders/<number>/pay/<id:payment_id>/undo")
@staff_page(Right.RECORD_PAYMENTS)
async def undo_taken_payment(number: str, payment_id: int) -> Response:
    """Undo a payment that was just entered."""
    shown = await _read(number)
    await undo_payment(db(), shown.order.id, payment_id, by=current_actor())
    return await redirect_to(order_url(number), toast="Undone")


@blueprint.get("/portal/orders/<number>/credit")
@staff_page(Right.APPLY_CREDIT)
async def show_credit(number: str) -> Response:
    """Ask how much store credit to use."""
    return await _ask("orders/credit.html", await _read(number))


@blueprint.post("/portal/orders/<number>/credit")
@staff_page(Right.APPLY_CREDIT)
async def use_credit(number: str) -> Response:
    """Use the customer's store credit on the order."""
    shown, version = await _read(number), await form_version()

    async def use(data: ApplyCredit) -> Any:
        return await apply_credit(db(), shown.order.id, data, by=current_actor(), version=version)

    tried = await attempt(ApplyCredit, use)
    if tried.result is None:
        return await _ask("orders/credit.html", await _read(number), tried)
    _, entry = tried.result
    return await redirect_to(order_url(number), toast=f"{format_money(-entry.amount)} of store credit used")


@blueprint.get("/portal/orders/<number>/release")
@staff_page(Right.OVERRIDE_TERMS)
async def show_release(number: str) -> Response:
    """Ask for the reason to release the order."""
    return await _ask("orders/release.html", await _read(number))


@blueprint.post("/portal/orders/<number>/release")
@staff_page(Right.OVERRIDE_TERMS)
async def release_hold(number: str) -> Response:
    """Lift the order's hold."""
    shown, version = await _read(number), await form_version()

    async def release(data: ReleaseOrder) -> Any:
        return await release_order(db(), shown.order.id, data, by=current_actor(), version=version)

    tried = await attempt(ReleaseOrder, release)
    if tried.refusal is not None:
        return await _ask("orders/release.html", await _read(number), tried)
    return await redirect_to(order_url(number), toast=f"{number} is released")


@blueprint.get("/portal/orders/<number>/attend")
@staff_page(Right.ATTEND_ORDERS)
async def show_attend(number: str) -> Response:
    """Ask how the order's problems were handled."""
    return await _ask("orders/attend.html", await _read(number))


@blueprint.post("/portal/orders/<number>/attend")
@staff_page(Right.ATTEND_ORDERS)
async def attend(number: str) -> Response:
    """Mark the order's problems as handled."""
    shown, version = await _read(number), await form_version()

    async def note(data: AttendOrder) -> Any:
        return await attend_order(db(), shown.order.id, data, by=current_actor(), version=version)

    tried = await attempt(AttendOrder, note)
    if tried.refusal is not None:
        return await _ask("orders/attend.html", await _read(number), tried)
    return await redirect_to(order_url(number), toast=f"{number} is handled")


@blueprint.get("/portal/orders/<number>/assign")
@staff_page(Right.ASSIGN_ORDERS)
async def show_assign(number: str) -> Response:
    """Ask for the sales rep."""
    return await _ask_for_rep(await _read(number))


@blueprint.post("/portal/orders/<number>/assign")
@staff_page(Right.ASSIGN_ORDERS)
async def assign_rep(number: str) -> Response:
    """Set the order's sales rep."""
    shown = await _read(number)

    async def assign(data: AssignOrder) -> Any:
        return await assign_order(db(), shown.order.id, data, by=current_actor())

    tried = await attempt(AssignOrder, assign)
    if tried.refusal is not None:
        return await _ask_for_rep(shown, tried)
    after = await _read(number)
    event_id = await find_newest_event(db(), shown.order.id, kinds=(OrderEventKind.ASSIGNED,))
    has_changed = event_id is not None and after.order.sales_rep_id != shown.order.sales_rep_id
    undo = f"{order_url(number)}/undo/{event_id}" if has_changed else None
    return await redirect_to(order_url(number), toast=f"Assigned to {after.order.rep_name}", undo=undo)


@blueprint.get("/portal/orders/<number>/cancel")
@staff_page(Right.CANCEL_ORDERS)
async def show_cancel(number: str) -> Response:
    """Confirm cancelling the order."""
    return await _ask("orders/cancel.html", await _read(number))


@blueprint.post("/portal/orders/<number>/cancel")
@staff_page(Right.CANCEL_ORDERS)
async def cancel_for_good(number: str) -> Response:
    """Cancel the order; its stock goes back."""
    shown, version = await _read(number), await form_version()

    async def cancel(data: CancelOrder) -> Any:
        return await cancel_order(db(), shown.order.id, by=current_actor(), reason=data.reason, version=version)

    tried = await attempt(CancelOrder, cancel)
    if tried.refusal is not None:
        return await _ask("orders/cancel.html", await _read(number), tried)
    me = current_actor()
    may_go_back = OrderStatus.PENDING in allowed_next(OrderStatus.CANCELLED, me.role)
    can_undo = may_go_back and await can_undo_cancelling(db(), shown.order.id, by=me)
    undo = f"{order_url(number)}/cancel/undo" if can_undo else None
    return await redirect_to(order_url(number), toast=f"{number} is cancelled", undo=undo)


@blueprint.post("/portal/orders/<number>/cancel/undo")
@staff_page(Right.CANCEL_ORDERS)
async def undo_cancel(number: str) -> Response:
    """Undo a recent cancellation."""
    shown = await _read(number)
    order = await undo_cancelling(db(), shown.order.id, by=current_actor())
    word = STATUS_LOOKS[OrderStatus(order.status)][0].lower()
    return await redirect_to(order_url(number), toast=f"Undone: {number} is {word} again")


@blueprint.get("/portal/orders/<number>/delete")
@staff_page(Right.DELETE_ORDERS)
async def show_delete(number: str) -> Response:
    """Confirm deleting the order."""
    return await _ask("orders/delete.html", await _read(number))


@blueprint.post("/portal/orders/<number>/delete")
@staff_page(Right.DELETE_ORDERS)
async def delete_for_good(number: str) -> Response:
    """Delete an order that never became one."""
    shown, version = await _read(number), await form_version()

    async def remove(_: NoFields) -> Any:
        await delete_order(db(), shown.order.id, by=current_actor(), version=version)

    tried = await attempt(NoFields, remove)
    if tried.refusal is not None:
        return await _ask("orders/delete.html", await _read(number), tried)
    return await redirect_to(LIST, toast=f"{number} is deleted")


async def _find_undo(shown: OrderPage) -> str | None:
    """The Undo URL of a payment that was just entered."""
    payment_id = await find_undoable_payment(db(), shown.order.id, by=current_actor())
    return f"{order_url(shown.order.order_number)}/pay/{payment_id}/undo" if payment_id is not None else None


async def _read(number: str) -> OrderPage:
    return await get_order_page(db(), number, visible_to=current_actor())


async def _ask(template: str, shown: OrderPage, tried: Attempt[Any] | None = None, **more: Any) -> Response:
    """The confirmation as a page or in the dialog; after a refusal with the typed values."""
    return await page_or_block(
        template,
        block="dialog",
        shown=shown,
        order=shown.order,
        version=choose_version(shown.order, tried),
        url=f"{order_url(shown.order.order_number)}/{template.removeprefix('orders/').removesuffix('.html')}",
        back_url=order_url(shown.order.order_number),
        **refusal_of(tried),
        typed=tried.typed if tried else {},
        **more,
    )


async def _ask_for_rep(shown: OrderPage, tried: Attempt[Any] | None = None) -> Response:
    number = shown.order.order_number
    return await _ask(
        "orders/assign.html",
        shown,
        tried,
        title=f"Assign {number} to",
        orders=[number],
        reps=await list_rep_choices(),
        current=shown.order.sales_rep_id,
    )
