"""The order desk: listing and entering orders, and changing their status, amounts, addresses and notes."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.orders import (
    AppliedCreditOut,
    AssignedOrderOut,
    DoneOut,
    EnteredOrderOut,
    MarkedPaidOut,
    MovedOrderOut,
    SalesRepOut,
    StaffOrderListOut,
    UpdatedDeliveryOut,
    UpdatedNotesOut,
)
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.kernel.paging import NewestPageInput, cut_page
from domain.order_desk import assign, delete, edit, edit_items, enter, move
from domain.order_desk.move_and_refund import update_status_and_refund
from domain.orders import queries
from domain.orders.balance import calculate_balance
from domain.orders.filters import OrderWalk
from domain.payments import apply_credit as credit
from domain.payments import mark_paid as payments
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("staff_orders", __name__)
tag_blueprint(blueprint, ["order_desk"])


@blueprint.get("/api/staff/orders")
@staff_only(Right.SEE_ORDERS)
@reads_query(OrderWalk)
@answers(StaffOrderListOut)
async def list_orders(query: OrderWalk) -> Any:
    """Orders, paged, newest first; sales reps see only their own, the warehouse sees no amounts. To read the whole
    list, use `after` instead of `page`."""
    async with current_database().listing() as connection:
        page = await queries.list_orders(
            connection, query, visible_to=current_actor(), timezone=settings().timezone, after=query.after
        )
        items = await queries.list_items(connection, [row.id for row in page.rows], visible_to=current_actor())
    orders = [show_order(row, items[row.id]) for row in page.rows]
    return {"orders": orders, "total": page.total, "page": page.page, "pages": page.pages}


@blueprint.post("/api/staff/orders")
@staff_only(Right.ENTER_ORDERS)
@idempotent
@reads(enter.EnterOrder, rights=enter.FIELD_RIGHTS)
@answers(EnteredOrderOut, 201)
@refuses(
    Code.DISCOUNT_TOO_LARGE,
    Code.NOT_YOUR_CUSTOMER,
    Code.ORDER_NUMBER_TAKEN,
    Code.ORDER_TOO_LARGE,
    Code.OUT_OF_STOCK,
    Code.TERMS_NOT_COVERED,
)
async def create_order(data: enter.EnterOrder) -> Any:
    """Enter an order by hand, with its own number, date, discount, fee and statuses if the role allows it."""
    placed = await enter.enter_order(db(), data, by=current_actor(), rules=order_rules())
    return {"order": await read_whole_order(placed.written.id)}


@blueprint.delete("/api/staff/orders/<id:id>")
@staff_only(Right.DELETE_ORDERS)
@answers(DoneOut)
@refuses(Code.CANCEL_INSTEAD)
async def delete_order(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """Delete a pending or cancelled order without payment, label or invoice; its stock is returned."""
    await delete.delete_order(db(), id, by=current_actor())
    return {}


@blueprint.put("/api/staff/orders/<id:id>/address")
@staff_only(Right.EDIT_ORDERS)
@reads(edit.UpdateDelivery)
@answers(UpdatedDeliveryOut)
@refuses(Code.STATE_NOT_ALLOWED)
async def update_delivery_address(id: int, data: edit.UpdateDelivery) -> Any:  # noqa: A002
    """Change delivery details; returns the changed fields."""
    order, changed = await edit.update_delivery(db(), id, data, by=current_actor())
    return {"order": order, "updated_fields": changed}


@blueprint.post("/api/staff/orders/<id:id>/apply-credit")
@staff_only(Right.APPLY_CREDIT)
@idempotent
@reads(credit.ApplyCredit)
@answers(AppliedCreditOut)
@refuses(Code.ALREADY_PAID, Code.NOT_ENOUGH_CREDIT, Code.NO_CUSTOMER, Code.ORDER_CANCELLED)
async def apply_credit(id: int, data: credit.ApplyCredit) -> Any:  # noqa: A002
    """Apply store credit to an order's balance, up to the balance and the available credit."""
    order, entry = await credit.apply_credit(db(), id, data, by=current_actor())
    return {
        "credit_applied": -entry.amount,
        "new_order_total": calculate_balance(order),
        "credit_balance": entry.balance_after,
        "transaction": entry.model_dump() | {"order_number": order.order_number, "created_by": entry.actor_name},
    }


