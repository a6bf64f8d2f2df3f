"""Orders move only as the contract says, by role."""

import pytest

from domain.kernel.errors import Refused
from domain.orders.statuses import allowed_next, check_move
from models import OrderStatus, Role

CLERKS = [None, Role.STAFF, Role.SALES_REP, Role.WAREHOUSE]
HEADS = [Role.ADMIN, Role.MANAGER]

FOR_CLERKS = {
    "pending": ["confirmed", "packed", "shipped", "delivered", "cancelled"],
    "confirmed": ["packed", "shipped", "delivered", "cancelled"],
    "packed": ["shipped", "delivered", "cancelled"],
    "shipped": ["delivered"],
    "delivered": [],
    "cancelled": [],
}
FOR_HEADS = {
    "pending": ["confirmed", "packed", "shipped", "delivered", "cancelled"],
    "confirmed": ["packed", "shipped", "delivered", "cancelled", "pending"],
    "packed": ["shipped", "delivered", "cancelled", "confirmed"],
    "shipped": ["delivered", "cancelled", "packed"],
    "delivered": ["shipped"],
    "cancelled": ["pending"],
}


@pytest.mark.parametrize("role", CLERKS)
@pytest.mark.parametrize("status", OrderStatus)
def test_clerks_move_forward_and_cancel_what_is_not_shipped(role: Role | None, status: OrderStatus) -> None:
    assert [str(allowed) for allowed in allowed_next(status, role)] == FOR_CLERKS[status]


@pytest.mark.parametrize("role", HEADS)
@pytest.mark.parametrize("status", OrderStatus)
def test_heads_also_step_back_and_cancel_what_is_shipped(role: Role, status: OrderStatus) -> None:
    assert [str(allowed) for allowed in allowed_next(status, role)] == FOR_HEADS[status]


@pytest.mark.parametrize("role", [*CLERKS, *HEADS])
@pytest.mark.parametrize("wanted", OrderStatus)
@pytest.mark.parametrize("current", OrderStatus)
def test_a_move_passes_exactly_when_it_is_allowed(current: OrderStatus, wanted: OrderStatus, role: Role | None) -> None:
    allowed = allowed_next(current, role)
    if wanted in allowed:
        check_move(current, wanted, role)
        return
    with pytest.raises(Refused) as refusal:
        check_move(current, wanted, role)
    assert refusal.value.code == "state_not_allowed"
    assert refusal.value.extra == {"allowed": [str(status) for status in allowed]}


def test_a_refused_move_names_what_is_allowed_instead() -> None:
    with pytest.raises(Refused, match=r"^An order that is confirmed can't become pending; allowed: packed, "):
        check_move(OrderStatus.CONFIRMED, OrderStatus.PENDING, Role.STAFF)
    with pytest.raises(Refused, match=r"^The order is already shipped; allowed: delivered\.$"):
        check_move(OrderStatus.SHIPPED, OrderStatus.SHIPPED, Role.STAFF)
    with pytest.raises(Refused, match=r"^An order that is cancelled can't become pending, and you can't "):
        check_move(OrderStatus.CANCELLED, OrderStatus.PENDING, Role.STAFF)


def test_only_heads_cancel_what_is_shipped() -> None:
    assert OrderStatus.CANCELLED in allowed_next(OrderStatus.PACKED, None)
    assert OrderStatus.CANCELLED not in allowed_next(OrderStatus.SHIPPED, Role.STAFF)
    assert OrderStatus.CANCELLED in allowed_next(OrderStatus.SHIPPED, Role.MANAGER)
    assert OrderStatus.CANCELLED not in allowed_next(OrderStatus.DELIVERED, Role.ADMIN)
