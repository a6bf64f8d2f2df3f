"""The outbox for administrators: what was sent, what was not and why, and resending it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pydantic import Field
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.counting import MOST_COUNTED, Counted, count_capped
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Id, Input, Text60
from domain.kernel.live import Topic, announce
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, PageInput, make_page
from domain.messages.outbox import SEND_JOB
from domain.messages.sending import has_expired
from models import AuditAction, AuditEntry, Channel, Customer, MessageState, Order, OutboxAttachment, OutboxMessage
from models.session import plan_for_values

OPENED = AuditAction.OUTBOX_OPENED
# Reopening or refreshing a page within this time makes no new audit entry.
NOTED_FOR = timedelta(hours=1)


class OutboxTab(StrEnum):
    """The tabs of the list."""

    ALL = "all"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    QUEUED = "queued"
    SENT = "sent"


class OutboxFilters(PageInput):
    """The filters of the list, from its URL."""

    state: OutboxTab = OutboxTab.ALL
    channel: Channel | None = None
    q: Text60 | None = None


@dataclass(frozen=True, slots=True)
class MessageSubject:
    """What a message is about; the order number and the customer name are empty if there is none."""

    order_number: str
    customer_id: int | None
    customer: str


class ChosenMessages(Input):
    """The selected rows."""

    message: list[Id] = Field(default_factory=list)


_AGAIN = text(
    """
WITH message AS (
  UPDATE outbox_message SET state = 'queued', last_error = ''
  WHERE id = ANY(:ids) AND state IN ('failed', 'not_sent')
    AND (secret_expires_at IS NULL OR secret_sealed IS NOT NULL AND secret_expires_at > now()) RETURNING id
),
closed AS (
  UPDATE job_run SET state = 'done', finished_at = now(), result = '{"state": "sent again from the outbox"}'
  WHERE name = :job AND state IN ('failed', 'parked') AND (payload->>'message_id')::bigint IN (SELECT id FROM message)
)
SELECT id, enqueue_job(:job, jsonb_build_object('message_id', id)) FROM message ORDER BY id
"""
)


def _conditions_of(asked: OutboxFilters, tab: OutboxTab) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [true()]
    if tab is not OutboxTab.ALL:
        wanted.append(OutboxMessage.state == tab.value)
    if asked.channel is not None:
        wanted.append(OutboxMessage.channel == asked.channel)
    if asked.q:
        columns = (OutboxMessage.recipient, OutboxMessage.subject, OutboxMessage.kind)
        wanted.append(or_(*[column.icontains(asked.q, autoescape=True) for column in columns]))
    return wanted


def _choose(asked: OutboxFilters, tab: OutboxTab) -> Select[OutboxMessage]:
    return select(OutboxMessage).where(*_conditions_of(asked, tab))


async def find_message_neighbours(db: AsyncSession, message_id: int, asked: OutboxFilters) -> Neighbours:
    """Return the messages before and after one in the list with these filters."""
    return await find_listed_neighbours(
        db,
        name=OutboxMessage.id.expression,
        source=OutboxMessage,
        order=[OutboxMessage.id.desc()],
        here=message_id,
        conditions=_conditions_of(asked, asked.state),
    )


async def list_messages(db: AsyncSession, asked: OutboxFilters) -> tuple[Page[OutboxMessage], dict[str, Counted]]:
    """Return the matching messages, newest first, with the count of each tab.

    However deep a page is, only its own messages are read completely.
    """
    await plan_for_values(db)
    counts = await _count_tabs(db, asked)
    newest = OutboxMessage.id.desc()
    chosen = _choose(asked, asked.state).with_only_columns(OutboxMessage.id).order_by(newest)
    on_page = OutboxMessage.id.in_(chosen.limit(asked.per_page).offset(asked.offset))
    rows = (await db.scalars(select(OutboxMessage).where(on_page).order_by(newest))).all()
    return make_page(rows, counts[asked.state].count, asked), counts


async def _count_tabs(db: AsyncSession, asked: OutboxFilters) -> dict[str, Counted]:
    """Return the count of each tab; the total is the sum of the states, so that no message is counted twice."""
    counts = await count_capped(db, {tab.value: _choose(asked, tab) for tab in OutboxTab if tab is not OutboxTab.ALL})
    every = sum(counted.count for counted in counts.values())
    is_more = every > MOST_COUNTED or any(counted.is_more for counted in counts.values())
    return counts | {OutboxTab.ALL.value: Counted(min(every, MOST_COUNTED), is_more)}


async def get_message(db: AsyncSession, message_id: int) -> OutboxMessage:
    """Return one message. Raises NotFound."""
    message = await db.get(OutboxMessage, message_id)
    if message is None:
        raise NotFound("There is no such message.")
    return message


async def read_body(db: AsyncSession, message_id: int) -> str:
    """Return a message's text without its secret; empty if the message no longer exists."""
    return await db.scalar(select(OutboxMessage.body_text).where(OutboxMessage.id == message_id)) or ""


