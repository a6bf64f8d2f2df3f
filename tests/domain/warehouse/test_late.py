"""Parcels that are past their day: customer and desk are notified of each once."""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_today, now
from domain.orders.business import current_business
from domain.warehouse.floor import FloorQuery, Stage, show_floor
from domain.warehouse.late import LATE_TEXT, notify_of_late_parcels
from models import Order, OutboxMessage, Role, Tracker
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import make_order

COMPANY = "Ladle & Lid"


async def ship(db: AsyncSession, days: int, *, status: str = "in_transit", phone: str = "(216) 555-0148") -> Order:
    """An order on its way that was to arrive so many days from today."""
    placed = await make_order(db, (await make_product(db), 1), delivery_phone=phone)
    await db.execute(update(Order).where(Order.id == placed.written.id).values(status="shipped", shipped_at=now()))
    day = business_today(current_business().timezone) + timedelta(days=days)
    db.add(
        Tracker(
            order_id=placed.written.id, tracking_number=f"9400{placed.written.id}", carrier="USPS", status=status,
            expected_at=datetime.combine(day, time(), UTC), public_url="https://track.example/9400",
        )
    )  # fmt: skip
    await db.flush()
    return await db.get_one(Order, placed.written.id, populate_existing=True)


async def tell(db: AsyncSession) -> int:
    return await notify_of_late_parcels(db, timezone=current_business().timezone, company_name=COMPANY)


async def test_customer_and_desk_are_notified_once_of_a_parcel_past_its_day(db: AsyncSession) -> None:
    late = await ship(db, -2)
    quiet = await ship(db, -1, phone="")
    for days, status in ((0, "in_transit"), (-1, "delivered"), (-30, "in_transit")):
        await ship(db, days, status=status)
    assert await tell(db) == 2
    assert await tell(db) == 0
    sent = (await db.scalars(select(OutboxMessage).where(OutboxMessage.kind == LATE_TEXT))).all()
    assert [message.order_id for message in sent] == [late.id]
    expected = datetime.combine(business_today(current_business().timezone) - timedelta(days=2), time())
    day = f"{expected:%b} {expected.day}"
    assert sent[0].body_text == (
        f"{COMPANY}: your order {late.order_number} was to arrive on {day} and is late. "
        "We are following it up with USPS. https://track.example/9400"
    )
    for order in (late, quiet):
        await db.refresh(order)
        assert f"Parcel 9400{order.id} is late: USPS named " in order.attention


async def test_the_day_itself_is_not_late_on_the_floor(db: AsyncSession) -> None:
    packer = as_actor(await make_staff(db, Role.WAREHOUSE))
    late = await ship(db, -1)
    await ship(db, 0)
    await db.commit()
    zone = current_business().timezone
    floor = await show_floor(db, FloorQuery(stage=Stage.LATE), visible_to=packer, timezone=zone)
    assert [row.order.order_number for row in floor.page.rows] == [late.order_number]
    assert floor.counts.late == 1
