"""The statuses of an order, and which role may move an order from which to which.

This is the whole state machine; acts (confirm, ship, cancel) ask it and never decide themselves. The only exception is
a rejected check, which sets an order to pending whatever the role.
"""

from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from models import OrderStatus, Role

WAY_FORWARD = (
    OrderStatus.PENDING,
    OrderStatus.CONFIRMED,
    OrderStatus.PACKED,
    OrderStatus.SHIPPED,
    OrderStatus.DELIVERED,
)
OPEN_STATUSES = (OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.PACKED)
_MAY_GO_BACK = frozenset({Role.ADMIN, Role.MANAGER})


def allowed_next(status: OrderStatus, role: Role | None) -> tuple[OrderStatus, ...]:
    """Return the statuses to which this role may move an order: forward first, then cancelled, then one step back.

    `role` is None for a customer, an agent or a job; they may do what role staff may.
    """
    may_go_back = role in _MAY_GO_BACK
    if status is OrderStatus.CANCELLED:
        return (OrderStatus.PENDING,) if may_go_back else ()
    place = WAY_FORWARD.index(status)
    allowed = WAY_FORWARD[place + 1 :]
    if status in OPEN_STATUSES or (status is OrderStatus.SHIPPED and may_go_back):
        allowed += (OrderStatus.CANCELLED,)
    if may_go_back and place > 0:
        allowed += (WAY_FORWARD[place - 1],)
    return allowed


def check_move(current: OrderStatus, wanted: OrderStatus, role: Role | None) -> None:
    """Raise Refused, naming the allowed statuses, unless this role may make this move."""
    allowed = allowed_next(current, role)
    if wanted in allowed:
        return
    if current is wanted:
        sentence = f"The order is already {current}"
    else:
        sentence = f"An order that is {current} can't become {wanted}"
    *firsts, last = allowed or ("",)
    instead = f"{', '.join(firsts)} or {last}" if firsts else last
    raise Refused(
        f"{sentence}; allowed: {instead}." if instead else f"{sentence}, and you can't move it any further.",
        code=Code.STATE_NOT_ALLOWED,
        allowed=[str(status) for status in allowed],
    )
