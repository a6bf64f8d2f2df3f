"""What the warehouse counts against a plain recount, whatever state orders are in."""

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, now, start_of_business_day
from domain.orders.days import fold_days
from domain.warehouse.floor import FloorQuery, Stage, count_day, show_floor
from domain.warehouse.promise import promised_at
from domain.warehouse.queue import ListQueue, QueueStatus, list_queue
from models import Order, OrderStatus, Role, Tracker
from tests.factories import as_actor, make_staff

ZONE = ZoneInfo("America/Chicago")
STATES = [status.value for status in OrderStatus]


async def place_many(db: AsyncSession, dice: random.Random, rep_id: int) -> list[dict[str, Any]]:
    """Orders in any state, some of them a rep's, with what was done when; some parcels are late."""
    today = start_of_business_day(business_today(ZONE), ZONE)
    found = []
    for number in range(150):
        order: dict[str, Any] = {
            "order_number": f"FLOOR-{number}",
            "status": dice.choice(STATES),
            "on_hold": dice.random() < 0.2,
            "sales_rep_id": dice.choice((rep_id, None)),
            "delivery_company": dice.choice(("Oak Grill", "Elm Diner")),
            "created_at": today - timedelta(hours=dice.randrange(30 * 24)),
            "picked_at": dice.choice((today, None)),
            "set_aside_at": dice.choice((today, None, None)),
            "shipped_at": dice.choice((None, now(), today - timedelta(hours=dice.randrange(60)))),
            "delivered_at": dice.choice((None, now() - timedelta(hours=dice.randrange(18 * 24)))),
        }
        row = Order(**order, subtotal=Decimal(1), total_amount=Decimal(1))
        db.add(row)
        await db.flush()
        for place, late in enumerate(dice.sample((True, False, False), dice.randrange(3))):
            expected = datetime.combine(business_today(ZONE), time(), UTC) - timedelta(days=late)
            tracker: dict[str, Any] = {"tracking_number": f"T-{number}-{place}", "carrier": "USPS", "details": []}
            state = dice.choice(("in_transit", "delivered"))
            db.add(Tracker(order_id=row.id, status=state, expected_at=expected, **tracker))
            order["late"] = order.get("late") or (late and state != "delivered")
        found.append(order)
    await db.flush()
    return found


def recount(orders: list[dict[str, Any]]) -> dict[str, int]:
    """The counts by their definitions, one order at a time."""
    today, week = start_of_business_day(business_today(ZONE), ZONE), timedelta(days=7)
    yesterday = start_of_business_day(business_today(ZONE) - timedelta(days=1), ZONE)
    counts = dict.fromkeys(("all", *count_names()), 0)
    for order in orders:
        status, shipped, delivered = order["status"], order["shipped_at"], order["delivered_at"]
        is_active = status in {"confirmed", "packed"} or (status == "pending" and not order["on_hold"])
        is_open = is_active and order["set_aside_at"] is None
        counts["all"] += is_active
        counts["to_pick"] += is_open and status != "packed" and order["picked_at"] is None
        counts["to_pack"] += is_open and status == "confirmed" and order["picked_at"] is not None
        counts["to_ship"] += is_open and status == "packed"
        counts["short"] += is_active and not is_open
        counts["in_transit"] += status == "shipped"
        counts["late"] += status == "shipped" and bool(order.get("late"))
        if shipped is not None and status != "cancelled":
            counts["shipped_today"] += shipped >= today
            counts["shipped_yesterday"] += yesterday <= shipped < today
        if delivered is not None and status == "delivered":
            is_new = delivered >= now() - week
            counts["delivered"] += is_new
            counts["delivered_before"] += not is_new and delivered >= now() - 2 * week
            counts["left_in_time"] += (
                is_new and shipped is not None and shipped <= promised_at(order["created_at"], ZONE)
            )
    return counts


def count_names() -> list[str]:
    """The tabs and what they are compared with."""
    compared = ("left_in_time", "shipped_yesterday", "delivered_before")
    return [*(stage.value for stage in Stage if stage is not Stage.ALL), *compared]


@pytest.mark.parametrize("seed", range(3))
async def test_the_floor_counts_what_a_recount_does(db: AsyncSession, seed: int) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    orders = await place_many(db, random.Random(seed), rep.id)
    packer = Actor(ActorKind.STAFF, 1, "Test", Role.WAREHOUSE)
    for actor, seen in ((packer, orders), (as_actor(rep), [row for row in orders if row["sales_rep_id"] == rep.id])):
        expected = recount(seen)
        counts = await count_day(db, visible_to=actor, timezone=ZONE)
        assert {name: getattr(counts, name) for name in count_names()} == {
            name: expected[name] for name in count_names()
        }
        for stage in Stage:
            page = (await show_floor(db, FloorQuery(stage=stage, per_page=200), visible_to=actor, timezone=ZONE)).page
            assert page.total == len(page.rows) == expected[stage.value], stage
            of_grills = recount([row for row in seen if row["delivery_company"] == "Oak Grill"])[stage.value]
            for number, shown in ((1, min(of_grills, 5)), (99, 0)):
                asked = FloorQuery(stage=stage, q="grill", per_page=5, page=number)
                page = (await show_floor(db, asked, visible_to=actor, timezone=ZONE)).page
                assert (page.total, len(page.rows)) == (of_grills, shown), stage


async def test_the_queue_counts_what_a_recount_does(db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    await place_many(db, random.Random(1), rep.id)
    manager = Actor(ActorKind.STAFF, 1, "Test", Role.MANAGER)
    for fold in (False, True):
        if fold:
            await fold_days(db, timezone=ZONE)
            await db.execute(text("UPDATE orders SET status = 'packed' WHERE status = 'shipped' AND id % 2 = 0"))
            await db.execute(text("DELETE FROM orders WHERE status = 'delivered' AND id % 3 = 0"))
        for status in QueueStatus:
            for actor, mine in ((manager, "true"), (as_actor(rep), f"sales_rep_id = {rep.id}")):
                active = "status IN ('confirmed', 'packed') OR status = 'pending' AND NOT on_hold"
                which = {"all": "true", "active": active}.get(status, f"status = '{status}'")
                plain = await db.scalar(text(f"SELECT count(*) FROM orders WHERE ({which}) AND {mine}"))
                page = await list_queue(db, ListQueue(status=status, per_page=5), visible_to=actor)
                assert page.total == plain, status