async def open_message(db: AsyncSession, message_id: int, *, by: Actor) -> OutboxMessage:
    """Return one message for reading, which is recorded in the audit trail once an hour. Raises NotFound."""
    message = await get_message(db, message_id)
    opened = exists().where(
        AuditEntry.record_kind == "outbox_message",
        AuditEntry.record_id == message_id,
        AuditEntry.action == OPENED,
        AuditEntry.actor_id == by.id,
        AuditEntry.created_at > now() - NOTED_FOR,
    )
    if not await db.scalar(select(opened)):
        name = f"{message.kind.replace('_', ' ')} to {message.recipient}"
        await record_audit(
            db, action=OPENED, record_kind="outbox_message", record_id=message_id, record_name=name, by=by
        )
    return message


async def get_subject(db: AsyncSession, message: OutboxMessage) -> MessageSubject:
    """Return the order and the customer that a message is about."""
    name = func.coalesce(func.nullif(Customer.company_name, ""), Customer.username)
    order_number = select(Order.order_number).where(Order.id == message.order_id).scalar_subquery()
    customer = select(name).where(Customer.id == message.customer_id).scalar_subquery()
    found = (await db.execute(select(order_number, customer))).one()
    return MessageSubject(found[0] or "", message.customer_id, found[1] or "")


async def list_attached_files(db: AsyncSession, message_id: int) -> list[str]:
    """Return the names of the attachments of a message that is not sent yet, in order."""
    attached = select(OutboxAttachment.filename).where(OutboxAttachment.message_id == message_id)
    return list((await db.scalars(attached.order_by(OutboxAttachment.position))).all())


async def send_again(db: AsyncSession, message_ids: list[int], *, by: Actor) -> int:
    """Queue messages again that failed or were not sent. Returns how many; others do not change."""
    ids = list((await db.scalars(_AGAIN, {"ids": message_ids, "job": SEND_JOB})).all())
    if ids:
        await record_audit(
            db,
            action=AuditAction.OUTBOX_SENT_AGAIN,
            record_kind="outbox_message",
            record_id=ids[0] if len(ids) == 1 else None,
            after={"messages": ids},
            by=by,
        )
        await announce(db, Topic.OUTBOX, ids[0])
    return len(ids)


async def list_failed(db: AsyncSession, *, most: int = 1_000) -> list[int]:
    """Return the ids of failed messages, newest first."""
    failed = select(OutboxMessage.id).where(OutboxMessage.state == MessageState.FAILED)
    return list((await db.scalars(failed.order_by(OutboxMessage.id.desc()).limit(most))).all())


def can_send_again(message: OutboxMessage) -> bool:
    """Return True for a message that failed or was not sent, and whose link or code is still valid."""
    return message.state in {MessageState.FAILED, MessageState.NOT_SENT} and not has_expired(message)
