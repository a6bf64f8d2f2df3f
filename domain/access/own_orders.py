"""Whose orders someone sees: a rep and a customer their own, other colleagues all of them.

Anyone who knows an order number can open the order, so lists of other things show only numbers that may be seen.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_

from domain.kernel.actor import Actor
from models import Order, Role, columns_of

ORDERS = columns_of(Order)


def owner_of_seen(actor: Actor) -> str | None:
    """Return the name of the column that must contain the actor, or None for those who see all orders."""
    if actor.is_customer:
        return "customer_id"
    return "sales_rep_id" if actor.has_role(Role.SALES_REP) else None


def may_be_seen_by(actor: Actor) -> ColumnElement[bool] | None:
    """Return the condition that limits an actor to their own orders, or None for those who see all of them."""
    owner = owner_of_seen(actor)
    return None if owner is None else ORDERS[owner] == actor.id


def names_order_seen(order_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the condition to join the order that a row names, if the actor may see it."""
    own = may_be_seen_by(actor)
    return ORDERS.id == order_id if own is None else and_(ORDERS.id == order_id, own)
