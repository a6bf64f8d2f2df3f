"""The audit page: what it finds, under which tab it stands, and what one act did as one row."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.kernel.audit import record_audit, record_export
from domain.order_desk.bulk import confirm_orders
from domain.order_desk.move import move_order
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.system import trail, trail_pages, trail_search
from domain.system.trail_search import list_trail
from models import AuditAction, AuditEntry, Order, OrderEvent, OrderEventKind, OrderStatus, PaymentMethod, Role
from portal.administration import staff_users
from portal.customers import customer as customer_page
from tests.factories import as_actor, make_staff, sign_in
from tests.portal.desk import place
from tests.portal.forms import read_page


@pytest.fixture
async def admin(client, db):
    person = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, person)
    return person


@pytest.mark.parametrize("looked_up", [500, 0])
async def test_the_history_is_searched_by_person_act_and_number(
    client, db, admin, monkeypatch: pytest.MonkeyPatch, looked_up: int
) -> None:
    monkeypatch.setattr(trail, "MOST_LOOKED_UP", looked_up)
    mine, _ = await place(db)
    other = as_actor(await make_staff(db, Role.MANAGER, full_name="Luis Ocampo"))
    row = (await db.execute(select(Order).where(Order.order_number == mine))).scalar_one()
    await move_order(db, row.id, to=OrderStatus.CONFIRMED, by=other)
    await place(db)
    await db.commit()
    for text, count in ((mine.lower(), 2), (mine[-2:], None), (mine[4:9], 2), ("ocam", 1), ("MOVE", 1), ("qzx", 0)):
        asked = trail.TrailFilters(q=text)
        whole = await list_trail(db, asked.model_copy(update={"whole": True}), timezone=UTC)
        bounded = await list_trail(db, asked, timezone=UTC)
        assert (bounded.page, bounded.counted, bounded.looked_back_to) == (whole.page, whole.counted, None)
        page, counted = whole.page, whole.counted
        found = [each for each in page.rows if each.source == "order"]
        names = {each.record_name for each in found}
        assert counted.count == len(page.rows)
        assert names <= {mine} or count is None
        assert mine in names or not count
        assert count in {len(found), None}


async def test_a_search_of_the_history_says_how_far_it_looked_and_finds_people_beyond(
    client, db, admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_search, "MOST_LOOKED_THROUGH", 3)
    mine, _ = await place(db)
    other = as_actor(await make_staff(db, Role.MANAGER, full_name="Luis Ocampo"))
    row = (await db.execute(select(Order).where(Order.order_number == mine))).scalar_one()
    await move_order(db, row.id, to=OrderStatus.CONFIRMED, by=other)
    await db.execute(update(OrderEvent).values(created_at=OrderEvent.created_at - timedelta(days=1)))
    for _ in range(4):
        await place(db)
    await db.commit()
    for words, nearby, everywhere in (("ocam", 1, 1), (mine.lower(), 2, 2), ("MOVE", 0, 1), ("placed", 3, 5)):
        found = await list_trail(db, trail.TrailFilters(q=words), timezone=UTC)
        whole = await list_trail(db, trail.TrailFilters(q=words, whole=True), timezone=UTC)
        counts = [sum(each.source == "order" for each in one.page.rows) for one in (found, whole)]
        assert counts == [nearby, everywhere], words
        assert (found.looked_back_to is not None, found.knows_names, whole.looked_back_to) == (True, True, None)
        assert found.counted.count == len(found.page.rows)
    deep = await list_trail(db, trail.TrailFilters(q="placed", per_page=2, page=2), timezone=UTC)
    assert [each.source for each in deep.page.rows] == ["order"]
    page = await read_page(client, "/portal/audit?q=move")
    assert 'href="/portal/audit?q=move&amp;whole=true">Look through all changes' in page
    assert "People by their present names" in page
    monkeypatch.setattr(trail_search, "MOST_PEOPLE", 0)
    assert "Looked back to" in await read_page(client, "/portal/audit?q=ocam")
    assert "Look through" not in await read_page(client, "/portal/audit?q=move&whole=true")


async def test_each_change_belongs_to_one_tab_and_money_is_a_cut_of_all(
    client, db, admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = as_actor(admin)
    number, _ = await place(db)
    order_id = await db.scalar(select(Order.id).where(Order.order_number == number))
    await mark_paid(db, order_id, MarkPaid(payment_method=PaymentMethod.CASH), by=by)
    await record_export(db, "invoice", {}, by=by)
    await move_order(db, order_id, to=OrderStatus.CONFIRMED, by=by)
    for action, kind in (
        (AuditAction.CUSTOMER_CREDIT_ADJUSTED, "customer"), (AuditAction.PRODUCT_UPDATED, "product"),
        (AuditAction.RFQ_MOVED, "rfq"), (AuditAction.STAFF_CREATED, "staff"),
    ):  # fmt: skip
        await record_audit(db, action=action, record_kind=kind, record_id=1, by=by)
    for most, is_counted in ((10_000, True), (3, False)):
        monkeypatch.setattr(trail_pages, "MOST_COUNTED", most)
        listed = {}
        for tab in trail.TrailTab:
            found = await list_trail(db, trail.TrailFilters(tab=tab, who=f"staff:{admin.id}"), timezone=UTC)
            listed[tab] = [row.id for row in found.page.rows]
            assert (found.tabs is not None) is is_counted
            assert found.tabs is None or found.tabs[tab] == len(found.page.rows) == found.counted.count
        everything = listed.pop(trail.TrailTab.ALL)
        assert sorted(everything) == sorted(row for rows in listed.values() for row in rows)
        assert {tab.value: len(rows) for tab, rows in listed.items()} == {
            "orders": 1, "money": 2, "products": 1, "customers": 1, "calls": 1, "settings": 1,
        }  # fmt: skip
    page = await read_page(client, f"/portal/audit?who=staff:{admin.id}&money=true")
    assert page.count("<li id=") == 2
    assert "credit adjusted" in page
    assert "payment received" in page
    assert "tab=orders" in page


async def test_what_one_act_did_to_several_orders_is_one_row(client, db, admin) -> None:
    numbers = sorted([(await place(db))[0] for _ in range(3)])
    await confirm_orders(db, numbers, by=as_actor(admin))
    await db.commit()
    page = await read_page(client, f"/portal/audit?who=staff:{admin.id}&record_kind=order")
    assert page.count('id="entry-order-') == 1
    assert "3 orders</b>" in page
    for number in numbers:
        assert f'href="/portal/orders/{number}"' in page


@pytest.mark.parametrize("filters", [{}, {"tab": "orders"}, {"tab": "products"}, {"who": "system"}, {"money": True}])
async def test_deep_pages_are_those_of_the_whole_list(
    db, monkeypatch: pytest.MonkeyPatch, filters: dict[str, Any]
) -> None:
    dice = random.Random(7)
    number, _ = await place(db)
    order_id = await db.scalar(select(Order.id).where(Order.order_number == number))
    # Several at one moment, and days on which there is nothing.
    moments = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=8 * dice.randrange(40)) for _ in range(60)]
    for moment in moments:
        kind = dice.choice(("system", "staff"))
        if dice.random() < 0.5:
            about: dict[str, Any] = {
                "record_kind": dice.choice(("product", "customer")),
                "action": AuditAction.PRODUCT_UPDATED,
            }
            db.add(AuditEntry(**about, actor_kind=kind, created_at=moment))
        else:
            what = dice.choice((OrderEventKind.PAID, OrderEventKind.HELD))
            db.add(OrderEvent(order_id=order_id, kind=what, actor_kind=kind, created_at=moment))
    await db.flush()
    every = (await list_trail(db, trail.TrailFilters(**filters, per_page=200), timezone=UTC)).page.rows
    assert len(every) > 10
    assert sorted(every, key=lambda row: (-row.created_at.timestamp(), row.source, -row.id)) == every
    monkeypatch.setattr(trail_pages, "MOST_COUNTED", 3)
    shown: list[trail.TrailRow] = []
    for page in range(1, len(every) // 4 + 3):
        asked = trail.TrailFilters(**filters, per_page=4, page=page)
        shown += (await list_trail(db, asked, timezone=UTC)).page.rows
    assert shown == every


def test_every_act_on_an_account_has_its_words() -> None:
    for kind, words in (("customer.", customer_page.ACTION_WORDS), ("staff.", staff_users.ACTION_WORDS)):
        assert {act for act in AuditAction if act.value.startswith(kind)} == {*words}
