"""Enrolling a customer: both ways refuse the same."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today
from domain.kernel.errors import InvalidInput
from domain.subscriptions.enrol_at_desk import EnrolAtDesk, enrol_at_desk
from models import Role
from settings import Settings
from tests.factories import make_customer

DESK = Actor(ActorKind.STAFF, 1, "Desk", Role.STAFF)


async def test_a_link_goes_to_no_address_of_ours_and_starts_on_no_day_that_is_over(
    db: AsyncSession, settings: Settings
) -> None:
    customer = await make_customer(db)
    asked = EnrolAtDesk(
        user_id=customer.id,
        product_sku="none",
        quantity=6,
        interval_days=28,
        discount_pct=Decimal(5),
        delivery_name="Kim",
        delivery_email="desk@ladle.com",
        delivery_address="1 Elm St",
        delivery_city="Erie",
        delivery_state="PA",
        delivery_zip="16501",
        start_date=business_today(settings.timezone) - timedelta(days=1),
    )
    ours = settings.model_copy(update={"smtp_from": "Ladle & Lid <orders@ladle.com>"})
    with pytest.raises(InvalidInput) as refused:
        await enrol_at_desk(db, asked, timezone=settings.timezone, by=DESK, settings=ours)
    assert refused.value.fields == {
        "start_date": "must not be in the past",
        "delivery_email": "must be the customer's email, not ours",
        "product_sku": "is not sold",
    }
    assert refused.value.message.startswith("Please correct 3 fields: start date must not be in the past; ")
