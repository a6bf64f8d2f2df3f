"""Ageing of debts by days of the business's calendar, also where a day has 23 or 25 hours."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.owed import split_exposure
from domain.invoices.terms import when_overdue
from domain.kernel.clock import business_date
from models import Invoice, Role
from models.session import raw_connection
from tests.domain.invoices.owing import owe
from tests.factories import as_actor, make_customer, make_staff

ZONE = ZoneInfo("America/Chicago")


@pytest.mark.parametrize("due", [date(2026, 3, 8), date(2025, 11, 2), date(2024, 2, 29)])
@pytest.mark.parametrize("shift", [-1, 0, 1])
async def test_an_invoice_was_due_on_its_own_day_whatever_the_clocks_did(
    db: AsyncSession, due: date, shift: int
) -> None:
    due = date.fromordinal(due.toordinal() + shift)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(100))
    clerk = as_actor(await make_staff(db, Role.STAFF))
    invoice = await db.get_one(Invoice, await owe(db, "20.00", clerk, customer_id=customer.id))
    invoice.due_date, invoice.overdue_from = due, when_overdue(due, timezone=ZONE)
    await db.flush()
    split = await split_exposure(await raw_connection(db), customer.id)
    assert split.overdue_at is not None
    assert (business_date(split.overdue_at, ZONE), str(split.overdue)) == (due, "20.00")
