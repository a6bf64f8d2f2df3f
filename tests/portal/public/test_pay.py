"""The customer's pay page and the office's pages around it: opening a link starts nothing, buttons do."""

import io
import re
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image
from quart.datastructures import FileStorage
from sqlalchemy import func, select, update

import portal.orders.payments
import portal.public.pay
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.messages.secrets import open_text
from domain.payments.check_photos import CheckPhotos, prepare_photos
from domain.payments.checks import upload_check
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from models import CreditEntry, GivenFor, OutboxMessage, PayLink, Payment, Role, StripeIntent
from tests.domain.payments.paying import card_row, edit_to, give_back, make_owed_order, pay_by_card, read_order
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.fakes.stripe_server import BANK
from tests.job_runner import run_jobs
from web.request import db as request_db


def photo() -> FileStorage:
    written = io.BytesIO()
    Image.new("RGB", (80, 40), "white").save(written, "JPEG")
    written.seek(0)
    return FileStorage(written, filename="front.jpg")


@pytest.fixture
async def order(db) -> Any:
    """A guest's order of $65.00."""
    return await make_owed_order(db, delivery_email="greta@kitchen.example")


async def make_link(client, db, order) -> str:
    """The path of a new link."""
    await sign_in(client, db, await make_staff(db))
    answer = await client.post("/api/payments/link", json={"order_number": order.order_number})
    body = await answer.get_json()
    path = (body.get("payment_url") or body["fallback_url"]).removeprefix("http://127.0.0.1:8000")
    client.cookie_jar.clear()
    return str(path)


async def read_page(client, path: str) -> tuple[int, str]:
    answer = await client.get(path)
    return answer.status_code, await answer.get_data(as_text=True)


async def press(client, path: str, act: str, files=None, **fields: str):
    """Send a form of the page, with its token."""
    _, html = await read_page(client, path)
    token = re.search(r'name="csrf-token" content="([^"]+)"', html)
    assert token is not None
    return await client.post(f"{path}{act}", form={"csrf_token": token[1]} | fields, files=files)


async def test_opening_a_link_starts_nothing_and_the_button_opens_stripes_page_once(client, db, stripe, order):
    path = await make_link(client, db, order)
    status, html = await read_page(client, path)
    assert (status, "$65.00" in html, "Pay by card" in html) == (200, True, True)
    assert (stripe.sessions, (await db.execute(select(func.count()).select_from(StripeIntent))).scalar_one()) == ({}, 0)
    first = await press(client, path, "/card")
    again = await press(client, path, "/card")
    assert (first.status_code, first.headers["Location"]) == (303, again.headers["Location"])
    assert len(stripe.sessions) == 1
    session = next(iter(stripe.sessions.values()))
    assert (session["amount_total"], "/pay/back" in session["success_url"]) == (6500, True)


async def test_coming_back_from_stripe_shows_the_payment(client, db, stripe, order):
    path = await make_link(client, db, order)
    await press(client, path, "/card")
    stripe.pay_session(next(iter(stripe.sessions)))
    back = await client.get("/pay/back?paid=1")
    assert back.headers["Location"] == f"{path}?paid=1"
    assert (await read_order(db, order.id)).amount_paid == 0
    assert (await press(client, path, "/arrived")).status_code == 303
    assert "Paid, thank you" in (await read_page(client, path))[1]
    assert (await read_order(db, order.id)).payment_status == "paid"


async def test_looking_for_a_payment_that_has_not_arrived_says_so_without_looking_on(client, db, stripe, order):
    path = await make_link(client, db, order)
    await press(client, path, "/card")
    answer = await press(client, path, "/arrived")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?not_arrived=1")
    _, page = await read_page(client, f"{path}?not_arrived=1")
    assert "No payment has arrived yet." in page
    assert 'hx-trigger="submit"' in page
    assert 'hx-trigger="load, submit"' in (await read_page(client, f"{path}?paid=1"))[1]


