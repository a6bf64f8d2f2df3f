"""The pages of subscriptions and scores: what they show, what is done on them, and who may."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from documents.filters import format_day
from domain.kernel.clock import business_today
from domain.subscriptions.links import make_subscription_link
from models import CallingEntry, CustomerScore, JobRun, OutboxMessage, Renewal, Role, ScoreRun, Subscription
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories import make_customer, make_product
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form
from tests.portal.test_merging_forms import read_form

LIST = "/portal/subscriptions"


async def test_failed_renewals_come_first_and_the_next_days_are_summed(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    today = business_today(settings.timezone)
    await subscribe(db, settings)
    failed = await subscribe(db, settings, retry_on=today + timedelta(days=1), failures=1)
    db.add(
        Renewal(
            subscription_id=failed.id, product_id=failed.product_id, due_date=today, attempt=1,
            status="failed", quantity=10, unit_price=Decimal(20),
            delivery_fee=Decimal(25), amount=Decimal(215), error="Your card was declined.",
        )
    )  # fmt: skip
    await db.commit()
    page = await read_page(client, LIST)
    assert page.index("Your card was declined.") < page.index("Next 30 days")
    assert "$215.00 not taken" in page
    due = page.index("Next 30 days")
    assert '<b class="fw-semibold">$215.00</b>' in page[due:]
    one = await read_page(client, f"{LIST}/{failed.id}")
    assert "Renewal failed" in one
    alone = await read_page(client, f"{LIST}?failed=true")
    assert f'id="subscription-{failed.id}"' in alone
    assert alone.count('id="subscription-') == 1
    file = await (await client.get(f"{LIST}.csv?failed=true")).get_data(as_text=True)
    assert [row.split(",")[0] for row in file.splitlines()[1:]] == [str(failed.id)]
    await open_as(client, db, Role.WAREHOUSE)
    assert (await client.get(LIST)).status_code == 403


async def test_a_subscription_is_paused_resumed_and_ended_on_its_page(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    made = await subscribe(db, settings)
    for act, word in (("pause", "Paused"), ("resume", "Active"), ("cancel", "Cancelled")):
        assert "?" in await read_page(client, f"{LIST}/{made.id}/{act}")
        status, _, leads_to = await send_form(client, f"{LIST}/{made.id}/{act}")
        assert (status, leads_to.split("?")[0]) == (303, f"{LIST}/{made.id}"), act
        assert word in await read_page(client, f"{LIST}/{made.id}")
    shown = await read_page(client, f"{LIST}/{made.id}")
    assert [word in shown for word in ("Paused</", "Ended")] == [False, True]
    status, page, _ = await send_form(client, f"{LIST}/{made.id}/resume")
    assert (status, "cancelled and can&#39;t be changed" in page) == (409, True)


async def test_a_declined_renewal_shows_its_tries_and_those_to_come(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    today = business_today(settings.timezone)
    made = await subscribe(db, settings, retry_on=today + timedelta(days=3), failures=2)
    for attempt in (1, 2):
        db.add(
            Renewal(
                subscription_id=made.id, product_id=made.product_id, due_date=today, attempt=attempt, status="failed",
                quantity=10, unit_price=Decimal(20), delivery_fee=Decimal(25), amount=Decimal(215), error="Declined",
                payment_intent_id=f"pi_{attempt}",
            )
        )  # fmt: skip
    await db.commit()
    page = " ".join((await read_page(client, f"{LIST}/{made.id}")).split())
    track = page[page.index('id="retry"') :].partition("</ol>")[0]
    assert track.count('class="failed"') == 2
    assert [word in track for word in ("Declined", "Retry 1", "Retry 2", "Retry 3", "Pauses")] == [True] * 5
    # A card that failed is mended by the customer: that comes first, as in the list; charging it again is in the menu.
    primary = re.findall(r'class="btn btn-primary"[^>]*hx-get="([^"]+)"', page)
    assert primary == [f"/portal/subscriptions/{made.id}/mail"]
    assert f"/portal/subscriptions/{made.id}/renew" in page


async def make_heron(db: Any) -> Any:
    return await make_customer(
        db,
        company_name="Blue Heron Diner",
        shipping_street="1 Elm St",
        shipping_city="Erie",
        shipping_state="PA",
        shipping_zip="16501",
        email="orders@blueheron.com",
    )


def fill_enrolment(customer: Any, **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "user_id": customer.id, "quantity": 6, "interval_days": 28, "discount_pct": 5,
        "delivery_name": "Kim", "delivery_email": "orders@blueheron.com", "delivery_address": "1 Elm St",
        "delivery_city": "Erie", "delivery_state": "PA", "delivery_zip": "16501", "pays_with": "email",
    }  # fmt: skip
    return usual | more


async def test_a_customer_is_enrolled_by_a_link_that_asks_for_the_card(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    customer, product = await make_heron(db), await make_product(db)
    await db.commit()
    assert "Blue Heron Diner" in await read_page(client, f"{LIST}/new?q=heron")
    page = f"{LIST}/new?customer={customer.id}"
    assert "Too few orders for a suggestion" in await read_page(client, page)
    form = fill_enrolment(customer, product_sku=product.sku)
    status, shown, _ = await send_form(client, page, f"{LIST}/new", **form | {"quantity": 3, "product_sku": "none"})
    assert (status, "is-invalid" in shown) == (422, True)
    status, shown, _ = await send_form(client, page, f"{LIST}/new", **form | {"pays_with": "text"})
    assert (status, "Is needed to text the link" in shown) == (422, True)
    status, _, leads_to = await send_form(client, page, f"{LIST}/new", **form)
    assert (status, leads_to.startswith(LIST)) == (303, True)
    made = (await db.scalars(select(Subscription))).one()
    assert (made.status, made.quantity, made.stripe_payment_method_id) == ("paused", 6, "")
    mail = (await db.scalars(select(OutboxMessage))).one()
    assert (mail.kind, mail.recipient) == ("subscription_link", "orders@blueheron.com")
    status, shown, _ = await send_form(client, f"{LIST}/{made.id}/resume")
    assert (status, "once the customer has saved a card" in shown) == (409, True)


async def test_the_product_is_found_by_letters_and_its_quantity_may_stand_before_it(client: Any, db: Any) -> None:
    await open_as(client, db, Role.STAFF)
    customer, product = await make_heron(db), await make_product(db, name="Parchment sheet", sku="PCH-1826")
    await db.commit()
    page, form = f"{LIST}/new?customer={customer.id}", fill_enrolment(customer)
    _, hits, _ = await send_form(client, page, f"{LIST}/new", **form, product_q="parch", act="find")
    assert f'value="add:{product.sku}"' in hits
    _, shown, _ = await send_form(client, page, f"{LIST}/new", **form, product_q="nothing like it", act="enter")
    assert "No product has the code nothing like it." in shown
    for act in ("enter", f"add:{product.sku}"):
        _, shown, _ = await send_form(client, page, f"{LIST}/new", **form, product_q="12x parch", act=act)
        assert 'name="product_sku" value="PCH-1826"' in shown
        assert re.search(r'name="quantity"\s+inputmode="numeric" value="12"', shown)
    _, shown, _ = await send_form(client, page, f"{LIST}/new", **form, product_sku=product.sku, act="other")
    assert 'name="product_sku"' not in shown
    assert (await db.scalars(select(Subscription))).all() == []


async def test_a_customer_is_enrolled_with_the_card_that_they_have_saved(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    customer, product = await make_heron(db), await make_product(db)
    saved = await subscribe(
        db, settings, customer_id=customer.id, pays_by="Visa ending 4242", pays_by_id="pm_card_visa"
    )
    ended = await subscribe(db, settings, customer_id=customer.id, method="pm_old", status="cancelled")
    other = await subscribe(db, settings, method="pm_other")
    page = f"{LIST}/new?customer={customer.id}"
    shown = await read_page(client, page)
    assert f'<option value="{saved.id}">Visa ending 4242</option>' in shown
    assert f'<option value="{ended.id}">' not in shown
    form = fill_enrolment(customer, product_sku=product.sku)
    for wrong in (ended, other):
        status, shown, _ = await send_form(client, page, f"{LIST}/new", **form | {"pays_with": wrong.id})
        assert (status, "Is no longer saved; choose again" in shown) == (422, True)
    status, _, leads_to = await send_form(client, page, f"{LIST}/new", **form | {"pays_with": saved.id})
    assert status == 303
    made = await db.get(Subscription, int(leads_to.rpartition("/")[2].split("?")[0]))
    assert (made.status, made.stripe_customer_id, made.stripe_payment_method_id, made.pays_by) == (
        "active", "cus_1", "pm_card_visa", "Visa ending 4242",
    )  # fmt: skip
    assert made.next_renewal_date == business_today(settings.timezone) + timedelta(days=28)


async def test_a_subscription_is_edited_and_merged_with_what_a_colleague_changed(
    client: Any, db: Any, settings: Any
) -> None:
    await open_as(client, db, Role.STAFF)
    today = business_today(settings.timezone)
    late = today - timedelta(days=2)
    made = await subscribe(db, settings, next_renewal_date=late, retry_on=today + timedelta(days=1), failures=1)
    page = f"{LIST}/{made.id}/edit"
    mine = read_form(await read_page(client, page), page)
    theirs = mine | {"notes": "Back door", "discount_pct": "7"}
    assert (await send_form(client, page, **theirs))[0] == 303
    # The failed renewal keeps its day and its next try, since the date was left alone.
    assert (await send_form(client, page, **mine | {"quantity": "12"}))[0] == 303
    await db.refresh(made)
    assert (made.quantity, made.notes, made.discount_pct) == (12, "Back door", Decimal(7))
    assert (made.next_renewal_date, made.retry_on, made.failures) == (late, today + timedelta(days=1), 1)
    status, shown, _ = await send_form(client, page, **mine | {"discount_pct": "9"})
    assert (status, "yours “9”, theirs “7.00”" in shown) == (409, True)
    status, shown, _ = await send_form(client, page, **mine | {"next_renewal_date": str(today - timedelta(days=1))})
    assert (status, "Must not be in the past" in shown) == (422, True)
    await open_as(client, db, Role.SALES_REP)
    assert (await client.get(page)).status_code == 403


async def test_the_list_is_sorted_and_a_day_of_the_calendar_leads_to_its_rows(
    client: Any, db: Any, settings: Any
) -> None:
    await open_as(client, db, Role.STAFF)
    today = business_today(settings.timezone)
    small = await make_product(db, unit_price=Decimal("2.00"), stock_quantity=15)
    late = await subscribe(db, settings, next_renewal_date=today - timedelta(days=1))
    first = await subscribe(db, settings, product=small, next_renewal_date=today + timedelta(days=3))
    short = await subscribe(db, settings, product=small, next_renewal_date=today + timedelta(days=9))
    rests = await subscribe(db, settings, product=small, status="paused", next_renewal_date=today)

    async def order(query: str) -> list[int]:
        page = await read_page(client, f"{LIST}{query}")
        return [int(found) for found in re.findall(r'id="subscription-(\d+)"', page)]

    assert await order("") == [late.id, first.id, short.id, rests.id]
    assert await order("?sort=-next") == [short.id, first.id, late.id, rests.id]
    assert await order("?sort=-amount") == [late.id, first.id, short.id, rests.id]
    assert await order("?sort=amount&status=active") == [first.id, short.id, late.id]
    assert await order(f"?due={today}") == [late.id]
    assert await order(f"?due={today + timedelta(days=9)}") == [short.id]
    page = await read_page(client, LIST)
    # 10 × $20.00 less 5 % and the fee, and twice 10 × $2.00 less 5 % and the fee.
    assert '<b class="fw-semibold">$303.00</b>' in page
    words = re.sub(r"[ \n]+", " ", page)
    assert page.count("stock\n      short") == 1
    assert f"5 short from {format_day(short.next_renewal_date, today=today)}" in words
    after = await read_page(client, f"{LIST}/{first.id}?via=all")
    assert f'href="{LIST}/{short.id}?via=all"' in after


async def test_the_office_skips_sends_the_link_and_offers_another_product(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    today = business_today(settings.timezone)
    made = await subscribe(db, settings, quantity=101, retry_on=today + timedelta(days=1))
    other = await make_product(db, stock=500, name="Deeper pan")
    await db.commit()
    assert "Deeper pan" in await read_page(client, f"{LIST}/{made.id}/substitute")
    status, _, _ = await send_form(client, f"{LIST}/{made.id}/substitute", product_id=other.id)
    assert status == 303
    path = make_subscription_link(made.id, settings=settings).url.removeprefix(settings.public_url.rstrip("/"))
    assert "101 × Deeper pan" in " ".join((await read_page(client, path)).split())
    assert (await send_form(client, path, f"{path}/substitute", take="true"))[0] == 303
    await db.refresh(made)
    assert (made.substitute_id, made.substitute_agreed, made.retry_on) == (other.id, True, today)
    for act in ("mail", "skip"):
        assert (await send_form(client, f"{LIST}/{made.id}/{act}"))[0] == 303
    status, _, _ = await send_form(client, f"{LIST}/{made.id}/text")
    assert status == 422
    await db.refresh(made)
    assert (made.next_renewal_date, made.retry_on) == (today + timedelta(days=30), None)
    assert [mail.kind for mail in (await db.scalars(select(OutboxMessage).order_by(OutboxMessage.id))).all()] == [
        "subscription_substitute", "subscription_link",
    ]  # fmt: skip


@pytest.mark.parametrize(("take", "said"), [("true", "Another product agreed"), ("false", "Another product declined")])
async def test_the_history_says_how_an_offer_was_answered(
    client: Any, db: Any, settings: Any, take: str, said: str
) -> None:
    await open_as(client, db, Role.STAFF)
    other = await make_product(db, name="Deeper pan")
    made = await subscribe(db, settings, substitute_id=other.id)
    await db.commit()
    path = make_subscription_link(made.id, settings=settings).url.removeprefix(settings.public_url.rstrip("/"))
    assert (await send_form(client, path, f"{path}/substitute", take=take))[0] == 303
    page = await read_page(client, f"{LIST}/{made.id}")
    assert [words for words in ("Another product agreed", "Another product declined") if words in page] == [said]


async def test_scores_say_their_tier_their_reason_and_how_true_they_were(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    assert "No scores yet" in await read_page(client, "/portal/scores")
    customer = await make_customer(db, company_name="Blue Heron Diner")
    tenth = {"predicted": 12.0, "actual": 10.0, "naive": 16.0}
    run = ScoreRun(
        customers=1, weeks=60,
        calibration={
            "since": "2026-08-01", "predicted": 120.0, "actual": 100.0, "error": 0.2, "naive_error": 0.6,
            "tenths": [tenth] * 10,
        },
    )  # fmt: skip
    db.add(run)
    await db.flush()
    db.add(
        CustomerScore(
            customer_id=customer.id, run_id=run.id, frequency=5, recency_days=70, age_days=101, median_gap=14.0,
            last_order_on=business_today(settings.timezone) - timedelta(days=31), p_alive=0.61,
            monetary_value=Decimal(90),
            expected_orders_30d=0.5, expected_orders_90d=1.5, expected_revenue_90d=Decimal(135), is_overdue=True,
            tier="at_risk",
        )
    )  # fmt: skip
    await db.commit()
    page = await read_page(client, "/portal/scores?tier=at_risk")
    assert "Every 14 days, 31 days silent" in page
    assert "Alive 30–80%, and overdue" in page
    assert "120 orders predicted, 100 came: 20.0% too high." in page
    assert "<b>20.0% too high</b>" in page
    assert "each customer’s own average: 60.0%" in page
    file = await (await client.get("/portal/scores.csv?tier=at_risk")).get_data(as_text=True)
    assert "Blue Heron Diner,at_risk,5,31,yes,0.6100,0.5000,1.5000,135.00" in file
    entry = CallingEntry(customer_id=customer.id, phone="+12165550171", company_name="Blue Heron Diner")
    db.add(entry)
    await db.commit()
    assert "61%, at risk" in " ".join((await read_page(client, f"/portal/calling/{entry.id}")).split())
    assert "customer at risk" not in await read_page(client, "/portal")
    await open_as(client, db, Role.MANAGER)
    assert "1 customer at risk" in await read_page(client, "/portal")
    await check_calling_today(client, db, customer, entry, settings)
    status, _, _ = await send_form(client, "/portal/scores", "/portal/scores/compute")
    assert status == 303
    assert (await db.scalars(select(JobRun.name).where(JobRun.name == "score_customers"))).all() == ["score_customers"]


async def check_calling_today(client: Any, db: Any, customer: Any, entry: Any, settings: Any) -> None:
    """The customer is put among today's calls, once; one who asked not to be called is not."""
    today, url = business_today(settings.timezone), f"/portal/scores/{customer.id}/call"
    assert "Add to calls" in await read_page(client, "/portal/scores")
    status, _, leads_to = await send_form(client, "/portal/scores", f"{url}?tier=at_risk")
    assert (status, leads_to) == (303, "/portal/scores?tier=at_risk")
    await db.refresh(entry)
    assert entry.callback_on == today
    assert "Add to calls" not in await read_page(client, "/portal/scores")
    await db.delete(entry)
    customer.phone = "+12165550172"
    await db.commit()
    assert (await send_form(client, "/portal/scores", url))[0] == 303
    made = (await db.scalars(select(CallingEntry))).one()
    assert (made.customer_id, made.phone, made.callback_on, made.status) == (
        customer.id, "+12165550172", today, "customer",
    )  # fmt: skip
    customer.do_not_call = True
    await db.commit()
    status, page, _ = await send_form(client, "/portal/scores", url)
    assert (status, "asked not to be called" in page) == (409, True)
    assert "Not to be called" in await read_page(client, "/portal/scores")
