"""The orders that wait for somebody against a plain pass over all orders."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.money import ZERO
from domain.reports.home import DESK_KINDS, FLOOR_KINDS, WAITS_LONG, HomeQuery, Waiting, WaitingOrders, get_home
from models import Order, Role
from tests.factories import make_staff

ZONE = ZoneInfo("America/Chicago")
PLACE = text("""
INSERT INTO orders (order_number, status, payment_status, on_hold, hold_reason, attention, subtotal, total_amount,
  sales_rep_id, delivery_name, delivery_company, created_at)
VALUES (:number, :status, :payment, :held, :reason, :attention, 10, 10, :rep, 'Ann', :company, :at)
""")


def is_of(order: Order, kind: Waiting) -> bool:
    """Whether an order waits in this way."""
    return {
        Waiting.ON_HOLD: order.on_hold,
        Waiting.FAILED: order.payment_status == "failed",
        Waiting.MARKED: order.attention != "",
        Waiting.PENDING: order.status == "pending" and not order.on_hold,
        Waiting.CHECKS: order.payment_status == "pending_review",
    }.get(kind, order.status == kind.value)


def recount(orders: Sequence[Order], kind: Waiting, *, sees_money: bool) -> WaitingOrders:
    """What the page says of a kind, from all orders."""
    found = sorted((order for order in orders if is_of(order, kind)), key=lambda order: order.created_at)
    if not found:
        return WaitingOrders()
    first = found[0]
    return WaitingOrders(
        count=len(found),
        balance=sum((order.balance for order in found), ZERO) if sees_money else ZERO,
        oldest_at=first.created_at,
        oldest_name=first.delivery_company or first.delivery_name,
        oldest_reason=(first.hold_reason or first.attention) if sees_money else "",
        oldest_number=first.order_number,
        waiting_long=sum(order.created_at < datetime.now(UTC) - WAITS_LONG for order in found),
    )


@pytest.mark.parametrize("seed", range(3))
async def test_each_kind_and_each_order_counts_once(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    rep = await make_staff(db, Role.SALES_REP)
    for number in range(60):
        await db.execute(
            PLACE,
            {
                "number": f"WAIT-{number}",
                "status": dice.choice(("pending", "pending", "confirmed", "packed", "shipped", "delivered")),
                "payment": dice.choice(("unpaid", "paid", "failed", "pending_review")),
                "held": dice.random() < 0.3,
                "reason": dice.choice(("", "Over the limit")),
                "attention": dice.choice(("", "", "Broken")),
                "company": dice.choice(("", "Oak Grill")),
                "rep": dice.choice((None, rep.id)),
                "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(300), seconds=number),
            },
        )
    every = (await db.scalars(select(Order))).all()
    for role, reader_id, kinds in (
        (Role.MANAGER, 1, DESK_KINDS),
        (Role.SALES_REP, rep.id, DESK_KINDS),
        (Role.WAREHOUSE, 1, FLOOR_KINDS),
    ):
        reader = Actor(ActorKind.STAFF, reader_id, "Test", role)
        home = await get_home(db, HomeQuery(), visible_to=reader, timezone=ZONE)
        seen = [order for order in every if role is not Role.SALES_REP or order.sales_rep_id == rep.id]
        sees_money = role is not Role.WAREHOUSE
        assert home.waiting == {kind: recount(seen, kind, sees_money=sees_money) for kind in home.waiting}
        assert home.waiting_orders == sum(any(is_of(order, kind) for kind in kinds) for order in seen)
