"""Checks, pay links, credit and refunds from the staff's side."""

import io
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image
from quart.datastructures import FileStorage
from sqlalchemy import func, select

from domain.kernel.errors import OutsideServiceFailed, Refused
from domain.payments.reconcile import reconcile_payments
from domain.payments.refund import RefundPayment, refund_payment
from models import (
    CreditEntry,
    GivenFor,
    IntentState,
    OrderEvent,
    OutboxMessage,
    PaperCheck,
    PaperCheckImage,
    Payment,
    Role,
    StripeIntent,
)
from tests.domain.payments.paying import edit_to, make_owed_order, read_order
from tests.factories import as_actor, make_customer, make_staff, sign_in
from tests.job_runner import run_jobs


def photo(*, exif: bool = False, kind: str = "JPEG") -> bytes:
    written = io.BytesIO()
    picture = Image.new("RGB", (80, 40), "white")
    data = Image.Exif()
    if exif:
        data.get_ifd(0x8825)[1] = "N"
        data[0x010F] = "Camera"
    picture.save(written, kind, exif=data)
    return written.getvalue()


def as_files(**files: bytes):
    return {name: FileStorage(io.BytesIO(data), filename="../../x.jpg", name=name) for name, data in files.items()}


@pytest.fixture
async def order(db) -> Any:
    """A guest's order of $65.00."""
    return await make_owed_order(db)


async def upload(client: Any, order: Any, **files: Any) -> Any:
    return await client.post(
        "/api/payments/check-upload",
        form={"order_number": order.order_number},
        files=as_files(**(files or {"check_front": photo(), "check_back": photo()})),
    )


async def test_a_check_is_reviewed_and_confirms_its_order(client, db, order):
    await sign_in(client, db, await make_staff(db))
    answer = await upload(client, order)
    body = await answer.get_json()
    assert (answer.status_code, body["front_filename"]) == (200, f"{order.order_number}-front.jpg"), body
    assert (await read_order(db, order.id)).payment_status == "pending_review"
    image = await client.get(f"/api/staff/checks/{order.order_number}/front")
    assert (image.headers["Cache-Control"], image.content_type) == ("private, no-store", "image/jpeg")
    approved = await client.post(f"/api/staff/checks/{order.order_number}/approve")
    assert approved.status_code == 200, await approved.get_json()
    after = await read_order(db, order.id)
    assert (after.payment_status, after.status, after.amount_paid) == ("paid", "confirmed", Decimal("65.00"))
    again = await client.post(f"/api/staff/checks/{order.order_number}/approve", json={})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "no_check_waiting")


async def test_a_rejected_check_leaves_the_order_unpaid_and_pending(client, db, order):
    await sign_in(client, db, await make_staff(db))
    await upload(client, order)
    await client.put(f"/api/staff/orders/{order.id}/status", json={"status": "confirmed"})
    rejected = await client.post(f"/api/staff/checks/{order.order_number}/reject", json={"note": "Not signed"})
    assert rejected.status_code == 200
    after = await read_order(db, order.id)
    assert (after.payment_status, after.status, after.amount_paid) == ("unpaid", "pending", Decimal("0.00"))
    notes = (await db.execute(select(OrderEvent.note).where(OrderEvent.kind == "check_rejected"))).scalars().all()
    assert notes == ["Not signed"]


async def test_a_photo_keeps_no_place_and_a_script_is_no_photo(client, db, order):
    await sign_in(client, db, await make_staff(db))
    assert (await upload(client, order, check_image=photo(exif=True))).status_code == 200
    kept = (await db.execute(select(PaperCheckImage.data))).scalar_one()
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == {}
    for bad in (b"<svg onload=alert(1)>", b"<html>", b"%PDF-1.4 %%EOF", photo()[:200]):
        answer = await upload(client, order, check_front=bad)
        assert (answer.status_code, list((await answer.get_json())["fields"])) == (400, ["check_front"])
    missing = await upload(client, order, check_back=photo())
    assert (missing.status_code, list((await missing.get_json())["fields"])) == (400, ["check_front"])


async def test_a_check_for_less_than_the_balance_leaves_the_rest_open_and_says_so(client, db, order):
    clerk = await make_staff(db)
    await sign_in(client, db, clerk)
    await upload(client, order)
    await edit_to(db, order, as_actor(clerk), quantity=11)
    await db.commit()
    approved = await client.post(f"/api/staff/checks/{order.order_number}/approve")
    assert (approved.status_code, (await approved.get_json())["message"]) == (
        200, f"The check for {order.order_number} is approved, $180.00 is still open.",
    )  # fmt: skip
    after = await read_order(db, order.id)
    assert (after.status, after.payment_status, str(after.balance)) == ("pending", "unpaid", "180.00")


