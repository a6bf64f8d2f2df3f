"""Refusals that rarely occur, one test each: together with the other tests, every code of the registry is returned."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest, HTTPException, ImATeapot, RequestTimeout

from domain.inventory.adjust import AdjustStock, AdjustWay, adjust_stock
from domain.kernel.clock import business_today
from domain.kernel.errors import Refused
from domain.order_desk.hold import ReleaseOrder, release_order
from domain.payments.checkout import open_checkout
from domain.payments.pay_link import CreatePayLink, create_pay_link
from models import CallLog, Order, OrderStatus, Renewal, RenewalStatus, Role, Subscription
from tests.api.staff.test_labels import buy, ready_order
from tests.api.storefront.test_accounts_google import browser, provider, sign_in_with_google  # noqa: F401
from tests.api.voice.test_review import make_call
from tests.domain.payments.paying import edit_to, make_owed_order, open_session
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.fakes.language_model import language_model
from web.errors import show_any_error

BASICS = {
    "name": "Ada Brook", "restaurant_name": "Corner Kitchen", "address": "40 Mill Lane", "city": "Chicago",
    "state": "IL", "phone": "(312) 555-0182", "email": "ada@corner-kitchen.example",
}  # fmt: skip


async def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, (await response.get_json())["code"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadRequest(), 400, "bad_request"),
        (RequestTimeout(), 408, "timeout"),
        (ImATeapot(), 418, "refused"),
        (ConnectionRefusedError(), 503, "try_again"),
    ],
)
async def test_what_the_framework_and_the_database_refuse_has_a_code(app, error: Exception, status, code) -> None:
    async with app.test_request_context("/api/products"):
        response = await show_any_error(error)
    assert await code_of(response) == (status, code)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert isinstance(error, HTTPException | OSError)


async def test_a_pdf_that_runs_something_is_refused(client) -> None:
    data = b"%PDF-1.7\n1 0 obj\n<</S /JavaScript /JS (app.alert(1))>>\nendobj\n%%EOF\n"
    files = {"invoice": FileStorage(BytesIO(data), "invoice.pdf", content_type="application/pdf")}
    assert await code_of(await client.post("/api/save-me-money", form=BASICS, files=files)) == (400, "active_pdf")


async def test_a_google_user_without_an_email_is_refused(browser, provider) -> None:  # noqa: F811 - their fixtures
    provider.claims["email"] = "nobody"
    assert await sign_in_with_google(browser, provider) == (400, "google_email_missing")


async def test_a_checkout_that_was_paid_meanwhile_does_not_open_again(db, stripe, stripe_settings) -> None:
    clerk = as_actor(await make_staff(db))
    token, session_id = await open_session(db, stripe_settings, await make_owed_order(db), by=clerk)
    stripe.pay_session(session_id)
    with pytest.raises(Refused) as refused:
        await open_checkout(token, settings=stripe_settings)
    assert refused.value.code == "checkout_closed"


async def test_cards_are_not_for_a_few_cents(db, stripe, stripe_settings) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    order = await make_owed_order(db)
    await edit_to(db, order, manager, discount_amount="40.00", delivery_fee="0.49")
    link = CreatePayLink(order_number=order.order_number)
    token = (await create_pay_link(db, link, by=manager, settings=stripe_settings)).url.rsplit("/", 1)[1]
    await db.commit()
    with pytest.raises(Refused) as refused:
        await open_checkout(token, settings=stripe_settings)
    assert refused.value.code == "too_small"


async def test_a_key_that_easypost_does_not_take_buys_nothing(client, db, app, easypost, monkeypatch) -> None:
    order = await ready_order(db)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    wrong = app.config["SETTINGS"].model_copy(update={"easypost_api_key": "EZTK_of_nobody"})
    monkeypatch.setitem(app.config, "SETTINGS", wrong)
    status, body = await buy(client, order)
    assert (status, body["code"], easypost.buys) == (502, "easypost_key_refused", 0)


async def make_subscription(db: Any, settings: Any) -> Subscription:
    made = Subscription(
        customer_id=(await make_customer(db)).id, product_id=(await make_product(db)).id, quantity=10,
        interval_days=30, discount_pct=Decimal(5), next_renewal_date=business_today(settings.timezone),
        stripe_customer_id="cus_1", stripe_payment_method_id="pm_card_visa", payment_type="card", delivery_name="Kim",
        delivery_email="k@kitchen.test", delivery_address="1 Elm St", delivery_city="Chicago", delivery_state="IL",
        delivery_zip="60607",
    )  # fmt: skip
    db.add(made)
    await db.flush()
    return made


async def test_an_account_with_a_subscription_stays(client, db, settings) -> None:
    made = await make_subscription(db, settings)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.delete(f"/api/staff/customers/{made.customer_id}")
    assert await code_of(response) == (409, "has_subscription")


async def test_a_charge_that_is_not_decided_keeps_the_next_one_waiting(client, db, stripe, stripe_settings) -> None:
    made = await make_subscription(db, stripe_settings)
    db.add(
        Renewal(
            subscription_id=made.id, due_date=made.next_renewal_date, attempt=1, status=RenewalStatus.PROCESSING,
            product_id=made.product_id, quantity=10, unit_price=Decimal(20), delivery_fee=Decimal(0),
            amount=Decimal(190),
        )
    )  # fmt: skip
    await sign_in(client, db, await make_staff(db))
    response = await client.post(f"/api/staff/subscriptions/{made.id}/renew", headers={"Idempotency-Key": "twice"})
    assert await code_of(response) == (409, "renewal_running")
    # The charge would go on to a date of its own, and the one that was typed would be lost.
    path = f"/api/staff/subscriptions/{made.id}"
    later = made.next_renewal_date + timedelta(days=60)
    assert await code_of(await client.put(path, json={"next_renewal_date": later.isoformat()})) == (
        409,
        "renewal_running",
    )
    same = {"next_renewal_date": made.next_renewal_date.isoformat(), "quantity": 12}
    assert (await client.put(path, json=same)).status_code == 200


async def test_a_guest_has_no_store_credit(client, db) -> None:
    order = await make_owed_order(db)
    await sign_in(client, db, await make_staff(db))
    response = await client.post(f"/api/staff/orders/{order.id}/apply-credit", json={"amount": 5})
    assert await code_of(response) == (409, "no_customer")


async def test_a_call_without_words_is_not_judged(client, db, app, settings, monkeypatch) -> None:
    call: CallLog = await make_call(db, transcript=[])
    await sign_in(client, db, await make_staff(db))
    async with language_model(settings) as (_, configured):
        monkeypatch.setitem(app.config, "SETTINGS", configured)
        response = await client.post("/api/voice/evaluate", json={"call_log_id": call.id, "async": False})
    assert await code_of(response) == (409, "no_transcript")


async def test_only_a_held_order_is_released(db) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    order = await make_owed_order(db)
    await db.execute(update(Order).where(Order.id == order.id).values(status=OrderStatus.CONFIRMED))
    with pytest.raises(Refused) as refused:
        await release_order(db, order.id, ReleaseOrder(reason="They called"), by=manager)
    assert refused.value.code == "not_on_hold"


async def test_nothing_is_taken_from_what_nobody_counts(db) -> None:
    packer = as_actor(await make_staff(db, Role.WAREHOUSE))
    product = await make_product(db, stock_quantity=None)
    with pytest.raises(Refused) as refused:
        await adjust_stock(db, product.id, AdjustStock(way=AdjustWay.TAKE, units=1), by=packer)
    assert refused.value.code == "not_tracked"
