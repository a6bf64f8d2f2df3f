"""An invoice that gives its customer time to pay asks their terms, like an order: sent, mailed or revised."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import calculate_exposure, find_customer
from domain.invoices.copy import copy_invoice
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.edit import UpdateInvoice, update_invoice
from domain.invoices.mail import MailInvoice, mail_invoice
from domain.kernel.actor import Actor
from domain.kernel.errors import NotAllowed, Refused
from domain.order_desk.edit_items import EditItems, edit_items
from models import Customer, Invoice, InvoiceEvent, Order, Role
from models.session import Database, raw_connection
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import RULES, make_order

LIMIT = Decimal("1000.00")


async def make_bistro(db: AsyncSession) -> Customer:
    return await make_customer(db, payment_terms="net30", credit_limit=LIMIT)


def lines(price: int) -> list[dict[str, Any]]:
    return [{"description": "Range hood", "quantity": 1, "unit_price": Decimal(price)}]


async def bill(
    db: AsyncSession, customer: Customer | None, price: int, by: Actor, settings: Settings, **more: Any
) -> int:
    """The id of a sent invoice of this price, or what `more` says; a refusal leaves nothing of it behind."""
    fields = {"customer_name": "Bistro", "items": lines(price), "status": "sent"} | more
    data = CreateInvoice.model_validate(fields | ({"customer_id": customer.id} if customer else {}))
    async with db.begin_nested():
        return (await create_invoice(db, data, by=by, timezone=settings.timezone)).id


async def revise(db: AsyncSession, invoice_id: int, by: Actor, settings: Settings, **fields: Any) -> None:
    async with db.begin_nested():
        await update_invoice(db, invoice_id, UpdateInvoice.model_validate(fields), by=by, timezone=settings.timezone)


async def exposure(db: AsyncSession, customer: Customer) -> str:
    connection = await raw_connection(db)
    row = await find_customer(connection, customer.id)
    assert row is not None
    return str((await calculate_exposure(connection, row)).exposure)


async def test_an_invoice_beyond_the_limit_is_sent_by_a_manager_alone(db: AsyncSession, settings: Settings) -> None:
    customer = await make_bistro(db)
    clerk, manager = as_actor(await make_staff(db)), as_actor(await make_staff(db, Role.MANAGER))
    await bill(db, customer, 600, clerk, settings)
    with pytest.raises(Refused, match=r"The invoice is \$100\.00 over") as refusal:
        await bill(db, customer, 500, clerk, settings)
    assert refusal.value.code == "terms_not_covered"
    with pytest.raises(NotAllowed):
        await bill(db, customer, 500, clerk, settings, override_terms=True)
    assert await exposure(db, customer) == "600.00"
    draft = await bill(db, customer, 500, clerk, settings, status="draft")
    for act in (
        lambda: mail_invoice(
            db, draft, MailInvoice.model_validate({"to": "a@b.example"}), by=clerk, timezone=settings.timezone
        ),
        lambda: revise(db, draft, clerk, settings, status="sent"),
    ):
        with pytest.raises(Refused, match="over the customer's credit limit"):
            async with db.begin_nested():
                await act()
    await revise(db, draft, manager, settings, status="sent", override_terms=True)
    assert await exposure(db, customer) == "1100.00"
    notes = await db.execute(select(InvoiceEvent.note).where(InvoiceEvent.invoice_id == draft))
    assert "The invoice is $100.00 over the customer's credit limit." in notes.scalars().all()
    copied = await copy_invoice(db, draft, by=clerk)
    assert (copied.status, await exposure(db, customer)) == ("draft", "1100.00")


async def test_a_revision_asks_for_what_it_adds(db: AsyncSession, settings: Settings) -> None:
    customer = await make_bistro(db)
    clerk, manager = as_actor(await make_staff(db)), as_actor(await make_staff(db, Role.MANAGER))
    invoice = await bill(db, customer, 900, clerk, settings)
    await revise(db, invoice, clerk, settings, items=lines(1000))
    with pytest.raises(Refused, match=r"\$0\.01 over"):
        await revise(db, invoice, clerk, settings, shipping_fee=Decimal("0.01"))
    await revise(db, invoice, manager, settings, items=lines(1500), override_terms=True)
    await revise(db, invoice, clerk, settings, items=lines(1400))
    assert await exposure(db, customer) == "1400.00"
    await revise(db, invoice, clerk, settings, notes="Less is fine, and so is a note")


async def test_what_is_due_at_once_gives_no_credit_until_it_is_given_time(db: AsyncSession, settings: Settings) -> None:
    clerk = as_actor(await make_staff(db))
    prepaid = await make_customer(db)
    invoice = await bill(db, prepaid, 400, clerk, settings)
    sent = await db.get_one(Invoice, invoice)
    assert (sent.payment_terms, sent.status) == ("due_on_receipt", "sent")
    for later in ({"payment_terms": "net15"}, {"due_date": "2099-01-05"}):
        with pytest.raises(Refused, match="no net 30 terms"):
            await revise(db, invoice, clerk, settings, **later)
        with pytest.raises(Refused, match="no net 30 terms"):
            await bill(db, prepaid, 5, clerk, settings, **later)
    await bill(db, None, 5000, clerk, settings, payment_terms="net15")


async def test_an_overdue_customer_gets_no_more_time(db: AsyncSession, settings: Settings) -> None:
    customer, clerk = await make_bistro(db), as_actor(await make_staff(db))
    late = await bill(db, customer, 10, clerk, settings, due_date="2026-01-05")
    with pytest.raises(Refused, match="overdue"):
        await bill(db, customer, 10, clerk, settings)
    with pytest.raises(Refused, match="overdue"):
        await revise(db, await bill(db, customer, 10, clerk, settings, status="draft"), clerk, settings, status="sent")
    assert (await db.get_one(Invoice, late)).status == "sent"


async def test_an_invoice_with_time_to_pay_puts_its_order_on_terms(db: AsyncSession, settings: Settings) -> None:
    customer, clerk = await make_bistro(db), as_actor(await make_staff(db))
    pan = await make_product(db, None, unit_price=Decimal("400.00"))
    large = await make_order(db, (pan, 3), by=as_actor(customer))
    with pytest.raises(Refused, match=r"The invoice is \$200\.00 over"):
        await bill(db, customer, 0, clerk, settings, order_number=large.written.order_number)
    small = await make_order(db, (pan, 1), by=as_actor(customer))
    await bill(db, customer, 0, clerk, settings, order_number=small.written.order_number)
    order = await db.get_one(Order, small.written.id)
    assert (order.on_terms, await exposure(db, customer)) == (True, "400.00")
    grown = EditItems.model_validate({"items": [{"product_id": pan.id, "quantity": 3}]})
    with pytest.raises(Refused, match=r"\$200\.00 over"):
        async with db.begin_nested():
            await edit_items(db, order.id, grown, by=clerk, rules=RULES)


async def test_an_order_on_terms_is_not_asked_about_twice(db: AsyncSession, settings: Settings) -> None:
    customer, clerk = await make_bistro(db), as_actor(await make_staff(db))
    pan = await make_product(db, None, unit_price=Decimal("400.00"))
    placed = await make_order(db, (pan, 2), by=as_actor(customer), payment_method="net30")
    customer.credit_limit = Decimal("100.00")
    await db.flush()
    invoice = await bill(db, customer, 0, clerk, settings, order_number=placed.written.order_number)
    assert ((await db.get_one(Invoice, invoice)).status, await exposure(db, customer)) == ("sent", "800.00")


async def test_of_two_invoices_sent_at_once_one_uses_the_last_of_the_limit(
    committed: Database, settings: Settings
) -> None:
    async with committed.separate_transaction() as db:
        customer, clerk = await make_bistro(db), as_actor(await make_staff(db))

    async def send(_: int) -> bool:
        try:
            async with committed.separate_transaction() as db:
                await bill(db, customer, 600, clerk, settings)
        except Refused:
            return False
        return True

    sent = await asyncio.gather(*[send(each) for each in range(6)])
    async with committed.session() as db:
        assert (sum(sent), await exposure(db, customer)) == (1, "600.00")
