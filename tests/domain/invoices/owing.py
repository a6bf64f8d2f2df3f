"""Invoices that are owed, and read again, through the domain's own acts."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from domain.invoices.create import CreateInvoice, create_invoice
from domain.kernel.actor import Actor
from models import Invoice, Payment, Receipt
from tests.factories import as_actor, make_product
from tests.factories.orders import make_order

ZONE = ZoneInfo("America/Chicago")


async def owe(db: Any, amount: str, clerk: Actor, **values: Any) -> int:
    """An invoice of one line that was sent; its id."""
    line = {"description": "Ladle", "quantity": 1, "unit_price": Decimal(amount)}
    body = {"customer_name": "Greta", "items": [line], "status": "sent", "payment_terms": "net15"} | values
    made = await create_invoice(db, CreateInvoice.model_validate(body), by=clerk, timezone=ZONE)
    await db.commit()
    return made.id


async def owe_for_order(db: Any, customer: Any, clerk: Actor) -> tuple[int, Any]:
    """An invoice of $55.00 for a customer's order on terms; its id, and the order's."""
    product = await make_product(db, unit_price=Decimal("15.00"))
    placed = await make_order(db, (product, 2), by=as_actor(customer), payment_method="net30")
    await db.commit()
    body = {"order_number": placed.written.order_number, "status": "sent"}
    made = await create_invoice(db, CreateInvoice.model_validate(body), by=clerk, timezone=ZONE)
    await db.commit()
    return made.id, placed.written.id


async def read_invoice(db: Any, invoice_id: int) -> Invoice:
    statement = select(Invoice).where(Invoice.id == invoice_id).execution_options(populate_existing=True)
    found: Invoice = (await db.execute(statement)).scalar_one()
    return found


async def read_money(db: Any, *invoice_ids: int) -> list[tuple[str, str, str, str]]:
    """Status, paid, allowances and balance of the invoices."""
    rows = [await read_invoice(db, invoice_id) for invoice_id in invoice_ids]
    return [(row.status, str(row.amount_paid), str(row.allowances), str(row.balance)) for row in rows]


async def list_rows(db: Any) -> list[tuple[int | None, int | None, str, str]]:
    """Invoice, order, amount and applied amount of every payment that counts."""
    rows = await db.execute(select(Payment).where(Payment.state == "succeeded").order_by(Payment.id))
    return [(row.invoice_id, row.order_id, str(row.amount), str(row.applied_amount)) for row in rows.scalars()]


async def list_receipts(db: Any) -> list[tuple[str, str | None]]:
    rows = await db.execute(select(Receipt.amount, Receipt.provider_id).order_by(Receipt.id))
    return [(str(row.amount), row.provider_id) for row in rows]
