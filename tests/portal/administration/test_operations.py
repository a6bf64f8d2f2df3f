"""Administrators see the outbox, the jobs, the audit trail and the mail test, and can send and do things again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.counting import MOST_COUNTED
from domain.messages.letter import Letter
from domain.messages.list_messages import OutboxFilters, OutboxTab, list_messages
from domain.messages.outbox import Secret, queue_mail, queue_text
from domain.order_desk.move import move_order
from models import (
    AuditAction,
    AuditEntry,
    JobRun,
    JobState,
    MessageState,
    Order,
    OrderStatus,
    OutboxMessage,
    PaymentState,
    Role,
)
from tests.factories import as_actor, make_staff, sign_in
from tests.portal.desk import place
from tests.portal.forms import TOKEN, read_page, send, send_form

PAGES = ["/portal/outbox", "/portal/jobs", "/portal/audit", "/portal/mail-test"]


async def add_message(db, state: str = "failed", **values) -> OutboxMessage:
    message = OutboxMessage(
        **{"channel": "email", "kind": "test", "recipient": "kim@kitchen.example", "subject": "Your order"}
        | {"body_text": "Hello <b>Kim</b>.\n\nBye.", "state": state}
        | values
    )
    db.add(message)
    await db.flush()
    return message


async def add_run(db, state: str = "failed", **values) -> JobRun:
    fields: dict[str, Any] = {"name": "import_products", "payload": {"file_id": 3}, "state": state, "starts": 3}
    run = JobRun(**(fields | values))
    db.add(run)
    await db.flush()
    return run


@pytest.fixture
async def admin(client, db):
    person = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, person)
    return person


@pytest.mark.parametrize("path", [*PAGES, "/portal/outbox/1", "/portal/jobs/1"])
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_only_administrators_see_these_pages(client, db, path, role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize("path", PAGES)
async def test_an_empty_page_says_what_it_is_for(client, admin, path) -> None:
    page = await read_page(client, path)
    assert "<h1>" in page
    assert 'aria-current="page"' in page
    assert "0 of 0" not in page


async def test_on_phones_a_page_is_named_as_its_title_where_it_has_no_shorter_name(client, admin) -> None:
    page = await read_page(client, "/portal/jobs")
    assert re.findall(r"<title>(.+?) ·|</button>\s*<b>(.+?)</b>", page) == [("Jobs", ""), ("", "Jobs")]


async def queue_link(db: AsyncSession, **more: Any) -> OutboxMessage:
    await queue_mail(
        db,
        Letter(
            "staff_password_reset",
            "Set a new password",
            "This link sets one:\n\nhttps://desk.example/reset?token=opens-the-door",
        ),
        to="kim@kitchen.example",
        secret=Secret("opens-the-door", now() + timedelta(hours=1)),
    )
    message = (await db.scalars(select(OutboxMessage))).one()
    for name, value in more.items():
        setattr(message, name, value)
    await db.flush()
    return message


async def test_a_link_in_the_outbox_is_shown_in_development_alone(client, app, db, admin, monkeypatch) -> None:
    message = await queue_link(db)
    assert "opens-the-door" not in message.body_text + (message.secret_sealed or "")
    path = f"/portal/outbox/{message.id}"
    assert "reset?token=opens-the-door" in await read_page(client, path)
    production = app.config["SETTINGS"].model_copy(update={"app_env": "production"})
    monkeypatch.setitem(app.config, "SETTINGS", production)
    assert "reset?token=…" in await read_page(client, path)
    text = await queue_text_code(db)
    assert "… is your code" in await read_page(client, "/portal/outbox")
    assert "246810" not in text.body_text


async def queue_text_code(db: AsyncSession) -> OutboxMessage:
    secret = Secret("246810", now() + timedelta(minutes=10))
    await queue_text(db, kind="phone_code", to="+13125550142", text="246810 is your code.", secret=secret)
    return (await db.scalars(select(OutboxMessage).where(OutboxMessage.kind == "phone_code"))).one()


async def test_opening_a_message_stands_in_the_audit_trail_once_an_hour(client, db, admin) -> None:
    message = await queue_link(db)
    for _ in range(2):
        await read_page(client, f"/portal/outbox/{message.id}")
    entry = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "outbox.opened"))).one()
    assert (entry.record_id, entry.record_name, entry.actor_id) == (
        message.id,
        "staff password reset to kim@kitchen.example",
        admin.id,
    )


@pytest.mark.parametrize("lost", [{"secret_sealed": None}, {"secret_expires_at": now() - timedelta(minutes=1)}])
async def test_a_message_whose_link_works_no_more_is_not_sent_again(client, db, admin, lost) -> None:
    message = await queue_link(db, state="failed", **lost)
    path = f"/portal/outbox/{message.id}"
    assert "Send again" not in await read_page(client, path)
    assert await send_form(client, path, f"{path}/again") == (303, "", path)
    await db.refresh(message)
    assert message.state == "failed"


async def test_the_outbox_filters_by_state_way_and_words(client, db, admin) -> None:
    await add_message(db, "failed", recipient="failed@kitchen.example", last_error="550 no such mailbox")
    await add_message(db, "sent", recipient="sent@kitchen.example")
    await add_message(db, "sent", channel="text", recipient="+12165550148", subject="")
    failed = await read_page(client, "/portal/outbox?state=failed")
    assert "failed@kitchen.example" in failed
    assert "550 no such mailbox" in failed
    assert "sent@kitchen.example" not in failed
    texts = await read_page(client, "/portal/outbox?channel=text")
    assert "+12165550148" in texts
    assert "sent@kitchen.example" not in texts
    found = await read_page(client, "/portal/outbox?q=SENT@")
    assert "sent@kitchen.example" in found
    assert "failed@kitchen.example" not in found
    assert "No messages match" in await read_page(client, "/portal/outbox?q=nothing-like-it")
    assert "Left out of the filters: state" in await read_page(client, "/portal/outbox?state=odd")


async def test_a_message_shows_its_text_escaped_and_is_queued_again_once(client, db, admin) -> None:
    message = await add_message(db, "failed", last_error="550 no such mailbox")
    run = await add_run(db, "failed", name="send_message", payload={"message_id": message.id})
    path = f"/portal/outbox/{message.id}"
    page = await read_page(client, path)
    assert "Hello &lt;b&gt;Kim&lt;/b&gt;." in page
    assert "550 no such mailbox" in page
    assert (await send_form(client, path, f"{path}/again"))[::2] == (303, path)
    await db.refresh(message)
    await db.refresh(run)
    assert (message.state, run.state) == ("queued", "done")
    token = TOKEN.search(await read_page(client, path))
    assert token is not None
    assert (await send(client, f"{path}/again", token[1]))[0] == 303
    queued = select(func.count()).select_from(JobRun).where(JobRun.state == "queued")
    assert await db.scalar(queued) == 1
    entry = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "outbox.sent_again"))).one()
    assert (entry.action, entry.record_id, entry.actor_id) == ("outbox.sent_again", message.id, admin.id)


async def test_ticked_messages_are_queued_again_and_sent_ones_left_alone(client, db, admin) -> None:
    failed, not_sent, sent = [await add_message(db, state) for state in ("failed", "not_sent", "sent")]
    ids = [failed.id, not_sent.id, sent.id]
    status, _, place = await send_form(client, "/portal/outbox", "/portal/outbox/again?state=failed", message=ids)
    assert (status, place) == (303, "/portal/outbox?state=failed")
    states = [await db.scalar(select(OutboxMessage.state).where(OutboxMessage.id == id_)) for id_ in ids]
    assert states == ["queued", "queued", "sent"]


async def test_jobs_begin_with_what_needs_attention(client, db, admin) -> None:
    await add_run(db, "failed", last_error="line 3 has no SKU")
    await add_run(db, "parked", name="render_document")
    await add_run(db, "done", name="send_message")
    await add_run(db, "running", name="score_customers", progress_done=340, progress_total=1200)
    page = await read_page(client, "/portal/jobs")
    assert "line 3 has no SKU" in page
    assert "Render document" in page
    assert "Send message" not in page
    assert "340 of 1,200" in await read_page(client, "/portal/jobs?state=running")
    everything = await read_page(client, "/portal/jobs?state=all")
    assert "1–4 of 4" in everything


async def test_jobs_that_ended_alike_stand_in_one_row_and_are_done_again_together(client, db, admin) -> None:
    alike = [await add_run(db, "failed", name="send_message", last_error="Refused") for _ in range(3)]
    single = await add_run(db, "failed", name="send_message", last_error="Timed out")
    running = [await add_run(db, "running", name="send_message") for _ in range(2)]
    page = await read_page(client, "/portal/jobs")
    assert "× 3" in page
    assert "1–2 of 2" in page
    assert "1–4 of 4" in await read_page(client, "/portal/jobs?state=all")  # each running job has its own progress
    newest = alike[-1].id
    assert f"/portal/jobs?like={newest}&state=attention" in page
    assert "1–3 of 3" in await read_page(client, f"/portal/jobs?like={newest}&state=attention")
    assert (await client.get("/portal/jobs?like=999999")).status_code == 404
    status, _, _ = await send_form(client, "/portal/jobs", "/portal/jobs/again", like=[newest])
    assert status == 303
    states = [await db.scalar(select(JobRun.state).where(JobRun.id == run.id)) for run in [*alike, single, *running]]
    assert states == ["queued", "queued", "queued", "failed", "running", "running"]


async def test_a_parked_job_is_done_again_from_its_page(client, db, admin) -> None:
    run = await add_run(db, "parked", failures=2)
    path = f"/portal/jobs/{run.id}"
    assert "File id" in await read_page(client, path)
    assert (await send_form(client, path, f"{path}/again"))[0] == 303
    await db.refresh(run)
    assert (run.state, run.starts, run.failures) == ("queued", 0, 0)
    assert "Do again" not in await read_page(client, path)


async def test_a_job_whose_like_waits_already_is_left_alone(client, db, admin) -> None:
    failed = await add_run(db, "failed", dedupe_key="timetable:x")
    await add_run(db, "queued", dedupe_key="timetable:x")
    other = await add_run(db, "failed")
    status, _, _ = await send_form(client, "/portal/jobs", "/portal/jobs/again", job=[failed.id, other.id])
    assert status == 303
    await db.refresh(failed)
    await db.refresh(other)
    assert (failed.state, other.state) == ("failed", "queued")


async def test_the_trail_shows_what_a_change_made_of_what(client, db, admin) -> None:
    by = as_actor(admin)
    await record_audit(
        db,
        action=AuditAction.PRODUCT_UPDATED,
        record_kind="product",
        record_id=4,
        record_name="Sheet pan",
        before={"unit_price": "10.00", "in_stock": True},
        after={"unit_price": "12.50", "in_stock": True},
        by=by,
    )
    await record_audit(db, action=AuditAction.STAFF_CREATED, record_kind="staff", record_id=9, record_name="lou", by=by)
    page = await read_page(client, "/portal/audit")
    assert '<s>$10.00</s> → <b class="fw-medium">$12.50</b>' in " ".join(page.split())
    assert "In stock" not in page
    only = await read_page(client, "/portal/audit?record_kind=staff")
    assert "Staff lou" in only
    assert "Sheet pan" not in only
    assert "No entries match" in await read_page(client, "/portal/audit?to_date=2020-01-01")
    today = await read_page(client, "/portal/audit?q=sheet&from_date=2020-01-01&record_id=4")
    assert "1–1 of 1" in today


async def test_the_history_holds_orders_too_by_person_and_record(client, db, admin) -> None:
    mine, _ = await place(db)
    other = as_actor(await make_staff(db, Role.MANAGER, full_name="Luis Ocampo"))
    row = (await db.execute(select(Order).where(Order.order_number == mine))).scalar_one()
    await move_order(db, row.id, to=OrderStatus.CONFIRMED, by=other)
    await record_audit(
        db, action=AuditAction.PRODUCT_UPDATED, record_kind="product", record_id=4, record_name="Pan", by=other,
        before={"unit_price": "1234.5"}, after={"unit_price": "1250"},
    )  # fmt: skip
    await db.commit()
    theirs = await read_page(client, f"/portal/audit?who=staff:{other.id}")
    assert f'href="/portal/orders/{mine}"' in theirs
    assert "<s>Pending</s> → Confirmed" in theirs
    assert '<s>$1,234.50</s> → <b class="fw-medium">$1,250.00</b>' in " ".join(theirs.split())
    assert "Luis Ocampo: 2 changes" in theirs
    assert "1–2 of 2" in theirs
    orders = await read_page(client, f"/portal/audit?record_kind=order&record_id={row.id}")
    sheet = (await (await client.get(f"/portal/audit.csv?record_kind=order&record_id={row.id}")).get_data()).decode(
        "utf-8-sig"
    )
    assert sheet.splitlines()[0] == "at,who,record,name,act,changes,note"
    assert row.order_number in sheet
    assert "Pan" not in orders.partition('id="audit_table"')[2].partition("</table>")[0]
    assert mine in orders
    assert f"who=staff%3A{other.id}" in await read_page(client, f"/portal/staff/{other.id}")


async def test_a_search_of_the_outbox_counts_each_tab(client, db, admin) -> None:
    for number, state in enumerate(("sent", "sent", "failed")):
        await add_message(db, state, recipient=f"sorrel{number}@house.example")
    await add_message(db)
    for asked, count in ((OutboxTab.ALL, 3), (OutboxTab.SENT, 2), (OutboxTab.FAILED, 1), (OutboxTab.QUEUED, 0)):
        page, counts = await list_messages(db, OutboxFilters(q="SORREL", state=asked))
        assert (len(page.rows), page.total, counts[asked].count) == (count, count, count)


async def test_a_block_alone_goes_out_for_htmx(client, admin) -> None:
    for path, block in (
        ("/portal/outbox", "outbox_table"),
        ("/portal/jobs", "job_table"),
        ("/portal/audit", "audit_table"),
    ):
        answer = await client.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"})
        part = await answer.get_data(as_text=True)
        assert part.lstrip().startswith(f'<div class="list" id="{block}"')


async def test_a_test_mail_is_queued_from_the_page_and_a_bad_address_shows_at_its_field(client, db, admin) -> None:
    status, page, _ = await send_form(client, "/portal/mail-test", to="nonsense")
    assert status == 422
    assert 'value="nonsense"' in page
    assert "Must be an email address" in page
    assert (await send_form(client, "/portal/mail-test", to="kim@kitchen.example"))[0] == 303
    assert (await db.scalars(select(OutboxMessage.recipient))).all() == ["kim@kitchen.example"]


async def test_the_page_tries_the_mail_server_and_shows_the_steps(client, admin) -> None:
    status, page, _ = await send_form(client, "/portal/mail-test", "/portal/mail-test/server")
    assert status == 200
    assert "SMTP_HOST is not set, so no email can be sent." in page
    assert (await client.get("/portal/mail-test/server")).status_code == 303


async def test_counting_stops_where_nobody_reads_on(client, db, admin) -> None:
    await db.execute(
        insert(OutboxMessage).from_select(
            ["channel", "kind", "recipient", "state"],
            select(*[func.text(word) for word in ("email", "test", "a@b.example", "sent")]).select_from(
                func.generate_series(1, MOST_COUNTED + 1)
            ),
        )
    )
    page = await read_page(client, "/portal/outbox?state=sent")
    assert "10,000+" in page


async def test_every_state_of_a_message_a_job_and_money_has_its_badge_and_no_badge_is_left_over(app) -> None:
    badges = app.jinja_env.get_template("shared/badges.html").make_module()
    assert set(badges.outbox_table) == set(MessageState)
    assert set(badges.job_table) == set(JobState)
    assert set(badges.money_table) == set(PaymentState) - {PaymentState.SUCCEEDED}


async def test_a_mail_is_shown_as_it_looks_in_a_frame_that_runs_nothing(client, db, admin) -> None:
    await queue_mail(db, Letter("test", "Hello", "Look:\n\nhttps://a.example/pay/x"), to="ines@kitchen.example")
    message_id = await db.scalar(select(func.max(OutboxMessage.id)))
    page = await read_page(client, f"/portal/outbox/{message_id}")
    assert f'src="/portal/outbox/{message_id}/preview"' in page
    response = await client.get(f"/portal/outbox/{message_id}/preview")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert 'class="go"' in await response.get_data(as_text=True)
