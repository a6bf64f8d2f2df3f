"""Who calls, by every number of a customer; and what they mean by asking for the same again."""

from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.merge import MergeCustomers, merge_customers, undo_merge
from models import KeyScope, Order, Product, Role
from tests.api.voice.calling import GUEST, ask, next_phone
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order


@pytest.fixture
async def key(db: AsyncSession) -> dict[str, str]:
    return await make_key(db, KeyScope.VOICE)


async def test_every_number_of_a_customer_is_theirs_also_after_merges(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    clerk = as_actor(await make_staff(db, Role.STAFF))
    terms = {"payment_terms": "net30", "credit_limit": Decimal(1000)}
    first, second, third = [await make_customer(db, phone=next_phone(), phone2=next_phone(), **terms) for _ in range(3)]
    numbers = [number for each in (first, second, third) for number in (each.phone, each.phone2)]
    placed = await make_order(db, (await make_product(db), 1), by=as_actor(third))
    first_merge = await merge_customers(db, MergeCustomers(keep_id=second.id, merge_id=third.id), by=clerk)
    second_merge = await merge_customers(db, MergeCustomers(keep_id=first.id, merge_id=second.id), by=clerk)

    async def find_owners() -> list[int | None]:
        found = [await ask(client, key, "lookup-customer", phone_number=number) for number in numbers]
        return [(body["customer"] or {}).get("id") for _, body in found]

    assert await find_owners() == [first.id] * 6
    for number in numbers:
        _, body = await ask(client, key, "check-terms", phone_number=number)
        assert body["customer_id"] == first.id
    order = await db.get_one(Order, placed.written.id)
    await db.refresh(order)
    order.order_number = "PO-77"
    await db.flush()
    _, body = await ask(client, key, "order-status", order_number="PO-77", phone=numbers[-1])
    assert (body["success"], order.customer_id) == (True, first.id)
    await undo_merge(db, second_merge.merge_id, by=clerk)
    await undo_merge(db, first_merge.merge_id, by=clerk)
    assert await find_owners() == [each.id for each in (first, second, third) for _ in range(2)]


@pytest.mark.parametrize("call", [{"call_id": "conv-1"}, {}])
async def test_an_order_that_was_cancelled_is_placed_again(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], call: dict[str, str]
) -> None:
    product = await make_product(db, 50)
    phone = next_phone()
    said = {"phone": phone, "items": [{"sku": product.sku, "quantity": 1}], "confirmed": True} | GUEST | call
    _, first = await ask(client, key, "place-order", **said)
    _, gone = await ask(client, key, "cancel-order", order_number=first["order_number"], phone=phone, confirmed=True)
    assert gone["success"]
    _, second = await ask(client, key, "place-order", **said)
    _, repeat = await ask(client, key, "place-order", **said)
    assert (second["success"], second["order_number"] != first["order_number"], repeat) == (True, True, second)
    level = await db.scalar(select(Product.stock_quantity).where(Product.id == product.id))
    assert level == 49


async def test_all_that_is_overdue_is_added_up_and_the_oldest_are_listed(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    caller = await make_customer(db, phone=next_phone(), payment_terms="net30", credit_limit=Decimal(1000))
    orders = text("""
        INSERT INTO orders (order_number, status, customer_id, on_terms, payment_method, subtotal, total_amount,
          created_at, updated_at)
        SELECT 'LATE-' || n, 'delivered', :id, true, 'net30', 2.5, 2.5, now() - n * interval '1 day', now()
        FROM generate_series(31, 240) AS n
    """)
    await db.execute(orders, {"id": caller.id})
    _, answer = await ask(client, key, "check-terms", phone_number=caller.phone)
    assert (answer["overdue_invoice_count"], answer["overdue_amount"]) == (210, 525.0)
    assert [row["order_number"] for row in answer["overdue_orders"]] == [f"LATE-{n}" for n in range(240, 40, -1)]
