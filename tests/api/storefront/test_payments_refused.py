"""Who may pay what: every way in that money routes must refuse, each with its own answer and without effect."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import func, select

from app import build_app
from domain.kernel.actor import GUEST
from domain.order_desk.cancel import cancel_order
from domain.payments import ask
from integrations.stripe_client import StillRunning
from models import JobRun, KeyScope, PayLink, Role, StripeIntent
from tests.domain.payments.paying import list_money, list_states, make_owed_order, read_order
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.catalogue import make_key
from tests.fakes.stripe_server import BANK

CREATE, CONFIRM, LINK = "/api/payments/create-intent", "/api/payments/confirm", "/api/payments/link"


async def send(client: Any, path: str, body: Any, *, key: str | None = None) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key is not None else {}
    answer = await client.post(path, json=body, headers=headers)
    return answer.status_code, await answer.get_json()


async def send_raw(client: Any, path: str, body: str) -> tuple[int, Any]:
    answer = await client.post(path, data=body.encode(), headers={"Content-Type": "application/json"})
    return answer.status_code, await answer.get_json()


@pytest.mark.parametrize(
    "amount",
    ["10.005", "1e309", "-1e309", "NaN", "Infinity", '"65"', "true", "null", "[65]", "{}", "65.001", "1e-3", "9" * 5000,
     "-65.001", "1e400000000"],
    ids=lambda amount: amount[:12],
)  # fmt: skip
@pytest.mark.parametrize("path", ["intent", "credit", "apply", "paid"])
async def test_an_amount_that_is_no_money_is_refused(client, db, stripe, amount, path):
    customer = await make_customer(db)
    order = await make_owed_order(db, by=as_actor(customer))
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    url, name = {
        "intent": (CREATE, "amount"),
        "credit": (f"/api/staff/customers/{customer.id}/credit", "amount"),
        "apply": (f"/api/staff/orders/{order.id}/apply-credit", "amount"),
        "paid": (f"/api/staff/orders/{order.id}/mark-paid", "amount_received"),
    }[path]
    status, body = await send_raw(client, url, f'{{"order_number": "{order.order_number}", "{name}": {amount}}}')
    assert status == 400, body
    assert body["code"] == "invalid_json" or list(body["fields"]) == [name]
    assert (stripe.payments, await list_money(db, order.id)) == ({}, [])


@pytest.mark.parametrize("hours", ["0", "-1", "721", '"3"', "true", "2.5", "[]", "1e3", "9" * 400])
async def test_a_link_lasts_a_whole_number_of_hours_from_one_to_720(client, db, stripe, hours):
    order = await make_owed_order(db)
    await sign_in(client, db, await make_staff(db))
    sent = f'{{"order_number": "{order.order_number}", "expires_in_hours": {hours}}}'
    status, body = await send_raw(client, LINK, sent)
    assert (status, list(body["fields"])) == (400, ["expires_in_hours"])
    assert (await db.execute(select(func.count()).select_from(PayLink))).scalar_one() == 0


@pytest.mark.parametrize(("hours", "lasts"), [(1, 1), (720, 720), (None, 24)])
async def test_a_link_lasts_as_long_as_asked_and_a_day_when_not(client, db, stripe, hours, lasts):
    order = await make_owed_order(db)
    await sign_in(client, db, await make_staff(db))
    assert (await send(client, LINK, {"order_number": order.order_number, "expires_in_hours": hours}))[0] == 200
    link = (await db.execute(select(PayLink))).scalar_one()
    assert round((link.expires_at - link.created_at).total_seconds() / 3600) == lasts


async def test_an_order_number_is_taken_in_any_case_and_with_spaces_around(client, db, stripe):
    order = await make_owed_order(db)
    typed = f"  {order.order_number.lower()} "
    status, made = await send(client, CREATE, {"amount": 65, "order_number": typed})
    assert status == 200
    stripe.pay(made["payment_intent_id"])
    sent = {"order_number": typed, "payment_intent_id": made["payment_intent_id"]}
    assert (await send(client, CONFIRM, sent))[0] == 200
    assert (await read_order(db, order.id)).payment_status == "paid"


@pytest.mark.parametrize("number", ["", "   ", "LLD-\0", 5, None, ["LLD"], "x" * 61])
async def test_an_order_number_of_another_shape_is_refused(client, stripe, number):
    status, body = await send(client, CONFIRM, {"order_number": number, "payment_intent_id": "pi_123"})
    assert (status, list(body["fields"])) == (400, ["order_number"])


@pytest.mark.parametrize(
    "found", ["", "pi_", "ch_123", "pi_1/../../refunds", "pi_1?x", "pi_ 1", "pi_é", "p" * 201, 7, None]
)
async def test_what_is_no_payments_id_is_refused_before_stripe_is_asked(client, db, stripe, found):
    order = await make_owed_order(db)
    sent = {"order_number": order.order_number, "payment_intent_id": found}
    status, body = await send(client, CONFIRM, sent)
    assert (status, list(body["fields"]), stripe.requests) == (400, ["payment_intent_id"], [])


async def test_an_invented_payment_is_not_found_and_no_failure_of_stripes(client, db, stripe):
    order = await make_owed_order(db)
    sent = {"order_number": order.order_number, "payment_intent_id": "pi_invented"}
    assert (await send(client, CONFIRM, sent))[0] == 404


async def test_a_payment_of_another_amount_than_its_intent_is_refused(client, db, stripe):
    order = await make_owed_order(db)
    _, made = await send(client, CREATE, {"amount": 65, "order_number": order.order_number})
    stripe.payments[made["payment_intent_id"]]["amount"] = 100
    stripe.pay(made["payment_intent_id"])
    sent = {"order_number": order.order_number, "payment_intent_id": made["payment_intent_id"]}
    status, body = await send(client, CONFIRM, sent)
    assert (status, body["code"], await list_money(db, order.id)) == (409, "payment_mismatch", [])


async def test_confirming_a_part_payment_says_what_is_left(client, db, stripe):
    order = await make_owed_order(db)
    _, made = await send(client, CREATE, {"amount": 65, "order_number": order.order_number})
    order.total_amount, order.delivery_fee = Decimal("75.00"), Decimal("35.00")
    await db.commit()
    stripe.pay(made["payment_intent_id"])
    sent = {"order_number": order.order_number, "payment_intent_id": made["payment_intent_id"]}
    status, body = await send(client, CONFIRM, sent)
    left = f"We have your payment. $10.00 of order {order.order_number} is still open."
    assert (status, body) == (200, {"success": True, "message": left})


async def test_a_payment_of_a_cancelled_order_is_never_called_paid(client, db, stripe):
    order = await make_owed_order(db)
    _, made = await send(client, CREATE, {"amount": 65, "order_number": order.order_number})
    stripe.pay(made["payment_intent_id"])
    await cancel_order(db, order.id, by=as_actor(await make_staff(db)))
    await db.commit()
    sent = {"order_number": order.order_number, "payment_intent_id": made["payment_intent_id"]}
    for _ in range(2):
        status, body = await send(client, CONFIRM, sent)
        assert (status, body["code"]) == (409, "order_cancelled")
    assert (await db.execute(select(func.count()).where(JobRun.name == "refund_payment"))).scalar_one() == 1
    assert (await send(client, CREATE, {"amount": 65, "order_number": order.order_number}))[1]["code"] == (
        "order_cancelled"
    )


async def test_no_second_payment_begins_while_a_bank_works_on_one(client, db, stripe):
    order = await make_owed_order(db)
    asked = {"amount": 65, "order_number": order.order_number}
    _, made = await send(client, CREATE, asked)
    stripe.pay(made["payment_intent_id"], BANK)
    sent = {"order_number": order.order_number, "payment_intent_id": made["payment_intent_id"]}
    assert (await send(client, CONFIRM, sent))[1]["code"] == "payment_processing"
    assert ((await send(client, CREATE, asked))[1]["code"], len(stripe.payments)) == ("payment_processing", 1)


@pytest.mark.parametrize("number", ["NW-1", "nw-1"])
async def test_a_number_that_can_be_guessed_is_not_paid_signed_out(client, db, stripe, number):
    order = await make_owed_order(db)
    order.order_number = "NW-1"
    await db.commit()
    assert (await send(client, CREATE, {"amount": 65, "order_number": number}))[0] == 404
    assert (await send(client, CONFIRM, {"order_number": number, "payment_intent_id": "pi_123"}))[0] == 404


async def test_a_signed_in_stranger_neither_pays_nor_confirms_anothers_order(client, db, stripe):
    owner, stranger = await make_customer(db), await make_customer(db)
    order = await make_owed_order(db, by=as_actor(owner))
    await sign_in(client, db, stranger)
    for path, body in ((CREATE, {"amount": 65}), (CONFIRM, {"payment_intent_id": "pi_123"}), (LINK, {})):
        status, _ = await send(client, path, body | {"order_number": order.order_number})
        assert (path, status) == (path, 404)
    assert stripe.requests == []


async def test_who_may_ask_for_a_link(client, db, stripe):
    owner, rep = await make_customer(db), await make_staff(db, Role.SALES_REP)
    order = await make_owed_order(db, by=as_actor(owner))
    order.sales_rep_id = rep.id
    await db.commit()
    body = {"order_number": order.order_number}
    assert (await send(client, LINK, body))[0] == 401
    expected: list[tuple[Any, int]] = [
        (owner, 200), (await make_customer(db), 404), (rep, 200), (await make_staff(db, Role.SALES_REP), 404),
        (await make_staff(db, Role.WAREHOUSE), 403), (await make_staff(db, Role.STAFF), 200),
        (await make_staff(db, Role.ADMIN), 200),
    ]  # fmt: skip
    for somebody, status in expected:
        await sign_in(client, db, somebody)
        assert (somebody.username, (await send(client, LINK, body))[0]) == (somebody.username, status)
        client.cookie_jar.clear()


@pytest.mark.parametrize(("scope", "status"), [(KeyScope.VOICE, 200), (KeyScope.AUTOMATION, 200), (KeyScope.SYNC, 403)])
async def test_a_programs_key_asks_for_a_link_within_its_scope(client, db, stripe, scope, status):
    order = await make_owed_order(db)
    answer = await client.post(LINK, json={"order_number": order.order_number}, headers=await make_key(db, scope))
    assert answer.status_code == status
    assert (await client.post(LINK, json={}, headers={"X-API-Key": "nobody"})).status_code == 401


async def test_who_may_see_give_and_use_credit(client, db):
    customer = await make_customer(db)
    order = await make_owed_order(db, by=as_actor(customer))
    credit, use = f"/api/staff/customers/{customer.id}/credit", f"/api/staff/orders/{order.id}/apply-credit"
    assert (await client.get(credit)).status_code == 401
    assert (await send(client, credit, {"amount": 1}))[0] == 401
    assert (await send(client, use, {"amount": 1}))[0] == 401
    expected = {
        Role.ADMIN: (200, 200, 200), Role.MANAGER: (200, 200, 200), Role.STAFF: (200, 403, 200),
        Role.SALES_REP: (200, 403, 403), Role.WAREHOUSE: (403, 403, 403),
    }  # fmt: skip
    for role, statuses in expected.items():
        await sign_in(client, db, await make_staff(db, role))
        seen = (await client.get(credit)).status_code
        found = (seen, (await send(client, credit, {"amount": 10}))[0], (await send(client, use, {"amount": 1}))[0])
        assert (role, found) == (role, statuses)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    for nobody in (999_999, 2**63 - 1):
        assert (await client.get(f"/api/staff/customers/{nobody}/credit")).status_code == 404
        assert (await send(client, f"/api/staff/customers/{nobody}/credit", {"amount": 1}))[0] == 404


async def test_credit_that_would_outgrow_its_column_is_refused_and_not_broken(client, db):
    customer = await make_customer(db)
    order = await make_owed_order(db, by=as_actor(customer))
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    url = f"/api/staff/customers/{customer.id}/credit"
    assert (await send(client, url, {"amount": 9_999_999_999.99}))[0] == 200
    status, body = await send(client, url, {"amount": 0.01})
    assert (status, body["code"]) == (409, "credit_too_large")
    status, body = await send(client, f"/api/staff/orders/{order.id}/mark-paid", {"amount_received": 66})
    assert (status, body["code"], await list_money(db, order.id)) == (409, "credit_too_large", [])
    assert (await send(client, url, {"amount": 0}))[0] == 400


async def test_a_key_belongs_to_one_caller_one_route_and_one_request(client, db, stripe):
    first, second = await make_customer(db), await make_customer(db)
    order = await make_owed_order(db, by=as_actor(first))
    await sign_in(client, db, first)
    status, mine = await send(client, CREATE, {"amount": 12}, key="one")
    assert (await send(client, CREATE, {"amount": 12}, key="one")) == (status, mine)
    # The same key on another route is another request of its own, and the first answer there comes again.
    status, link = await send(client, LINK, {"order_number": order.order_number}, key="one")
    assert (await send(client, LINK, {"order_number": order.order_number}, key="one")) == (200, link)
    assert status == 200
    other = {"order_number": order.order_number, "expires_in_hours": 2}
    assert (await send(client, LINK, other, key="one"))[0] == 422
    assert (await send(client, CREATE, {"amount": 12, "customer_name": "Greta"}, key="one"))[0] == 422
    client.cookie_jar.clear()
    await sign_in(client, db, second)
    _, theirs = await send(client, CREATE, {"amount": 12}, key="one")
    assert theirs["payment_intent_id"] != mine["payment_intent_id"]
    for bad in ("", "k" * 201, "a\tb"):
        assert (await send(client, CREATE, {"amount": 12}, key=bad))[0] == 400


async def test_a_key_whose_payment_stripe_refused_is_free_for_the_next_request(client, db, stripe):
    await sign_in(client, db, await make_customer(db))
    first = {"amount": 12, "customer_email": "greta@kitchen.example"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stripe, "_create_payment", lambda _: (400, {"error": {"message": "No such currency"}}))
        assert (await send(client, CREATE, first, key="one"))[1]["code"] == "stripe_refused"
    assert (await send(client, CREATE, {"amount": 13}, key="one"))[0] == 200
    assert await list_states(db) == ["failed", "open"]


async def test_a_request_whose_first_one_still_runs_is_told_so(client, db, stripe, monkeypatch):
    order = await make_owed_order(db)
    asked = {"amount": 65, "order_number": order.order_number}

    async def run(*_: Any, **__: Any) -> None:
        raise StillRunning("Stripe is still working on the same request.")

    with monkeypatch.context() as patched:
        patched.setattr(ask, "create_payment", run)
        status, body = await send(client, CREATE, asked)
    assert (status, body["code"]) == (409, "request_in_progress")
    assert (await send(client, CREATE, asked))[0] == 200
    assert len(stripe.payments) == 1


@pytest.mark.parametrize("answer", [(409, {"error": {"type": "idempotency_error", "message": "In use."}})])
async def test_stripes_own_conflict_means_that_the_first_request_still_runs(client, db, stripe, monkeypatch, answer):
    order = await make_owed_order(db)
    with monkeypatch.context() as patched:
        patched.setattr(stripe, "_create_payment", lambda _: answer)
        status, body = await send(client, CREATE, {"amount": 65, "order_number": order.order_number})
    assert (status, body["code"], await list_states(db)) == (409, "request_in_progress", ["unknown"])


@pytest.mark.parametrize(
    "body", [{}, {"id": None}, {"id": "pi_1"}, {"object": "list", "data": []}, [], "text", 7, None]
)
async def test_an_answer_of_stripe_that_cannot_be_read_is_a_lost_one(client, db, stripe, monkeypatch, body):
    order = await make_owed_order(db)
    asked = {"amount": 65, "order_number": order.order_number}
    with monkeypatch.context() as patched:
        patched.setattr(stripe, "_create_payment", lambda _: (200, body))
        status, refused = await send(client, CREATE, asked)
    assert (status, refused["code"], await list_states(db)) == (502, "stripe_unknown", ["unknown"])


async def test_a_wrong_secret_key_is_told_and_nothing_is_called_failed(client, app: Quart, db, stripe, stripe_settings):
    order = await make_owed_order(db)
    wrong = stripe_settings.model_copy(update={"stripe_secret_key": "sk_test_theirs"})
    app.config["SETTINGS"] = wrong
    status, body = await send(client, CREATE, {"amount": 65, "order_number": order.order_number})
    assert (status, body["code"], "STRIPE_SECRET_KEY" in body["error"]) == (502, "stripe_key_refused", True)
    app.config["SETTINGS"] = stripe_settings
    assert (await send(client, CREATE, {"amount": 65, "order_number": order.order_number}))[0] == 200
    assert (await list_states(db), len(stripe.payments)) == (["open"], 1)


async def test_twenty_intents_an_hour_and_no_more(db, stripe, stripe_settings):
    app = build_app(stripe_settings.model_copy(update={"rate_limits": "on"}))
    app.testing = True
    order = await make_owed_order(db)
    client = app.test_client()
    asked = {"amount": 65, "order_number": order.order_number}
    assert [(await send(client, CREATE, asked))[0] for _ in range(20)] == [200] * 20
    answer = await client.post(CREATE, json=asked)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    # An address of the caller's own choosing is no other caller.
    again = await client.post(CREATE, json=asked, headers={"X-Forwarded-For": "203.0.113.9"})
    assert again.status_code == 429
    assert (await db.execute(select(func.count()).select_from(StripeIntent))).scalar_one() == 1


async def test_two_callers_in_one_moment_get_one_intent(committed, app: Quart, stripe):
    async with committed.session() as db:
        order = await make_owed_order(db, by=GUEST)
    asked = {"amount": 65, "order_number": order.order_number}
    answers = await asyncio.gather(*(send(app.test_client(), CREATE, asked) for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({body["payment_intent_id"] for _, body in answers}) == len(stripe.payments) == 1


async def test_one_key_in_one_moment_makes_one_payment(committed, app: Quart, stripe):
    async with committed.session() as db:
        client = app.test_client()
        await sign_in(client, db, await make_customer(db))
        await db.commit()
    answers = await asyncio.gather(*(send(client, CREATE, {"amount": 12}, key="one") for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({body["payment_intent_id"] for _, body in answers}) == len(stripe.payments) == 1


async def test_credit_taken_by_many_at_once_never_falls_below_zero(committed, app: Quart):
    async with committed.session() as db:
        customer = await make_customer(db)
        client = app.test_client()
        await sign_in(client, db, await make_staff(db, Role.MANAGER))
        await make_product(db)
        await db.commit()
    url = f"/api/staff/customers/{customer.id}/credit"
    await send(client, url, {"amount": 10})
    answers = await asyncio.gather(*(send(client, url, {"amount": -3}) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] * 3 + [409] * 5
    shown = await (await client.get(url)).get_json()
    assert (shown["credit_balance"], [line["balance_after"] for line in shown["history"]]) == (
        1.0,
        [1.0, 4.0, 7.0, 10.0],
    )
