"""Undo of acts on money, lines and prices: exact, noted in the history, and refused once something else happened."""

import re
from datetime import UTC
from decimal import Decimal

from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.create import CreateInvoice, create_invoice
from models import AuditEntry, OrderEvent, OrderItem, Payment, Role
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import make_order
from tests.portal.desk import open_as, place, read_order
from tests.portal.forms import read_page, send_form
from tests.portal.products.test_edit_table import row_of


async def find_undo(client: TestClientProtocol, url: str) -> str:
    """The address of the Undo in the toast of a page."""
    found = re.search(r'<form[^>]* action="([^"]*undo[^"]*)"', await read_page(client, url))
    assert found is not None
    return found[1]


async def test_a_payment_typed_in_is_taken_back_as_if_it_had_not_been(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db, payment_method="net30")
    url, before = f"/portal/orders/{number}", await read_order(db, order_id)
    kept = (before.payment_status, before.payment_method, before.amount_paid, before.balance, before.on_hold)
    await send_form(client, f"{url}/pay", payment_method="cash", amount_received="0")
    assert (await read_order(db, order_id)).payment_status == "paid"
    undo = await find_undo(client, url)
    assert (await send_form(client, url, undo))[0] == 303
    assert "Undone" in await read_page(client, url)
    after = await read_order(db, order_id)
    assert (after.payment_status, after.payment_method, after.amount_paid, after.balance, after.on_hold) == kept
    rows = [row.given_for for row in await db.scalars(select(Payment).where(Payment.order_id == order_id))]
    assert sorted(map(str, rows)) == ["None", "mistake"]
    assert (await send_form(client, url, undo))[0] == 409


async def test_a_payment_of_a_colleague_or_one_that_was_paid_over_has_no_undo(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, f"{url}/pay", payment_method="cash", amount_received="5")
    undo = await find_undo(client, url)
    await open_as(client, db, Role.MANAGER)
    assert (await send_form(client, url, undo))[0] == 404
    await send_form(client, f"{url}/pay", payment_method="cash", amount_received="900")
    assert "/undo" not in await read_page(client, url)
    assert (await read_order(db, order_id)).payment_status == "paid"


