"""Numbers that must not be called or texted: marked by the number, kept over everything, lifted by one act."""

import asyncio

from sqlalchemy import select, text

from domain.kernel.actor import SYSTEM
from domain.messages.outbox import queue_text
from domain.messages.sending import SAID_STOP, send_message
from domain.messages.suppression import (
    callable_sql,
    find_suppressed,
    is_callable,
    is_do_not_call,
    is_do_not_text,
    lift_do_not_call,
    lift_do_not_text,
    mark_do_not_call,
    mark_do_not_text,
)
from models import (
    AuditEntry,
    Customer,
    MessageState,
    OutboxMessage,
    Role,
    SuppressedNumber,
    SuppressionReason,
    columns_of,
)
from tests.factories import as_actor, make_customer, make_staff
from tests.fakes.http_server import fake_http

PHONE, OTHER = "+12165550148", "+12165550149"
ASKED = SuppressionReason.DNC_REQUESTED


async def test_a_mark_holds_for_the_number_and_everybody_who_has_it(db) -> None:
    first = await make_customer(db, phone=PHONE)
    second = await make_customer(db, phone2=PHONE)
    stranger = await make_customer(db, phone=OTHER)
    admin = as_actor(await make_staff(db, Role.ADMIN))
    assert await mark_do_not_call(db, PHONE, reason=ASKED, note="Asked twice", by=admin)
    assert not await mark_do_not_call(db, PHONE, reason=SuppressionReason.STAFF, by=SYSTEM)
    for customer in (first, second, stranger):
        await db.refresh(customer)
    assert [each.do_not_call for each in (first, second, stranger)] == [True, True, False]
    row = await db.scalar(select(SuppressedNumber))
    assert (row.phone, row.do_not_call_reason, row.do_not_call_note) == (PHONE, "dnc_requested", "Asked twice")
    assert (row.do_not_call_by, row.do_not_text) == (admin.name, False)
    assert await is_do_not_call(db, PHONE)
    assert not await is_do_not_text(db, PHONE)
    assert set(await find_suppressed(db, [PHONE, OTHER, None])) == {PHONE}
    # More than a statement takes values: a whole call queue is judged at once.
    assert set(await find_suppressed(db, [PHONE, *(f"+1330{n:07d}" for n in range(40_000))])) == {PHONE}
    trail = (await db.scalars(select(AuditEntry))).all()
    assert [(each.action, each.record_name) for each in trail] == [("suppressed_number.changed", PHONE)]


async def test_lifting_leaves_the_mark_of_a_customer_whose_other_number_is_marked(db) -> None:
    both = await make_customer(db, phone=PHONE, phone2=OTHER)
    one = await make_customer(db, phone=PHONE)
    for phone in (PHONE, OTHER):
        await mark_do_not_call(db, phone, reason=ASKED, by=SYSTEM)
    assert await lift_do_not_call(db, PHONE, note="Wrong person", by=SYSTEM)
    assert not await lift_do_not_call(db, PHONE, note="Again", by=SYSTEM)
    for customer in (both, one):
        await db.refresh(customer)
    assert (both.do_not_call, one.do_not_call) == (True, False)
    assert not await is_do_not_call(db, PHONE)
    assert await mark_do_not_call(db, PHONE, reason=ASKED, by=SYSTEM)
    assert await is_do_not_call(db, PHONE)


async def test_lists_leave_marked_numbers_out_in_both_spellings_of_the_condition(db) -> None:
    await make_customer(db, phone=PHONE)
    await make_customer(db, phone=OTHER, phone2=PHONE)
    free = await make_customer(db, phone=OTHER)
    nameless = await make_customer(db)
    await mark_do_not_text(db, OTHER, reason=SuppressionReason.STOP_TEXT, by=SYSTEM)
    await mark_do_not_call(db, PHONE, reason=ASKED, by=SYSTEM)
    columns = columns_of(Customer)
    condition = is_callable(columns.phone, columns.phone2)
    by_core = (await db.scalars(select(columns.id).where(condition).order_by(columns.id))).all()
    written = f"SELECT c.id FROM customer c WHERE {callable_sql('c.phone', 'c.phone2')} ORDER BY c.id"
    assert list(by_core) == list((await db.scalars(text(written))).all()) == [free.id, nameless.id]


async def test_a_text_is_stopped_by_stop_and_goes_out_after_start(database, db, settings) -> None:
    await mark_do_not_text(db, PHONE, reason=SuppressionReason.STOP_TEXT, by=SYSTEM)
    await queue_text(db, kind="code", to=PHONE, text="Your code is 123456.")
    message_id = await db.scalar(select(OutboxMessage.id))
    await db.commit()
    async with fake_http((201, {"sid": "SM1"})) as twilio:
        account = _with_twilio(settings, twilio.url)
        assert await send_message(message_id, account, write_html=_no_html) is MessageState.NOT_SENT
        assert twilio.requests == []
        async with database.session() as fresh:
            assert (await fresh.get_one(OutboxMessage, message_id)).last_error == SAID_STOP
        await lift_do_not_text(db, PHONE, note="START", by=SYSTEM)
        await db.commit()
        assert await send_message(message_id, account, write_html=_no_html) is MessageState.SENT


async def test_a_number_that_twilio_has_unsubscribed_gets_no_further_text(database, db, settings) -> None:
    customer = await make_customer(db, phone=PHONE)
    await queue_text(db, kind="code", to=PHONE, text="x")
    message_id = await db.scalar(select(OutboxMessage.id))
    await db.commit()
    async with fake_http((400, {"code": 21610, "message": "unsubscribed"})) as twilio:
        state = await send_message(message_id, _with_twilio(settings, twilio.url), write_html=_no_html)
    assert state is MessageState.FAILED
    assert await is_do_not_text(db, PHONE)
    await db.refresh(customer)
    assert (customer.do_not_text, customer.do_not_call) == (True, False)


async def test_marks_at_once_leave_one_row_and_every_customer_marked(committed) -> None:
    async with committed.session() as db:
        people = [await make_customer(db, phone=PHONE) for _ in range(5)]
        await db.commit()

    async def mark() -> bool:
        async with committed.separate_transaction() as own:
            return await mark_do_not_call(own, PHONE, reason=ASKED, by=SYSTEM)

    assert sorted(await asyncio.gather(*(mark() for _ in range(12)))) == [False] * 11 + [True]
    async with committed.session() as db:
        assert len((await db.scalars(select(SuppressedNumber))).all()) == 1
        marked = await db.scalars(select(Customer.do_not_call).where(Customer.id.in_([each.id for each in people])))
        assert marked.all() == [True] * 5


def _no_html(subject: str, body: str) -> str:
    return body


def _with_twilio(settings, url: str):
    account = {"twilio_account_sid": "AC1", "twilio_auth_token": "tok", "twilio_from": "MG7", "twilio_api_base": url}
    return settings.model_copy(update=account)