async def test_what_was_given_back_is_not_asked_for_by_the_same_link(client, db, stripe, stripe_settings, order):
    path = await make_link(client, db, order)
    clerk_row = await make_staff(db)
    clerk = as_actor(clerk_row)
    await mark_paid(db, order.id, MarkPaid(), by=clerk)
    await db.commit()
    paid = (await db.execute(select(Payment.id))).scalar_one()
    refund = RefundPayment(amount=Decimal("65.00"), reason="Never came", given_for=GivenFor.GOODWILL)
    await refund_payment(order.id, paid, refund, by=clerk, settings=stripe_settings)
    status, page = await read_page(client, path)
    assert (status, "We refunded your payment" in page, "owes" in page) == (200, True, False)
    answer = await press(client, path, "/card")
    assert (answer.status_code, stripe.sessions) == (409, {})
    await sign_in(client, db, clerk_row)
    again = await client.post("/api/payments/link", json={"order_number": order.order_number})
    assert (await again.get_json())["code"] == "already_paid"


async def test_a_payment_taken_back_is_asked_for_by_the_same_link_again(client, db, stripe_settings, order):
    path = await make_link(client, db, order)
    clerk = as_actor(await make_staff(db))
    await mark_paid(db, order.id, MarkPaid(), by=clerk)
    await db.commit()
    paid = (await db.execute(select(Payment.id))).scalar_one()
    bounced = RefundPayment(reason="No funds", given_for=GivenFor.BOUNCED)
    await refund_payment(order.id, paid, bounced, by=clerk, settings=stripe_settings)
    assert '<span class="amount">$65.00</span>' in (await read_page(client, path))[1]


async def test_a_refund_under_way_is_no_payment_that_the_bank_works_on(client, db, stripe, stripe_settings, order):
    clerk = as_actor(await make_staff(db))
    await pay_by_card(stripe_settings, stripe, order)
    await edit_to(db, order, clerk, quantity=4)
    await db.commit()
    stripe.faults.refunds_stay_pending = True
    await give_back(stripe_settings, order, await card_row(db), "15.00", clerk)
    _, page = await read_page(client, await make_link(client, db, order))
    assert ("Your bank is working on it" in page, '<span class="amount">$40.00</span>' in page) == (False, True)


@pytest.mark.parametrize(("received", "left", "is_card_sized"), [("64.51", "$0.49", False), ("64.50", "$0.50", True)])
async def test_a_card_is_offered_for_what_stripe_takes_only(client, db, stripe, order, received, left, is_card_sized):
    clerk = as_actor(await make_staff(db))
    await mark_paid(db, order.id, MarkPaid(amount_received=Decimal(received)), by=clerk)
    await db.commit()
    _, html = await read_page(client, await make_link(client, db, order))
    assert (f'owes</span> <span class="amount">{left}' in html, "photo of a check" in html) == (True, True)
    assert ("Pay by card" in html) is is_card_sized


async def test_the_page_and_the_events_pay_once(client, db, stripe, stripe_settings, order):
    path = await make_link(client, db, order)
    await press(client, path, "/card")
    stripe.pay_session(next(iter(stripe.sessions)), BANK)
    await press(client, path, "/arrived")
    assert "Your bank is working on it" in (await read_page(client, path))[1]
    stripe.clear(next(iter(stripe.payments)))
    for event in stripe.events * 2:
        body, signature = stripe.sign(event)
        await client.post("/api/webhooks/stripe", data=body, headers={"Stripe-Signature": signature})
    await run_jobs(stripe_settings)
    await press(client, path, "/arrived")
    amounts = (await db.execute(select(Payment.amount, Payment.method))).all()
    assert amounts == [(Decimal("65.00"), "ach")]


async def test_a_link_is_over_with_its_time_or_when_the_amount_changes(client, db, stripe, order):
    path = await make_link(client, db, order)
    await db.execute(update(PayLink).values(expires_at=now()))
    await db.commit()
    assert "This link no longer works" in (await read_page(client, path))[1]
    answer = await press(client, path, "/card")
    assert (answer.status_code, stripe.sessions) == (409, {})
    fresh = await make_link(client, db, order)
    await sign_in(client, db, await make_staff(db))
    url = f"/api/staff/orders/{order.id}/mark-paid"
    await client.post(url, json={"payment_method": "cash", "amount_received": 15})
    assert "This link no longer works" in (await read_page(client, fresh))[1]


