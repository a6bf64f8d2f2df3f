"""Money at the order desk: received by hand, more or less of it than is owed, and taken from store credit."""

from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from models import CreditKind, Order, Payment
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order


async def test_a_part_payment_leaves_the_order_unpaid_and_a_surplus_becomes_credit(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 5, unit_price=Decimal("100.00"))
    customer = await make_customer(db)
    placed = await make_order(db, (pan, 3), by=as_actor(customer))
    await sign_in(client, db, await make_staff(db))
    path = f"/api/staff/orders/{placed.written.id}/mark-paid"
    part = await (await client.post(path, json={"amount_received": 120.50})).get_json()
    assert (part["order"]["payment_status"], part["order"]["balance"]) == ("unpaid", 179.5)
    rest = await (await client.post(path, json={"amount_received": 200, "payment_method": "check"})).get_json()
    assert (rest["order"]["payment_status"], rest["order"]["payment_method"]) == ("paid", "check")
    assert rest["overpayment_credited"] == 20.5
    again = await client.post(path, json={})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "already_paid")


@pytest.mark.parametrize("method", ["net30", "store_credit"])
async def test_terms_and_credit_are_no_money_received(
    client: TestClientProtocol, db: AsyncSession, method: str
) -> None:
    placed = await make_order(db, (await make_product(db, 5), 1), by=as_actor(await make_customer(db)))
    await sign_in(client, db, await make_staff(db))
    answer = await client.post(f"/api/staff/orders/{placed.written.id}/mark-paid", json={"payment_method": method})
    assert (answer.status_code, list((await answer.get_json())["fields"])) == (400, ["payment_method"])
    order = (await db.execute(select(Order.payment_status, Order.amount_paid))).one()
    assert tuple(order) == ("unpaid", Decimal("0.00"))


async def test_a_guests_surplus_stays_unapplied_and_needs_attention(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 1))
    await sign_in(client, db, await make_staff(db))
    body = await (
        await client.post(f"/api/staff/orders/{placed.written.id}/mark-paid", json={"amount_received": 40})
    ).get_json()
    assert body["overpayment_credited"] == 0.0
    order = (await db.execute(select(Order).execution_options(populate_existing=True))).scalar_one()
    assert order.attention == "$5.00 paid over by a guest, not applied yet."


async def test_credit_pays_at_most_the_balance_and_comes_back_when_cancelled(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 5, unit_price=Decimal("100.00"))
    customer = await make_customer(db)
    clerk = await make_staff(db)
    await move_credit(db, customer.id or 0, Decimal("350.00"), kind=CreditKind.ADJUSTMENT, by=as_actor(clerk))
    placed = await make_order(db, (pan, 3), by=as_actor(customer))
    await sign_in(client, db, clerk)
    path = f"/api/staff/orders/{placed.written.id}"
    first = await (await client.post(f"{path}/apply-credit", json={"amount": 100})).get_json()
    assert (first["credit_applied"], first["new_order_total"], first["credit_balance"]) == (100.0, 200.0, 250.0)
    assert first["transaction"]["order_number"] == placed.written.order_number
    rest = await (await client.post(f"{path}/apply-credit", json={"amount": 900})).get_json()
    assert (rest["credit_applied"], rest["new_order_total"], rest["credit_balance"]) == (200.0, 0.0, 50.0)
    await client.put(f"{path}/status", json={"status": "cancelled"})
    balance = select(Payment.amount).order_by(Payment.id)
    assert [amount for (amount,) in await db.execute(balance)] == [100, 200, -300]
    nothing = await client.post(f"{path}/apply-credit", json={"amount": 1})
    assert nothing.status_code == 409