@blueprint.post("/api/staff/orders/<id:id>/mark-paid")
@staff_only(Right.RECORD_PAYMENTS)
@idempotent
@reads(payments.MarkPaid)
@answers(MarkedPaidOut)
@refuses(Code.ALREADY_PAID, Code.CREDIT_TOO_LARGE, Code.ORDER_CANCELLED)
async def mark_paid(id: int, data: payments.MarkPaid) -> Any:  # noqa: A002
    """Mark the order paid by hand; any amount above the balance becomes store credit."""
    order, surplus = await payments.mark_paid(db(), id, data, by=current_actor())
    shown = order.model_dump() | {"balance": calculate_balance(order)}
    return {"order": shown, "overpayment_credited": surplus}


@blueprint.put("/api/staff/orders/<id:id>/notes")
@staff_only(Right.NOTE_ORDERS)
@reads(edit.UpdateNotes, rights=edit.FIELD_RIGHTS)
@answers(UpdatedNotesOut)
@refuses(Code.ON_HOLD, Code.STATE_NOT_ALLOWED)
async def update_notes(id: int, data: edit.UpdateNotes) -> Any:  # noqa: A002
    """Change staff notes, assignee or tracking number; the first tracking number marks the order shipped."""
    return {"order": await edit.update_notes(db(), id, data, by=current_actor())}


@blueprint.put("/api/staff/orders/<id:id>/status")
@staff_only(Right.MOVE_ORDERS)
@reads(move.UpdateStatus, rights=edit.FIELD_RIGHTS)
@answers(MovedOrderOut)
@refuses(Code.CREDIT_TOO_LARGE, Code.ON_HOLD, Code.OUT_OF_STOCK, Code.STATE_NOT_ALLOWED)
async def update_status(id: int, data: move.UpdateStatus) -> Any:  # noqa: A002
    """Change the order's status; cancelling returns its stock once and refunds Stripe payments."""
    refund = await update_status_and_refund(id, data, by=current_actor(), settings=settings())
    return {"order": await read_whole_order(id), "refund": refund}


@blueprint.put("/api/staff/orders/<id:id>/items")
@staff_only(Right.EDIT_ORDERS)
@reads(edit_items.EditItems)
@answers(EnteredOrderOut)
@refuses(
    Code.CONFLICT,
    Code.DISCOUNT_TOO_LARGE,
    Code.ORDER_TOO_LARGE,
    Code.OUT_OF_STOCK,
    Code.PAID_MORE,
    Code.STATE_NOT_ALLOWED,
    Code.TERMS_NOT_COVERED,
)
async def update_items(id: int, data: edit_items.EditItems) -> Any:  # noqa: A002
    """Replace the lines of a pending order; stock and totals are updated."""
    await edit_items.edit_items(db(), id, data, by=current_actor(), rules=order_rules())
    return {"order": await read_whole_order(id)}


@blueprint.put("/api/staff/orders/<id:id>/assign")
@staff_only(Right.ASSIGN_ORDERS)
@reads(assign.AssignOrder)
@answers(AssignedOrderOut)
async def assign_order(id: int, data: assign.AssignOrder) -> Any:  # noqa: A002
    """Set the order's sales rep."""
    return {"order": await assign.assign_order(db(), id, data, by=current_actor())}


@blueprint.get("/api/staff/sales-reps")
@staff_only(Right.SEE_ORDERS)
@reads_query(NewestPageInput)
@answers(list[SalesRepOut])
async def list_sales_reps(query: NewestPageInput) -> Any:
    """Staff users with the role sales_rep."""
    return cut_page(await assign.list_sales_reps(db()), query)


def show_order(row: queries.OrderRow, items: list[queries.ItemRow]) -> dict[str, Any]:
    """An order with its lines, as answers show it."""
    shown = {name: getattr(row, name) for name in queries.ROW_NAMES}
    return shown | {"items": items}


async def read_whole_order(order_id: int) -> dict[str, Any]:
    """The order after an act, read in the act's own transaction."""
    row = await queries.get_order(db(), order_id, visible_to=current_actor())
    items = await queries.list_items(db(), [order_id], visible_to=current_actor())
    return show_order(row, items[order_id])