async def test_a_checkout_is_closed_when_the_order_is_cancelled(client, db, stripe, stripe_settings, order):
    path = await make_link(client, db, order)
    await press(client, path, "/card")
    await sign_in(client, db, await make_staff(db))
    await client.put(f"/api/staff/orders/{order.id}/status", json={"status": "cancelled"})
    await run_jobs(stripe_settings)
    assert [session["status"] for session in stripe.sessions.values()] == ["expired"]
    assert "This order is cancelled" in (await read_page(client, path))[1]


async def test_a_check_is_sent_from_the_page_and_waits_in_the_queue(client, db, order):
    path = await make_link(client, db, order)
    assert (await press(client, path, "/check", files={"check_front": photo()})).status_code == 303
    assert "We have your check" in (await read_page(client, path))[1]
    await sign_in(client, db, await make_staff(db))
    assert order.order_number in (await read_page(client, "/portal/checks"))[1]
    check = f"/portal/checks/{order.order_number}"
    assert "Amount on the check" in (await read_page(client, check))[1]
    done = await press(client, check, "/approve", amount="70.00", note="No. 1044")
    assert (done.status_code, done.headers["Location"]) == (303, "/portal/checks")
    after = await read_order(db, order.id)
    assert (after.payment_status, after.status) == ("paid", "confirmed")
    assert after.attention == "$5.00 paid over by a guest, not applied yet."


async def test_a_check_whose_photos_were_replaced_meanwhile_is_not_approved_unseen(client, db, order):
    path = await make_link(client, db, order)
    await press(client, path, "/check", files={"check_front": photo()})
    await sign_in(client, db, await make_staff(db))
    check = f"/portal/checks/{order.order_number}"
    seen = re.search(r'name="check_id" value="(\d+)"', (await read_page(client, check))[1])
    assert seen is not None
    await upload_check(db, order.order_number, await prepare_photos(photo().read(), None), by=SYSTEM)
    await db.commit()
    answer = await press(client, check, "/approve", amount="65.00", check_id=seen[1])
    html = await answer.get_data(as_text=True)
    assert (answer.status_code, "Newer photos of this check were uploaded" in html) == (409, True)
    assert (await read_order(db, order.id)).payment_status == "pending_review"
    newer = re.search(r'name="check_id" value="(\d+)"', html)
    assert newer is not None
    assert (await press(client, check, "/approve", amount="65.00", check_id=newer[1])).status_code == 303
    assert (await read_order(db, order.id)).payment_status == "paid"


async def test_a_bad_photo_shows_the_page_again_with_what_is_wrong(client, db, order):
    path = await make_link(client, db, order)
    bad = FileStorage(io.BytesIO(b"<svg/>"), filename="front.jpg")
    answer = await press(client, path, "/check", files={"check_front": bad})
    assert (answer.status_code, "must be a JPEG, PNG or WebP" in await answer.get_data(as_text=True)) == (422, True)
    assert (await read_order(db, order.id)).payment_status == "unpaid"


@pytest.mark.parametrize("door", [portal.public.pay, portal.orders.payments], ids=["the pay page", "the desk"])
async def test_photos_are_made_while_no_transaction_is_open(client, db, order, monkeypatch, door):
    path = await make_link(client, db, order)
    if door is portal.orders.payments:
        await sign_in(client, db, await make_staff(db))
        path = f"/portal/orders/{order.order_number}"
    seen = []

    async def look_and_make(*sides: Any) -> CheckPhotos:
        seen.append(request_db().in_transaction())
        return await prepare_photos(*sides)

    monkeypatch.setattr(door, "prepare_photos", look_and_make)
    assert (await press(client, path, "/check", files={"check_front": photo()})).status_code == 303
    assert (seen, (await read_order(db, order.id)).payment_status) == ([False], "pending_review")


async def test_a_form_without_its_token_and_an_unknown_link_do_nothing(client, db, stripe, order):
    path = await make_link(client, db, order)
    assert (await client.post(f"{path}/card", form={})).status_code == 403
    assert stripe.sessions == {}
    assert (await read_page(client, "/pay/unknown"))[0] == 404


async def test_stripe_failing_shows_the_page_with_the_other_ways(client, db, stripe, order):
    path = await make_link(client, db, order)
    stripe.faults.broken_next = 1
    answer = await press(client, path, "/card")
    html = await answer.get_data(as_text=True)
    assert (answer.status_code, "Stripe did not answer" in html, "photo of a check" in html) == (502, True, True)
    assert (await press(client, path, "/card")).status_code == 303
    assert len(stripe.sessions) == 1


