"""A form sent again, because its answer was lost or its button was pressed twice, does nothing a second time."""

import re
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.create import CreateInvoice, create_invoice
from models import Invoice, Payment, Product, Role, StockMovement
from settings import Settings
from tests.factories import as_actor, make_customer, make_product
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form

KEY = re.compile(r'name="form_key" value="([^"]+)"')
INVENTORY = "/portal/inventory"


async def send_twice(client: TestClientProtocol, page: str, action: str, **fields: Any) -> tuple[Any, Any, Any]:
    """The answers to a form, to the same form sent again, and to the form opened again and sent."""
    key = KEY.search(await read_page(client, page))
    assert key is not None
    first = await send_form(client, page, action, form_key=key[1], **fields)
    again = await send_form(client, page, action, form_key=key[1], **fields)
    opened_again = KEY.search(await read_page(client, page))
    assert opened_again is not None
    assert opened_again[1] != key[1]
    return first, again, await send_form(client, page, action, form_key=opened_again[1], **fields)


async def test_a_received_payment_is_recorded_once(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    clerk = await open_as(client, db, Role.STAFF)
    customer = await make_customer(db)
    data = CreateInvoice.model_validate(
        {
            "customer_id": customer.id,
            "customer_name": "Kim",
            "status": "sent",
            "items": [{"description": "Pan", "quantity": 1, "unit_price": 90}],
        }
    )
    invoice = await create_invoice(db, data, by=as_actor(clerk), timezone=settings.timezone)
    await db.commit()
    page, action = f"/portal/invoices/receive?invoice={invoice.id}", "/portal/invoices/receive"
    fields = {"invoice": invoice.id, "amount": "30", "payment_method": "check", "reference": "1044"}
    first, again, opened_again = await send_twice(client, page, action, **fields)
    assert [answer[0] for answer in (first, again, opened_again)] == [303, 303, 303]
    assert list(await db.scalars(select(Payment.amount))) == [Decimal(30), Decimal(30)]
    key = KEY.search(await read_page(client, page))
    assert key is not None
    await send_form(client, page, action, form_key=key[1], **fields)
    status, text, _ = await send_form(client, page, action, form_key=key[1], **fields | {"amount": "20"})
    assert (status, "This form was sent before, with other values" in text) == (422, True)
    assert len(list(await db.scalars(select(Payment.id)))) == 3


@pytest.mark.parametrize(
    ("path", "fields", "deltas"),
    [
        ("receive", {"lines[0][sku]": "POT-1", "lines[0][quantity]": "4"}, [4, 4]),
        ("{id}/adjust", {"way": "take", "units": "3", "reason": "damaged"}, [-3, -3]),
    ],
)
async def test_goods_are_counted_once(
    client: TestClientProtocol, db: AsyncSession, path: str, fields: dict[str, str], deltas: list[int]
) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    product = await make_product(db, sku="POT-1", stock=20)
    await db.commit()
    page = f"{INVENTORY}/{path.format(id=product.id)}"
    answers = await send_twice(client, page, page, **fields)
    assert [answer[0] for answer in answers] == [303, 303, 303]
    assert answers[0][2] == answers[1][2]
    moved = select(StockMovement.delta).where(StockMovement.reason != "opening").order_by(StockMovement.id)
    assert list(await db.scalars(moved)) == deltas
    level = select(Product.stock_quantity).where(Product.id == product.id)
    assert await db.scalar(level) == 20 + sum(deltas)


async def test_a_new_invoice_is_one_draft(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    page = "/portal/invoices/new"
    fields = {
        "customer_name": "Kim",
        "items[0][description]": "Pan",
        "items[0][quantity]": "1",
        "items[0][unit_price]": "90",
    }
    first, again, opened_again = await send_twice(client, page, page, **fields)
    assert [answer[0] for answer in (first, again, opened_again)] == [303, 303, 303]
    assert len(list(await db.scalars(select(Invoice.id)))) == 2
