"""Orders of the shop: placing, listing, tracking and reordering."""

from typing import Any

import orjson
from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.orders import GuideOut, OneOrderOut, OwnOrderOut, PlaceOrderOut, ReorderOut, TrackedOrderOut
from domain.customers.phone_proof import is_proven_phone
from domain.kernel.codes import Code
from domain.kernel.inputs import Text200
from domain.kernel.paging import NewestPageInput, cut_page
from domain.orders.guide import list_guide
from domain.orders.own_orders import get_own_order, list_orders_by_phone, list_reorder_items
from domain.orders.own_orders import list_own_orders as find_own_orders
from domain.orders.place import PlacedOrder, PlaceOrder
from domain.orders.place import place_order as take_order
from models.session import current_database
from web.guards import customer_only, limited, public, public_or_customer
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db, in_raw_transaction, order_rules, settings

blueprint = Blueprint("storefront_orders", __name__)
tag_blueprint(blueprint, ["orders"])


class PhoneProof(NewestPageInput):
    """The token of a verified phone code, if the caller has one."""

    phone_session_token: Text200 | None = None


@blueprint.post("/api/orders")
@public_or_customer
@in_raw_transaction
@idempotent
@reads(PlaceOrder)
@answers(PlaceOrderOut, 201)
@refuses(Code.NOT_SIGNED_IN, Code.ORDER_TOO_LARGE, Code.OUT_OF_STOCK, Code.UNKNOWN_PRODUCT)
async def place_order(data: PlaceOrder) -> bytes:
    """Place an order as customer or guest; prices, fee and totals come from the catalogue."""
    return show_placed(await take_order(db(), data, by=current_actor(), rules=order_rules()))


@blueprint.get("/api/orders")
@customer_only
@reads_query(NewestPageInput)
@answers(list[OwnOrderOut])
async def list_own_orders(query: NewestPageInput) -> Any:
    """The signed-in customer's orders, newest first, with items; `X-Total-Count` gives the total."""
    async with current_database().listing() as connection:
        return await find_own_orders(connection, query, visible_to=current_actor())


@blueprint.get("/api/orders/guide")
@customer_only
@answers(GuideOut)
async def order_guide() -> Any:
    """The customer's usual items: usual quantity, last price and days since the last order, ready for a cart."""
    async with current_database().reading() as connection:
        return {"items": await list_guide(connection, current_actor().id, timezone=settings().timezone)}


@blueprint.get("/api/orders/<order_number>")
@public_or_customer
@limited("tracking", 60, seconds=60)
@answers(OneOrderOut)
async def get_order(order_number: str) -> Any:
    """One order: the customer's own, or for a guest any order by its unguessable number, with names masked."""
    async with current_database().reading() as connection:
        return {"order": await get_own_order(connection, order_number, visible_to=current_actor())}


@blueprint.get("/api/orders/<order_number>/reorder")
@customer_only
@answers(ReorderOut)
async def reorder_items(order_number: str) -> Any:
    """The items of one of the customer's earlier orders at today's prices, for a new cart."""
    async with current_database().reading() as connection:
        return {"items": await list_reorder_items(connection, order_number, visible_to=current_actor())}


@blueprint.get("/api/orders/phone/<phone>")
@public
@limited("orders_by_phone", 10, seconds=3600)
@reads_query(PhoneProof)
@answers(list[TrackedOrderOut])
async def orders_by_phone(phone: str, query: PhoneProof) -> Any:
    """Recent guest orders of a phone number, in short form and masked."""
    async with current_database().reading() as connection:
        is_proven = await is_proven_phone(connection, phone, query.phone_session_token)
        return cut_page(await list_orders_by_phone(connection, phone, is_proven=is_proven), query)


def show_placed(placed: PlacedOrder) -> bytes:
    """The answer to a new order, made in one pass: this is the shop's busiest write."""
    order, written = placed.order, placed.written
    to, totals = order.delivery, order.totals
    shown = {
        "id": written.id,
        "order_number": written.order_number,
        "user_id": order.customer_id,
        "status": order.status,
        "on_hold": bool(order.hold_reason),
        "created_at": written.created_at,
        "delivery_name": to.name,
        "delivery_first_name": to.first_name,
        "delivery_last_name": to.last_name,
        "delivery_email": to.email,
        "delivery_company": to.company,
        "delivery_address": to.address,
        "delivery_city": to.city,
        "delivery_state": to.state,
        "delivery_zip": to.zip,
        "delivery_phone": to.phone,
        "special_notes": order.special_notes,
        "po_number": order.po_number,
        "subtotal": float(totals.subtotal),
        "discount_amount": float(totals.discount_amount),
        "delivery_fee": float(totals.delivery_fee),
        "total_amount": float(totals.total_amount),
        "amount_paid": float(order.amount_paid),
        "balance": float(totals.total_amount - order.amount_paid),
        "payment_method": order.payment_method,
        "payment_status": order.payment_status,
        "items": [
            {
                "product_id": line.product_id,
                "product_name": line.product_name,
                "product_sku": line.product_sku,
                "product_brand": line.product_brand,
                "product_unit_size": line.product_unit_size,
                "quantity": line.quantity,
                "unit_price": float(line.unit_price),
                "is_bulk_price": line.is_bulk_price,
                "line_total": float(line.line_total),
            }
            for line in order.lines
        ],
    }
    message = f"Order {written.order_number} is placed."
    if order.hold_reason:
        message = f"Order {written.order_number} is placed and waits for payment or approval."
    return orjson.dumps({"success": True, "message": message, "order": shown}, option=orjson.OPT_UTC_Z)