async def test_lines_come_back_with_the_prices_they_were_sold_at(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    pan, lid = await make_product(db, stock=20), await make_product(db, stock=20)
    placed = (await make_order(db, (pan, 3), (lid, 2))).written
    await db.commit()
    url = f"/portal/orders/{placed.order_number}"
    pan.unit_price = Decimal("99.00")
    await db.commit()
    columns = (OrderItem.product_id, OrderItem.quantity, OrderItem.unit_price, OrderItem.unit_cost, OrderItem.position)
    lines = select(*columns).where(OrderItem.order_id == placed.id).order_by(OrderItem.position)
    sold, total = (await db.execute(lines)).all(), (await read_order(db, placed.id)).total_amount
    fields = {"items[0][sku]": lid.sku, "items[0][quantity]": "7", "discount_amount": "4.00"}
    await send_form(client, f"{url}?edit=items", f"{url}/items", **fields)
    assert (await read_order(db, placed.id)).total_amount != total
    assert (await send_form(client, url, await find_undo(client, url)))[0] == 303
    order = await read_order(db, placed.id)
    assert ((await db.execute(lines)).all(), order.total_amount, order.discount_amount) == (sold, total, Decimal(0))
    for product, level in ((pan, 17), (lid, 18)):
        await db.refresh(product)
        assert product.stock_quantity == level
    kinds = [event.note for event in await db.scalars(select(OrderEvent).where(OrderEvent.kind == "items"))]
    assert kinds == ["", "Undone"]


async def test_lines_that_somebody_changed_again_stay(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    product = await make_product(db)
    placed = (await make_order(db, (product, 3))).written
    await db.commit()
    url, fields = f"/portal/orders/{placed.order_number}", {"items[0][sku]": product.sku}
    await send_form(client, f"{url}?edit=items", f"{url}/items", **fields, **{"items[0][quantity]": "5"})
    undo = await find_undo(client, url)
    await send_form(client, f"{url}?edit=items", f"{url}/items", **fields, **{"items[0][quantity]": "6"})
    assert (await send_form(client, url, undo))[0] == 409


async def test_a_bulk_save_of_prices_goes_back_product_by_product(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    first, second = await make_product(db), await make_product(db, bulk_price=Decimal("9.00"), bulk_quantity=12)
    await db.commit()
    edit = "/portal/products/edit"
    form = await row_of(db, 0, first, unit_price="12.50") | await row_of(db, 1, second, unit_price="14", bulk_price="")
    assert (await send_form(client, edit, **form))[0] == 303
    undo = await find_undo(client, "/portal/products")
    second.name, second.version = "Renamed since", second.version + 2
    await db.commit()
    assert (await send_form(client, edit, undo))[0] == 303
    for product in (first, second):
        await db.refresh(product)
    assert (first.unit_price, second.unit_price, second.bulk_price) == (
        Decimal("10.00"), Decimal("10.00"), Decimal("9.00"),
    )  # fmt: skip
    entries = await db.scalars(select(AuditEntry).where(AuditEntry.record_id == first.id).order_by(AuditEntry.id))
    assert [entry.after for entry in entries] == [{"unit_price": "12.50"}, {"unit_price": "10.00"}]
    assert (await send_form(client, edit, undo))[0] == 303  # what was undone is undone
    await db.refresh(first)
    assert first.unit_price == Decimal("10.00")


async def test_a_save_that_counted_stock_has_no_undo(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    product = await make_product(db)
    await db.commit()
    form = await row_of(db, 0, product, unit_price="12.50", stock_quantity="7")
    assert (await send_form(client, "/portal/products/edit", **form))[0] == 303
    assert "/undo/" not in await read_page(client, "/portal/products")


async def test_a_cancelled_order_comes_back_in_the_state_it_had(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    product = await make_product(db, stock=20)
    placed = (await make_order(db, (product, 3))).written
    await db.commit()
    url = f"/portal/orders/{placed.order_number}"
    await send_form(client, url, f"{url}/move/confirmed")
    before = await read_order(db, placed.id)
    kept = (before.status, before.confirmed_at, before.payment_status, before.balance, before.on_hold)
    await send_form(client, f"{url}/cancel", reason="Wrong customer")
    await db.refresh(product)
    assert product.stock_quantity == 20
    undo = await find_undo(client, url)
    assert (await send_form(client, url, undo))[0] == 303
    assert f"Undone: {placed.order_number} is confirmed again" in await read_page(client, url)
    after = await read_order(db, placed.id)
    assert (after.status, after.confirmed_at, after.payment_status, after.balance, after.on_hold) == kept
    assert after.cancelled_at is None
    await db.refresh(product)
    assert product.stock_quantity == 17
    moves = select(OrderEvent).where(OrderEvent.order_id == placed.id, OrderEvent.kind == "moved")
    noted = [(move.from_status, move.to_status, move.note) for move in await db.scalars(moves.order_by(OrderEvent.id))]
    assert noted[1:] == [("confirmed", "cancelled", "Wrong customer"), ("cancelled", "confirmed", "Undone")]
    assert (await send_form(client, url, undo))[0] == 409


async def test_a_cancelling_that_ended_an_invoice_or_is_a_colleagues_has_no_undo(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    me = await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await create_invoice(db, CreateInvoice(order_number=number), by=as_actor(me), timezone=UTC)
    await db.commit()
    await send_form(client, f"{url}/cancel")
    assert "/undo" not in await read_page(client, url)
    assert (await send_form(client, url, f"{url}/cancel/undo"))[0] == 409
    other, _ = await place(db)
    await send_form(client, f"/portal/orders/{other}/cancel")
    await open_as(client, db, Role.MANAGER)
    assert (await send_form(client, url, f"/portal/orders/{other}/cancel/undo"))[0] == 409
    assert (await read_order(db, order_id)).status == "cancelled"


async def test_several_orders_go_back_to_the_reps_they_had(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    luis = await make_staff(db, Role.SALES_REP, full_name="Luis Ocampo")
    first, second = await place(db), await place(db)
    (await read_order(db, second[1])).sales_rep_id = luis.id
    await db.commit()
    form = {"act": "assign", "order": [first[0], second[0]], "sales_rep_id": str(luis.id)}
    status, _, _ = await send_form(client, "/portal/orders", "/portal/orders/bulk", **form)
    assert status == 303
    page = await read_page(client, "/portal/orders")
    assert "2 orders assigned to Luis Ocampo" in page
    undo = re.search(r'action="([^"]*unassign[^"]*)"', page)
    assert undo is not None
    assert (await send_form(client, "/portal/orders", undo[1].replace("&amp;", "&")))[0] == 303
    assert "Undone: 1 order with the rep from before" in await read_page(client, "/portal/orders")
    assert [(await read_order(db, one[1])).sales_rep_id for one in (first, second)] == [None, luis.id]
    assigned = select(OrderEvent.note).where(OrderEvent.order_id == first[1], OrderEvent.kind == "assigned")
    assert (await db.scalars(assigned.order_by(OrderEvent.id))).all() == ["Luis Ocampo", "nobody again, undone"]
