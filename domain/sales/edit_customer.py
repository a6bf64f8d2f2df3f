"""A rep changes a customer's details, and open orders with the old values are updated."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.edit_customer import UpdateCustomer, update_customer
from domain.kernel.actor import Actor
from domain.orders.record import record_event
from domain.sales.customers import SalesProfile, get_sales_profile
from domain.warehouse.label_places import show_labels_elsewhere
from models import Customer, Order, OrderEventKind

# Column of the order -> field of the customer.
_FOLLOWS = {
    "delivery_first_name": "first_name",
    "delivery_last_name": "last_name",
    "delivery_company": "company_name",
    "delivery_email": "email",
    "delivery_phone": "phone",
    "delivery_address": "shipping_street",
    "delivery_city": "shipping_city",
    "delivery_state": "shipping_state",
    "delivery_zip": "shipping_zip",
    "delivery_country": "shipping_country",
}
_ADDRESS = ("delivery_address", "delivery_city", "delivery_state", "delivery_zip", "delivery_country")
_OPEN = text("""
SELECT id FROM orders WHERE customer_id = :id AND status IN ('pending', 'confirmed', 'packed')
ORDER BY id FOR NO KEY UPDATE
""")


class UpdateSalesCustomer(UpdateCustomer):
    """The fields to change; missing ones stay unchanged, an empty string clears a field."""


@dataclass(frozen=True, slots=True)
class EditedCustomer:
    """The updated customer, and the number of open orders that were updated."""

    profile: SalesProfile
    updated_orders: int


async def update_sales_customer(
    db: AsyncSession, customer_id: int, data: UpdateSalesCustomer, *, shop_url: str, by: Actor
) -> EditedCustomer:
    """Change a customer of the actor, or without a rep. Orders with different values keep them.

    Raises the errors of `update_customer`. Locks the customer, then their open orders.
    """
    before = await _read(db, customer_id)
    await update_customer(db, customer_id, data, shop_url=shop_url, by=by)
    after = await _read(db, customer_id)
    updated = await _follow(db, customer_id, before, after, by=by) if before != after else 0
    return EditedCustomer(await get_sales_profile(db, customer_id, visible_to=by), updated)


async def _read(db: AsyncSession, customer_id: int) -> dict[str, Any]:
    customer = await db.get(Customer, customer_id, populate_existing=True)
    if customer is None:
        return {}
    facts = {name: getattr(customer, column) for name, column in _FOLLOWS.items()}
    return facts | {"delivery_name": f"{customer.first_name} {customer.last_name}".strip()}


async def _follow(
    db: AsyncSession, customer_id: int, before: dict[str, Any], after: dict[str, Any], *, by: Actor
) -> int:
    """Copy each changed detail to the open orders that have the old value; the address only as a whole."""
    changed = {name for name in after if after[name] != before[name]}
    updated = 0
    for (order_id,) in (await db.execute(_OPEN, {"id": customer_id})).all():
        order = await db.get(Order, order_id, populate_existing=True)
        if order is None:
            continue
        same_place = all(getattr(order, name) == before[name] for name in _ADDRESS)
        moves = [
            name
            for name in sorted(changed)
            if (same_place if name in _ADDRESS else getattr(order, name) == before[name]) and _may_be(name, after)
        ]
        if not moves:
            continue
        changes = {name: {"from": getattr(order, name), "to": after[name]} for name in moves}
        for name in moves:
            setattr(order, name, after[name])
        await show_labels_elsewhere(db, order, changes)
        await record_event(
            db, order, OrderEventKind.ADDRESS, by=by, note="The customer's details changed", changes=changes
        )
        updated += 1
    return updated


def _may_be(name: str, after: dict[str, Any]) -> bool:
    """An order keeps its name if the customer's name was cleared."""
    return name != "delivery_name" or bool(after[name])