async def test_a_repeated_upload_is_answered_and_another_with_its_key_refused(client, db, order):
    await sign_in(client, db, await make_staff(db))

    async def send(**files: bytes) -> Any:
        return await client.post(
            "/api/payments/check-upload",
            form={"order_number": order.order_number},
            files=as_files(**files),
            headers={"Idempotency-Key": "check-1"},
        )

    first, again = await send(check_front=photo()), await send(check_front=photo())
    assert (first.status_code, again.status_code, again.headers.get("Idempotent-Replay")) == (200, 200, "true")
    assert await first.get_json() == await again.get_json()
    other = await send(check_front=photo(), check_back=photo())
    assert (other.status_code, (await other.get_json())["code"]) == (422, "idempotency_key_reused")
    assert (await db.execute(select(func.count()).select_from(PaperCheck))).scalar_one() == 1


async def test_everything_wrong_with_a_check_and_its_form_is_told_at_once(client, db, order):
    await sign_in(client, db, await make_staff(db))

    async def refused_fields(form: dict[str, str], **files: bytes) -> Any:
        answer = await client.post("/api/payments/check-upload", form=form, files=as_files(**files))
        assert answer.status_code == 400
        return (await answer.get_json())["fields"]

    number = {"order_number": order.order_number}
    no_photo = "must be a JPEG, PNG or WebP picture"
    assert await refused_fields({}, check_back=photo()) == {"order_number": "is required", "check_front": "is required"}
    assert await refused_fields(number, check_front=b"x", check_back=b"y") == {
        "check_front": no_photo,
        "check_back": no_photo,
    }
    assert await refused_fields(number, check_back=b"y") == {"check_front": "is required", "check_back": no_photo}
    assert await refused_fields({"order_number": " "}, check_front=b"x") == {
        "order_number": "is required",
        "check_front": no_photo,
    }


async def test_the_warehouse_sees_no_check_and_a_rep_only_brings_their_own(client, db, order):
    await sign_in(client, db, await make_staff(db))
    await upload(client, order)
    for role, status in ((Role.WAREHOUSE, 403), (Role.SALES_REP, 403)):
        await sign_in(client, db, await make_staff(db, role))
        assert (await client.get(f"/api/staff/checks/{order.order_number}/front")).status_code == status
        assert (await client.post(f"/api/staff/checks/{order.order_number}/approve")).status_code == status
    assert (await upload(client, order)).status_code == 404


async def test_a_link_is_made_for_the_balance_and_needs_stripe(client, db, order, stripe):
    await sign_in(client, db, await make_staff(db))
    body = {"order_number": order.order_number, "expires_in_hours": 48}
    made = await (await client.post("/api/payments/link", json=body)).get_json()
    assert (made["amount"], made["payment_url"].split("/pay/")[0]) == (65.0, "http://127.0.0.1:8000")
    for hours in (0, 721):
        answer = await client.post("/api/payments/link", json=body | {"expires_in_hours": hours})
        assert answer.status_code == 400


async def test_without_stripe_a_link_answers_its_page_as_fallback(client, db, order):
    await sign_in(client, db, await make_staff(db))
    answer = await client.post("/api/payments/link", json={"order_number": order.order_number})
    body = await answer.get_json()
    assert (answer.status_code, "STRIPE_SECRET_KEY" in body["error"]) == (503, True)
    page = await client.get(body["fallback_url"].removeprefix("http://127.0.0.1:8000"))
    assert page.status_code == 200


async def pay(client: Any, db: Any, stripe: Any, order: Any) -> Any:
    body = {"amount": 65, "order_number": order.order_number}
    created = await (await client.post("/api/payments/create-intent", json=body)).get_json()
    stripe.pay(created["payment_intent_id"])
    sent = {"order_number": order.order_number, "payment_intent_id": created["payment_intent_id"]}
    assert (await client.post("/api/payments/confirm", json=sent)).status_code == 200
    return (await db.execute(select(Payment).where(Payment.order_id == order.id))).scalar_one()


async def test_cancelling_a_paid_order_refunds_it_once(client, db, stripe, stripe_settings, order):
    payment = await pay(client, db, stripe, order)
    await sign_in(client, db, await make_staff(db))
    answer = await client.put(f"/api/staff/orders/{order.id}/status", json={"status": "cancelled"})
    refund = (await answer.get_json())["refund"]
    assert (refund["amount"], refund["status"], refund["error"]) == (65.0, "succeeded", None)
    assert refund["refund_id"] in stripe.refunds
    await run_jobs(stripe_settings)
    assert (len(stripe.refunds), stripe.captured(payment.provider_id)) == (1, 0)
    after = await read_order(db, order.id)
    assert (after.amount_paid, after.payment_status, after.attention) == (Decimal("0.00"), "refunded", "")


