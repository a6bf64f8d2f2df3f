"""The outbound call queue as agents and colleagues see it: who to call, why, and whether now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.rules import Callee, Verdict, judge_calls
from domain.kernel.clock import business_today, now
from domain.kernel.money import round_half_up
from domain.voice.queue_details import Details, list_details
from domain.voice.queue_hours import find_reach
from domain.voice.queue_members import CreditStatus, Member, QueueQuery, credit_status_of, list_members
from domain.voice.talking_points import choose_talking_points
from models.session import raw_connection


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One customer to call. Amounts are in US dollars."""

    customer_id: int
    phone: str
    customer_name: str
    company_name: str | None
    days_since_last_order: int
    last_order_date: date
    average_order_value: Decimal
    lifetime_value: Decimal
    order_count: int
    reorder_candidates: Sequence[str]
    top_categories: Sequence[str]
    suggested_upsells: Sequence[str]
    talking_points: Sequence[str]
    credit_status: CreditStatus
    priority_score: float
    last_call: Mapping[str, Any] | None
    callable_now: bool
    callable_from: datetime | None
    why_not: str | None
    cycle_days: float
    ltv_weight: float


@dataclass(frozen=True, slots=True)
class CallQueue:
    """A page of the queue."""

    results: Sequence[QueueRow]
    total: int
    page: int
    limit: int
    generated_at: datetime


async def read_call_queue(
    db: AsyncSession, asked: QueueQuery, *, timezone: ZoneInfo, free_delivery_minimum: Decimal
) -> CallQueue:
    """Return a page of the queue. The number of statements does not grow with its customers.

    Calling hours do not change who is in the queue, unless `callable_now` asks for them.
    """
    connection = await raw_connection(db)
    at = now()
    reach = None if asked.callable_now is None else await find_reach(db, wanted=asked.callable_now, at=at)
    members, total = await list_members(connection, asked, timezone=timezone, reach=reach)
    verdicts = await judge_calls(db, [Callee(member.phone, member.zip, member.state) for member in members], at=at)
    ids = [member.customer_id for member in members]
    details = await list_details(connection, ids, today=business_today(timezone), timezone=timezone)
    rows = [
        _show(member, verdict, details[member.customer_id], free_delivery_minimum)
        for member, verdict in zip(members, verdicts, strict=True)
    ]
    return CallQueue(rows, total, asked.page, asked.limit, at)


def _show(member: Member, verdict: Verdict, details: Details, free_from: Decimal) -> QueueRow:
    average = round_half_up(member.lifetime_value / member.order_count)
    person = f"{member.first_name} {member.last_name}".strip()
    return QueueRow(
        customer_id=member.customer_id,
        phone=member.phone,
        customer_name=person or member.company_name,
        company_name=member.company_name or None,
        days_since_last_order=member.days_since,
        last_order_date=member.last_day,
        average_order_value=average,
        lifetime_value=member.lifetime_value,
        order_count=member.order_count,
        reorder_candidates=details.reorder_candidates,
        top_categories=details.top_categories,
        suggested_upsells=details.suggested_upsells,
        talking_points=choose_talking_points(
            days_since_last_order=member.days_since,
            reorder_candidates=details.reorder_candidates,
            order_count=member.order_count,
            average_order_value=average,
            top_categories=details.top_categories,
            free_delivery_minimum=free_from,
        ),
        credit_status=credit_status_of(member),
        priority_score=round(member.priority, 4),
        last_call=details.last_call,
        cycle_days=round(member.cycle, 2),
        ltv_weight=round(member.weight, 4),
        **verdict.answer,
    )