async def test_the_office_sends_a_link_by_mail(client, db, stripe, order):
    await sign_in(client, db, await make_staff(db))
    url = f"/portal/orders/{order.order_number}"
    assert (await press(client, url, "/pay-link", way="email")).status_code == 303
    mail = (await db.execute(select(OutboxMessage).where(OutboxMessage.kind == "pay_link"))).scalar_one()
    assert (mail.recipient, "http://127.0.0.1:8000/pay/" in open_text(mail)) == ("greta@kitchen.example", True)
    refused = await press(client, url, "/pay-link", way="text")
    assert refused.status_code == 422


async def test_the_office_copies_a_link_and_nothing_is_sent(client, db, order):
    await sign_in(client, db, await make_staff(db))
    url = f"/portal/orders/{order.order_number}"
    _, html = await read_page(client, f"{url}/pay-link")
    assert "with a photo of a check. The link ends" in html
    assert f'action="{url}/pay-link"' in html
    answer = await press(client, url, "/pay-link", expires_in_hours="24")
    html = await answer.get_data(as_text=True)
    made = re.search(r'value="http://127\.0\.0\.1:8000(/pay/[^"]+)"', html)
    assert answer.status_code == 200
    assert made is not None
    assert (await read_page(client, made[1]))[0] == 200
    sent = select(OutboxMessage).where(OutboxMessage.kind == "pay_link")
    assert (await db.execute(sent)).first() is None


async def test_the_office_gives_a_payment_back_as_credit(client, db):
    customer = await make_customer(db)
    placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=as_actor(customer))
    await sign_in(client, db, await make_staff(db))
    await client.post(f"/api/staff/orders/{placed.written.id}/mark-paid", json={"payment_method": "cash"})
    payment_id = (await db.execute(select(Payment.id))).scalar_one()
    url = f"/portal/orders/{placed.written.order_number}"
    sent = {"amount": "15", "how": "store_credit", "given_for": "damaged", "reason": "Lid missing"}
    assert (await press(client, url, f"/refund/{payment_id}", **sent)).status_code == 303
    assert (await db.execute(select(CreditEntry.amount))).scalars().all() == [Decimal("15.00")]
    too_much = await press(client, url, f"/refund/{payment_id}", amount="50.01", given_for="damaged", reason="More")
    assert too_much.status_code == 409
    unsaid = await press(client, url, f"/refund/{payment_id}", amount="5", reason="More")
    assert "Choose why the money is given back." in await unsaid.get_data(as_text=True)
    as_credit = await press(client, url, f"/refund/{payment_id}", **sent | {"given_for": "mistake"})
    assert (unsaid.status_code, as_credit.status_code) == (422, 422)
    order = await read_order(db, placed.written.id)
    assert (order.amount_paid, order.payment_status) == (Decimal("50.00"), "partially_refunded")
    assert (order.allowances, order.balance) == (Decimal("15.00"), Decimal("0.00"))


async def test_the_warehouse_has_no_checks_page(client, db):
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await read_page(client, "/portal/checks"))[0] == 403


async def test_the_page_of_an_order_whose_money_goes_back_says_how_much(client, db, order):
    path = await make_link(client, db, order)
    await sign_in(client, db, await make_staff(db))
    url = f"/api/staff/orders/{order.id}"
    await client.post(f"{url}/mark-paid", json={"payment_method": "cash"})
    await client.put(f"{url}/status", json={"status": "cancelled"})
    assert "$65.00 that you paid goes back to you" in squeeze((await read_page(client, path))[1])
    payment_id = (await db.execute(select(Payment.id))).scalar_one()
    back = {"amount": "65", "how": "as_paid", "given_for": "cancelled", "reason": "Cancelled"}
    answer = await press(client, f"/portal/orders/{order.order_number}", f"/refund/{payment_id}", **back)
    assert answer.status_code == 303, await answer.get_data(as_text=True)
    assert "$65.00 went back to you" in squeeze((await read_page(client, path))[1])


def squeeze(page: str) -> str:
    return " ".join(page.split())
