"""The page of one order: who may do what on it, and what each act leaves behind."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.kernel.actor import GUEST
from domain.kernel.clock import now
from domain.payments.intents import make_intent
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from models import CreditKind, GivenFor, IntentKind, Order, OrderItem, Payment, Product, Role, StockMovement
from settings import Settings
from tests.factories import as_actor, make_customer, make_product
from tests.factories.orders import make_order
from tests.portal.desk import open_as, place, read_order
from tests.portal.forms import read_page, send_form


async def test_an_order_moves_on_and_a_manager_takes_it_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    assert (await send_form(client, url, f"{url}/move/confirmed"))[0] == 303
    page = await read_page(client, url)
    assert f'action="{url}/move/pending?undo=1"' in page  # Undo in the toast
    assert (await read_order(db, order_id)).status == "confirmed"
    await send_form(client, url, f"{url}/move/pending")
    assert (await read_order(db, order_id)).status == "pending"


async def test_a_clerk_gets_no_undo_that_would_be_refused(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, url, f"{url}/move/confirmed")
    assert f'action="{url}/move/pending"' not in await read_page(client, url)


async def test_without_the_token_nothing_moves(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post(f"/portal/orders/{number}/move/confirmed", data="", headers=form)
    assert response.status_code == 403
    assert (await read_order(db, order_id)).status == "pending"


async def test_cancelling_asks_in_numbers_and_gives_the_stock_back(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}/cancel"
    assert "3 units in 1 line are returned to stock" in await read_page(client, url)
    assert (await send_form(client, url, reason="Ordered twice"))[0] == 303
    assert (await read_order(db, order_id)).status == "cancelled"
    level = select(Product.stock_quantity).join(OrderItem, OrderItem.product_id == Product.id)
    assert (await db.execute(level.where(OrderItem.order_id == order_id))).scalar_one() == 100
    assert "Ordered twice" in await read_page(client, f"/portal/orders/{number}")


async def test_a_payment_is_recorded_and_a_bad_amount_comes_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}/pay"
    status, page, _ = await send_form(client, url, amount_received="a lot", payment_method="check", note="2041")
    assert status == 422
    assert 'value="a lot"' in page
    assert 'value="2041"' in page
    assert 'aria-invalid="true"' in page
    assert (await send_form(client, url, amount_received="$20.00", payment_method="check", note="2041"))[0] == 303
    assert (await read_order(db, order_id)).amount_paid == Decimal("20.00")
    page = await read_page(client, f"/portal/orders/{number}")
    assert "Payment of $20.00 recorded" in page
    assert "Part paid" in page
    assert "$35.00" in page
    payments = (await db.execute(select(Payment.amount).where(Payment.order_id == order_id))).scalars().all()
    assert payments == [Decimal("20.00")]


async def test_reps_and_packers_take_no_payments(client: TestClientProtocol, db: AsyncSession) -> None:
    number, _ = await place(db)
    for role in (Role.SALES_REP, Role.WAREHOUSE):
        await open_as(client, db, role)
        assert (await client.get(f"/portal/orders/{number}/pay")).status_code == 403


async def test_store_credit_is_offered_and_used(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = await open_as(client, db, Role.STAFF)
    customer = await make_customer(db)
    assert customer.id is not None
    await move_credit(db, customer.id, Decimal("15.00"), kind=CreditKind.ADJUSTMENT, by=as_actor(clerk))
    number, order_id = await place(db, by=as_actor(customer))
    url = f"/portal/orders/{number}"
    assert "Use $15.00 of credit" in await read_page(client, url)
    assert (await send_form(client, f"{url}/credit", amount="15.00"))[0] == 303
    assert (await read_order(db, order_id)).amount_paid == Decimal("15.00")
    assert "of credit</a>" not in await read_page(client, url)


async def test_a_held_order_says_why_and_a_manager_releases_it(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db, payment_method="net30")
    url = f"/portal/orders/{number}"
    page = await read_page(client, url)
    assert "Guests have no net 30 terms." in page
    assert f"{url}/move/confirmed" not in page
    assert (await send_form(client, f"{url}/release", reason=""))[0] == 422
    assert (await send_form(client, f"{url}/release", reason="Known for years"))[0] == 303
    assert not (await read_order(db, order_id)).on_hold
    assert f"{url}/move/confirmed" in await read_page(client, url)


async def test_a_cancelled_order_owes_nothing_and_says_what_is_to_be_given_back(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, _ = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, f"{url}/pay", amount_received="20.00", payment_method="cash")
    await send_form(client, f"{url}/cancel")
    line = r"<th[^>]*>\s*(Balance|Still to give back)</th>\s*<td[^>]*>([^<]*)</td>"
    rows = re.findall(line, await read_page(client, url))
    assert rows == [("Still to give back", "$20.00")]


async def test_a_payment_that_went_back_wholly_is_not_offered_for_a_refund(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    number, order_id = await place(db)
    for amount in ("20.00", "15.00"):
        await mark_paid(db, order_id, MarkPaid(amount_received=Decimal(amount)), by=clerk)
    await db.commit()
    first, second = (await db.scalars(select(Payment.id).order_by(Payment.id))).all()
    await refund_payment(
        order_id, first, RefundPayment(reason="Lid missing", given_for=GivenFor.GOODWILL), by=clerk, settings=settings
    )
    url = f"/portal/orders/{number}"
    assert re.findall(rf'href="({url}/refund/\d+)"', await read_page(client, url)) == [f"{url}/refund/{second}"]


async def test_a_refund_that_stripe_has_not_answered_is_shown_and_its_form_stays(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    paid = Payment(
        order_id=order_id, method="credit_card", amount=Decimal(30), applied_amount=Decimal(30), actor_kind="system",
        actor_name="", provider_id="pi_1",
    )  # fmt: skip
    db.add(paid)
    await db.flush()
    asked = make_intent(IntentKind.REFUND, Decimal(30), parameters={}, by=GUEST, order_id=order_id, payment_id=paid.id)
    db.add(asked)
    await db.commit()
    url = f"/portal/orders/{number}"
    page = await read_page(client, url)
    assert ("$30.00 is being given back" in page, f"{url}/refund/{paid.id}" in page) == (True, False)
    assert "At most $0.00; $30.00 is being given back" in await read_page(client, f"{url}/refund/{paid.id}")


async def test_what_needs_attention_is_dealt_with_by_the_office_and_leaves_its_word(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    troubles = "A dispute of $20.00 was lost.\nThe refund of $5.00 failed: card closed"
    await db.execute(update(Order).where(Order.id == order_id).values(attention=troubles))
    page = await read_page(client, url)
    assert f'href="{url}/attend"' in page
    asked = await read_page(client, f"{url}/attend")
    for sentence in troubles.splitlines():
        assert sentence in page
        assert sentence in asked
    assert (await send_form(client, f"{url}/attend", note="Called the bank"))[0] == 303
    after = await read_order(db, order_id)
    assert (after.attention, after.amount_paid) == ("", Decimal("0.00"))
    page = await read_page(client, url)
    assert "Dealt with" in page
    assert "Called the bank" in page
    assert f"{url}/attend" not in page
    assert (await send_form(client, f"{url}/attend"))[0] == 409


async def test_only_the_office_says_that_an_order_is_dealt_with(client: TestClientProtocol, db: AsyncSession) -> None:
    number, order_id = await place(db)
    await db.execute(update(Order).where(Order.id == order_id).values(attention="A dispute was lost."))
    await open_as(client, db, Role.SALES_REP)
    assert (await client.get(f"/portal/orders/{number}/attend")).status_code == 403


async def test_an_order_being_paid_is_not_offered_for_deletion(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    assert f"{url}/delete" in await read_page(client, url)
    db.add(make_intent(IntentKind.CARD, Decimal("55.00"), parameters={}, by=GUEST, order_id=order_id))
    await db.commit()
    assert f"{url}/delete" not in await read_page(client, url)


async def test_an_allowance_is_not_asked_for_and_a_payment_taken_back_is(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await db.execute(update(Order).where(Order.id == order_id).values(status="packed"))
    assert f'class="btn btn-primary" href="{url}/pay"' in await read_page(client, url)
    await mark_paid(db, order_id, MarkPaid(), by=clerk)
    await db.commit()
    payment_id = (await db.execute(select(Payment.id))).scalar_one()
    dent = RefundPayment(amount=Decimal("10.00"), reason="A dent", given_for=GivenFor.DAMAGED)
    await refund_payment(order_id, payment_id, dent, by=clerk, settings=settings)
    page = await read_page(client, url)
    assert (f'href="{url}/pay"' in page, "given back for damaged goods" in page, "Part refunded" in page) == (
        False, True, True,
    )  # fmt: skip
    bounced = RefundPayment(reason="No funds", given_for=GivenFor.BOUNCED)
    await refund_payment(order_id, payment_id, bounced, by=clerk, settings=settings)
    assert f'class="btn btn-primary" href="{url}/pay"' in await read_page(client, url)


ADDRESS = {
    "delivery_name": "Greta Lindqvist",
    "delivery_company": "Old Mill Tavern",
    "delivery_address": "88 Grist Road, dock 2",
    "delivery_city": "Alder Falls",
    "delivery_state": "OH",
    "delivery_zip": "44099",
}


async def test_the_address_is_edited_in_place_and_taken_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    version = (await read_order(db, order_id)).version
    assert (await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, version=version))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_address, order.delivery_company) == ("88 Grist Road, dock 2", "Old Mill Tavern")
    page = await read_page(client, url)
    assert "<s>88 Grist Road</s>" in page
    undo = re.search(rf'action="({url}/undo/\d+)"', page)
    assert undo is not None
    assert (await send_form(client, url, undo[1]))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_address, order.delivery_company) == ("88 Grist Road", "")


async def test_a_stale_edit_shows_both_values_and_overwrites_nothing(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    opened = (await read_order(db, order_id)).version
    theirs = ADDRESS | {"delivery_address": "88 Grist Road, rear"}
    await send_form(client, f"{url}?edit=address", f"{url}/address", **theirs, version=opened)
    status, page, _ = await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, version=opened)
    assert status == 409
    assert "yours “88 Grist Road, dock 2”, theirs “88 Grist Road, rear”" in page
    assert 'value="88 Grist Road, dock 2"' in page
    assert (await read_order(db, order_id)).delivery_address == "88 Grist Road, rear"
    version = re.search(r'name="version" value="(\d+)"', page[page.index('id="edit-address"') :])
    assert version is not None
    await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, version=version[1])
    assert (await read_order(db, order_id)).delivery_address == "88 Grist Road, dock 2"


async def test_what_only_one_of_two_people_changed_is_merged_and_the_rest_is_asked_about(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    edit = f"{url}?edit=address"
    opened = read_opened_form(await read_page(client, edit))
    theirs = opened | {"delivery_address": "88 Grist Road, rear", "delivery_company": "Old Mill"}
    assert (await send_form(client, edit, f"{url}/address", **theirs))[0] == 303
    mine = opened | {"delivery_name": "Ingrid Lindqvist"}
    assert (await send_form(client, edit, f"{url}/address", **mine))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_name, order.delivery_address, order.delivery_company) == (
        "Ingrid Lindqvist", "88 Grist Road, rear", "Old Mill",
    )  # fmt: skip
    clashing = opened | {"delivery_address": "88 Grist Road, dock 2", "delivery_city": "Elm Falls"}
    status, page, _ = await send_form(client, edit, f"{url}/address", **clashing)
    assert (status, page.count("yours “")) == (409, 1)
    assert "Street: yours “88 Grist Road, dock 2”, theirs “88 Grist Road, rear”." in page
    shown = read_opened_form(page)
    assert (shown["delivery_company"], shown["delivery_city"]) == ("Old Mill", "Elm Falls")
    taken = shown | {"_clashing": "delivery_address", "_take": "theirs"}
    assert (await send_form(client, edit, f"{url}/address", **taken))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_address, order.delivery_city) == ("88 Grist Road, rear", "Elm Falls")


def read_opened_form(page: str) -> dict[str, str]:
    """What the delivery form of a page holds, its hidden fields too."""
    form = page[page.index('id="edit-address"') :]
    inputs = re.findall(r"<input [^>]*>", form[: form.index("</form>")])
    found = [(re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs]
    return {name[1]: unescape(value[1] if value else "") for name, value in found if name and name[1] != "csrf_token"}


async def test_a_form_with_a_missing_field_keeps_what_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    typed = ADDRESS | {"delivery_city": "", "delivery_email": "not an address"}
    status, page, _ = await send_form(client, f"{url}?edit=address", f"{url}/address", **typed)
    assert status == 422
    assert 'value="88 Grist Road, dock 2"' in page
    assert 'value="not an address"' in page
    assert page.count('aria-invalid="true"') == 2
    assert (await read_order(db, order_id)).delivery_address == "88 Grist Road"


async def test_a_refused_form_stays_at_the_version_it_was_opened_at(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    opened = (await read_order(db, order_id)).version
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Theirs", version=opened)
    refused = {
        "address": ADDRESS | {"delivery_city": ""},
        "notes": {"staff_notes": "x" * 2001},
        "items": {"items[0][sku]": "PAN", "items[0][quantity]": "many"},
    }
    for part, fields in refused.items():
        page = f"{url}?edit={part}"
        status, again, _ = await send_form(client, page, f"{url}/{part}", **fields, version=opened)
        kept = re.search(r'name="version" value="(\d*)"', again[again.index(f'id="edit-{part}"') :])
        assert (status, kept and kept[1]) == (422, str(opened)), part
    status, again, _ = await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Mine", version=opened)
    assert (status, "yours “Mine”, theirs “Theirs”" in again) == (409, True)
    assert (await read_order(db, order_id)).staff_notes == "Theirs"


async def test_a_payment_typed_before_a_colleagues_is_not_recorded_on_top_of_it(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}/pay"
    opened = (await read_order(db, order_id)).version
    await send_form(client, url, amount_received="20", payment_method="check", version=opened)
    status, page, _ = await send_form(client, url, amount_received="a lot", payment_method="check", version=opened)
    assert status == 422
    assert f'name="version" value="{opened}"' in page
    status, _, _ = await send_form(client, url, amount_received="20", payment_method="check", version=opened)
    assert status == 409
    assert (await read_order(db, order_id)).amount_paid == Decimal("20.00")


async def test_email_and_phone_are_cleared_by_emptying_their_fields(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    reached = {"delivery_email": "greta@oldmill.example", "delivery_phone": "(216) 555-0148"}
    await send_form(client, f"{url}?edit=address", f"{url}/address", **ADDRESS, **reached)
    order = await read_order(db, order_id)
    assert (order.delivery_email, order.delivery_phone) == ("greta@oldmill.example", "+12165550148")
    emptied = ADDRESS | {"delivery_company": "", "delivery_email": "", "delivery_phone": ""}
    assert (await send_form(client, f"{url}?edit=address", f"{url}/address", **emptied))[0] == 303
    order = await read_order(db, order_id)
    assert (order.delivery_company, order.delivery_email, order.delivery_phone) == ("", None, None)


async def test_a_refused_edit_leaves_nothing_behind(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db, payment_method="net30")
    url = f"/portal/orders/{number}"
    status, page, _ = await send_form(
        client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Ship today", tracking_number="1Z999"
    )
    assert status == 409
    assert "on hold" in page
    order = await read_order(db, order_id)
    assert (order.staff_notes, order.tracking_number, order.status) == ("", None, "pending")


async def test_a_refused_edit_is_shown_with_the_order_as_it_was(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    product = await make_product(db)
    placed = await make_order(db, (product, 3))
    await db.commit()
    url = f"/portal/orders/{placed.written.order_number}"
    # When the lines open, the first quantity has the focus.
    opened = await read_page(client, f"{url}?edit=items")
    assert re.findall(r'name="([^"]+)"[^>]* autofocus', opened) == ["items[0][quantity]"]
    fields = {"items[0][sku]": product.sku, "items[0][quantity]": "98000"}
    status, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", **fields)
    assert status == 409
    assert 'value="98000"' in page
    assert "was $55.00" in page  # the order that stands, beside what the lines would come to
    assert (await read_order(db, placed.written.id)).total_amount == 55


async def test_only_who_made_an_edit_takes_it_back(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Ring twice")
    undo = re.search(rf'action="({url}/undo/\d+)"', await read_page(client, url))
    assert undo is not None
    await open_as(client, db, Role.MANAGER)
    assert (await send_form(client, url, undo[1]))[0] == 404
    assert (await read_order(db, order_id)).staff_notes == "Ring twice"


async def test_notes_can_be_emptied(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    number, order_id = await place(db)
    url = f"/portal/orders/{number}"
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="Ring twice", assigned_to="Pat")
    assert (await read_order(db, order_id)).staff_notes == "Ring twice"
    await send_form(client, f"{url}?edit=notes", f"{url}/notes", staff_notes="", assigned_to="Pat")
    order = await read_order(db, order_id)
    assert (order.staff_notes, order.assigned_to) == ("", "Pat")


async def test_lines_are_changed_while_pending_and_stock_follows(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    first, second = await make_product(db), await make_product(db)
    placed = await make_order(db, (first, 3))
    await db.commit()
    url = f"/portal/orders/{placed.written.order_number}"
    fields = {
        "items[0][sku]": first.sku, "items[0][quantity]": "0",
        "items[1][sku]": second.sku, "items[1][quantity]": "4",
        "items[2][sku]": "", "items[2][quantity]": "",
    }  # fmt: skip
    assert (await send_form(client, f"{url}?edit=items", f"{url}/items", **fields))[0] == 303
    lines = await db.execute(
        select(OrderItem.product_sku, OrderItem.quantity).where(OrderItem.order_id == placed.written.id)
    )
    assert [tuple(row) for row in lines] == [(second.sku, 4)]
    moved = await db.execute(
        select(StockMovement.product_id, StockMovement.delta).where(StockMovement.reason == "order_edited")
    )
    assert sorted(tuple(row) for row in moved) == [(first.id, 3), (second.id, -4)]
    bad = fields | {"items[1][sku]": "NO-SUCH"}
    status, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", **bad)
    assert status == 422
    assert "NO-SUCH is not sold" in page
    assert 'value="NO-SUCH"' in page
    odd = {"items[x][sku]": "1", "items[][quantity]": "1", "items[9999999][sku]": "2"}
    assert (await send_form(client, f"{url}?edit=items", f"{url}/items", **odd))[0] == 422


async def test_lines_are_changed_by_code_with_name_price_and_total_at_each_step(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    pan, lid = await make_product(db), await make_product(db, name="Domed lid", bin_location="F-11", stock=40)
    placed = (await make_order(db, (pan, 3))).written
    await db.commit()
    url = f"/portal/orders/{placed.order_number}"
    fields = {"items[0][sku]": pan.sku, "items[0][quantity]": "3", "discount_amount": "0.00"}
    _, page, _ = await send_form(
        client, f"{url}?edit=items", f"{url}/items", act="enter", product_q=f"2x {lid.sku}", **fields
    )
    assert 'name="items[1][sku]" value="' + lid.sku in page
    assert "Domed lid" in page
    assert "bin F-11" in page
    assert "$75.00" in page
    assert "was $55.00" in page
    _, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", act="enter", product_q="nope", **fields)
    assert "No product has the code nope." in page
    _, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", act="drop:0", **fields)
    assert "items[0]" not in page
    saved = fields | {"discount_amount": "10%"}
    assert (await send_form(client, f"{url}?edit=items", f"{url}/items", act="save", **saved))[0] == 303
    order = await read_order(db, placed.id)
    assert (order.subtotal, order.discount_amount) == (Decimal("30.00"), Decimal("3.00"))
    saved = fields | {"discount_amount": "lots"}
    status, page, _ = await send_form(client, f"{url}?edit=items", f"{url}/items", act="save", **saved)
    assert status == 422
    assert "Write an amount such as 12.50, or a share such as 10%" in page


async def test_an_order_that_never_became_one_is_deleted_by_a_manager_alone(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    number, order_id = await place(db)
    await open_as(client, db, Role.STAFF)
    assert (await client.get(f"/portal/orders/{number}/delete")).status_code == 403
    await open_as(client, db, Role.MANAGER)
    assert "This can’t be undone" in await read_page(client, f"/portal/orders/{number}/delete")
    assert (await send_form(client, f"/portal/orders/{number}/delete"))[::2] == (303, "/portal/orders")
    gone = await db.execute(select(Order.id).where(Order.id == order_id))
    assert gone.scalar_one_or_none() is None


async def test_newer_and_older_lead_through_the_orders(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    numbers = []
    for hours in (3, 2, 1):
        number, order_id = await place(db)
        (await read_order(db, order_id)).created_at = now() - timedelta(hours=hours)
        numbers.append(number)
    await db.commit()
    page = await read_page(client, f"/portal/orders/{numbers[1]}")
    assert f'href="/portal/orders/{numbers[2]}" rel="prev"' in page
    assert f'href="/portal/orders/{numbers[0]}" rel="next"' in page


async def test_the_slip_is_a_pdf_with_the_order_and_no_price(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    first, _ = await place(db)
    second, _ = await place(db)
    response = await client.get(f"/portal/orders/slips?order={first}&order={second}")
    assert (response.status_code, response.content_type) == (200, "application/pdf")
    body = await response.get_data(as_text=False)
    assert body.startswith(b"%PDF-")
    assert body.count(b"/Type /Page\n") + body.count(b"/Type /Page ") in {0, 2}
    assert (await client.get("/portal/orders/LLD-NONE-NONE/slip")).status_code == 404
    assert (await client.get("/portal/orders/slips")).headers["Location"] == "/portal/orders"
