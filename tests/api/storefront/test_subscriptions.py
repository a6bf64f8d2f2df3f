"""A customer's own subscriptions in the shop: theirs alone, and what they change on them."""

from datetime import timedelta
from typing import Any

from domain.kernel.clock import business_today
from models import SubscriptionStatus
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories import make_customer, sign_in
from tests.statements import noted_statements

MINE = "/api/subscriptions/mine"


async def test_a_customer_reads_and_changes_their_own_subscriptions(client: Any, db: Any, settings: Any) -> None:
    owner, stranger = await make_customer(db), await make_customer(db)
    due = business_today(settings.timezone) + timedelta(days=5)
    made = await subscribe(db, settings, customer_id=owner.id, next_renewal_date=due)
    await subscribe(db, settings, customer_id=stranger.id)
    assert (await client.get(MINE)).status_code == 401
    await sign_in(client, db, owner)
    [shown] = await (await client.get(MINE)).get_json()
    assert (shown["id"], shown["amount"], shown["next_renewal_date"]) == (made.id, 215.0, due.isoformat())

    answer = await client.patch(MINE, json={"subscription_id": made.id, "quantity": 20, "skip": True})
    body = await answer.get_json()
    assert (answer.status_code, body["quantity"], body["amount"]) == (200, 20, 380.0)
    assert (body["next_renewal_date"], body["last_renewal"]["status"]) == (
        (due + timedelta(days=30)).isoformat(), "skipped",
    )  # fmt: skip
    later = (due + timedelta(days=9)).isoformat()
    moved = await client.patch(MINE, json={"subscription_id": made.id, "next_renewal_date": later, "status": "paused"})
    body = await moved.get_json()
    assert (body["next_renewal_date"], body["status"]) == (later, "paused")
    again = await client.patch(MINE, json={"subscription_id": made.id, "status": "paused"})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "state_not_allowed")
    for bad in ({"quantity": 3}, {"next_renewal_date": "2020-01-01"}, {"resume_on": later}, {"quantity": "x"}):
        refused = await client.patch(MINE, json={"subscription_id": made.id} | bad)
        assert (refused.status_code, list((await refused.get_json())["fields"])) == (400, list(bad))
    await sign_in(client, db, stranger)
    foreign = await client.patch(MINE, json={"subscription_id": made.id, "quantity": 8})
    assert foreign.status_code == 404


async def test_a_strangers_ended_subscription_is_as_unknown_as_any_other(client: Any, db: Any, settings: Any) -> None:
    owner, stranger = await make_customer(db), await make_customer(db)
    made = await subscribe(db, settings, customer_id=owner.id)
    made.status = SubscriptionStatus.CANCELLED
    await db.flush()
    await sign_in(client, db, stranger)
    assert (await client.patch(MINE, json={"subscription_id": made.id, "quantity": 8})).status_code == 404
    await sign_in(client, db, owner)
    assert (await client.patch(MINE, json={"subscription_id": made.id, "quantity": 8})).status_code == 409


async def test_many_subscriptions_are_read_by_as_many_statements_as_one(
    client: Any, db: Any, settings: Any, database: Any
) -> None:
    owner = await make_customer(db)
    await sign_in(client, db, owner)
    counts, amounts = [], []
    for rest in (0, 4):
        for _ in range(1 + rest):
            await subscribe(db, settings, customer_id=owner.id)
        async with noted_statements(database) as statements:
            shown = await (await client.get(MINE)).get_json()
        counts.append(len(statements))
        amounts.append([each["amount"] for each in shown])
    assert amounts == [[215.0], [215.0] * 6]
    assert counts[0] == counts[1]