async def test_an_order_is_cancelled_even_when_stripe_refuses(client, db, stripe, order):
    await pay(client, db, stripe, order)
    stripe.faults.refuse_refunds = "The charge is disputed."
    await sign_in(client, db, await make_staff(db))
    answer = await client.put(f"/api/staff/orders/{order.id}/status", json={"status": "cancelled"})
    assert answer.status_code == 200
    assert (await answer.get_json())["refund"]["error"] == "The charge is disputed."
    after = await read_order(db, order.id)
    assert (after.status, after.amount_paid) == ("cancelled", Decimal("65.00"))
    assert after.attention == "The refund of $65.00 failed: The charge is disputed."


async def test_no_more_goes_back_than_came_in(client, db, stripe, stripe_settings, order, later):
    payment = await pay(client, db, stripe, order)
    by = as_actor(await make_staff(db))
    stripe.faults.drop_next = 1

    async def refund(amount: str):
        data = RefundPayment(amount=Decimal(amount), reason="Broken lid", given_for=GivenFor.GOODWILL)
        return await refund_payment(order.id, payment.id, data, by=by, settings=stripe_settings)

    with pytest.raises(OutsideServiceFailed):
        await refund("40.00")
    assert (await read_order(db, order.id)).amount_paid == Decimal("65.00")
    with pytest.raises(Refused, match=r"\$25\.00 of this payment can be given back"):
        await refund("25.01")
    assert (await refund("25.00")).status == "succeeded"
    await reconcile_payments(stripe_settings, ahead=later)
    assert stripe.captured(payment.provider_id) == 0
    states = (await db.execute(select(StripeIntent.state).where(StripeIntent.kind == "refund"))).scalars().all()
    assert states == [IntentState.SUCCEEDED] * 2
    assert (await read_order(db, order.id)).payment_status == "refunded"


async def test_credit_is_given_and_taken_and_never_below_zero(client, db):
    customer = await make_customer(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    url = f"/api/staff/customers/{customer.id}/credit"
    given = await (await client.post(url, json={"amount": 100, "note": "Late delivery"})).get_json()
    assert (given["credit_balance"], given["transaction"]["kind"]) == (100.0, "adjustment")
    refused = await client.post(url, json={"amount": -100.01})
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "not_enough_credit")
    await client.post(url, json={"amount": -40})
    shown = await (await client.get(url)).get_json()
    assert shown["credit_balance"] == 60.0
    assert [line["amount"] for line in shown["history"]] == [-40.0, 100.0]
    assert len((await db.execute(select(CreditEntry))).all()) == 2
    await sign_in(client, db, await make_staff(db))
    assert (await client.post(url, json={"amount": 1})).status_code == 403
    assert (await client.get(url)).status_code == 200


async def test_save_me_money_is_kept_and_mailed(client, db):
    form = {
        "name": "Robin Baker", "restaurant_name": "Old Mill", "address": "1 Grist Rd", "city": "Alder Falls",
        "state": "OH", "phone": "(216) 555-0148", "email": "robin@kitchen.example",
    }  # fmt: skip
    answer = await client.post("/api/save-me-money", form=form, files=as_files(invoice=photo(kind="PNG")))
    assert answer.status_code == 200, await answer.get_json()
    mails = (await db.execute(select(OutboxMessage.subject))).scalars().all()
    assert mails == ["Save me money: Old Mill"]
    bad = await client.post("/api/save-me-money", form=form, files=as_files(invoice=b"<html>"))
    assert bad.status_code == 400
    missing = await client.post("/api/save-me-money", form={"name": "x"})
    assert set((await missing.get_json())["fields"]) == set(form) - {"name"}


async def test_approving_again_with_the_same_key_is_answered_and_pays_once(client, db, order):
    await sign_in(client, db, await make_staff(db))
    await upload(client, order)
    url, send = f"/api/staff/checks/{order.order_number}/approve", {"headers": {"Idempotency-Key": "a-1"}}
    first = await client.post(url, json={}, **send)
    again = await client.post(url, json={}, **send)
    assert (first.status_code, await first.get_json()) == (200, await again.get_json())
    assert again.headers.get("Idempotent-Replay") == "true"
    assert (await client.post(url, json={"amount": 5}, **send)).status_code == 422
    assert len((await db.execute(select(Payment))).all()) == 1


@pytest.mark.parametrize("number", ["%00", "a%00b", "%FF", "%ED%A0%80", "x" * 3000, "%20"])
async def test_a_check_of_an_order_number_that_none_can_have_is_not_found(client, db, number):
    await sign_in(client, db, await make_staff(db))
    for method, act in (("GET", "front"), ("GET", "back"), ("POST", "approve"), ("POST", "reject")):
        answer = await client.open(f"/api/staff/checks/{number}/{act}", method=method)
        assert (act, answer.status_code) in {(act, 404), (act, 400)}
