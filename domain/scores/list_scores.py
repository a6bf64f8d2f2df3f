"""Reads scores: one customer's, and the list by tier, probability of being alive and text."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.search import escape_like
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.spreadsheets import Cell, stream_csv
from models import Customer, CustomerScore, Order, OrderStatus, ScoreRun, Tier


class ScoreOrder(StrEnum):
    """The columns by which the list can be sorted; a leading minus sorts in descending order."""

    CUSTOMER_NAME = "customer_name"
    COMPANY_NAME = "company_name"
    FREQUENCY = "frequency"
    RECENCY_DAYS = "recency_days"
    AGE_DAYS = "age_days"
    MONETARY_VALUE = "monetary_value"
    P_ALIVE = "p_alive"
    EXPECTED_ORDERS_30D = "expected_orders_30d"
    EXPECTED_ORDERS_90D = "expected_orders_90d"
    EXPECTED_REVENUE_90D = "expected_revenue_90d"
    DAYS_SINCE_LAST_ORDER = "days_since_last_order"
    TIER = "tier"


_ORDERINGS = "|".join(ScoreOrder)
Chance = Annotated[float, Field(ge=0, le=1)]


SCORE_JOB = "score_customers"
MOST_EXPORTED = 1_000
EXPORT_COLUMNS = (
    "customer_id", "customer_name", "company", "tier", "repeat_order_days", "days_since_last_order", "overdue",
    "p_alive", "expected_orders_30d", "expected_orders_90d", "expected_revenue_90d",
)  # fmt: skip


class ListScores(PageInput):
    """Which scores to list, and in which order."""

    tier: Tier | None = None
    """Only customers of this tier."""
    min_p_alive: Chance | None = None
    max_p_alive: Chance | None = None
    search: Text200 = ""
    overdue: bool = False
    """True lists only customers whose last order is longer ago than their own median gap."""
    ordering: Annotated[str, Field(pattern=f"^-?({_ORDERINGS})$")] = "-expected_orders_90d"
    """The column to sort by; a leading minus sorts in descending order."""


@dataclass(frozen=True, slots=True)
class Score:
    """A customer with their score; everything except the names is None before scores were computed."""

    customer_id: int
    customer_name: str
    company_name: str
    frequency: int | None = None
    recency_days: int | None = None
    age_days: int | None = None
    monetary_value: Decimal | None = None
    p_alive: float | None = None
    expected_orders_30d: float | None = None
    expected_orders_90d: float | None = None
    expected_revenue_90d: Decimal | None = None
    tier: Tier | None = None
    computed_at: datetime | None = None
    days_since_last_order: int | None = None
    is_overdue: bool | None = None
    median_gap: float | None = None


@dataclass(frozen=True, slots=True)
class ScoreList:
    """A page of scores, and the number of customers in each tier. `reason` says why there are none."""

    page: Page[Score]
    tier_counts: dict[str, int]
    last_computed: datetime | None
    reason: str


_NAME = func.trim(Customer.first_name + " " + Customer.last_name).label("customer_name")
_COLUMNS = (
    Customer.id.label("customer_id"),
    _NAME,
    Customer.company_name,
    CustomerScore.frequency,
    CustomerScore.recency_days,
    CustomerScore.age_days,
    CustomerScore.monetary_value,
    CustomerScore.p_alive,
    CustomerScore.expected_orders_30d,
    CustomerScore.expected_orders_90d,
    CustomerScore.expected_revenue_90d,
    CustomerScore.tier,
    CustomerScore.computed_at,
    CustomerScore.last_order_on,
    CustomerScore.is_overdue,
    CustomerScore.median_gap,
)
_LAST_ORDER_COLUMN = 13


async def get_score(db: AsyncConnection, customer_id: int, *, timezone: tzinfo, visible_to: Actor) -> Score:
    """Return one customer's score; the figures are None before they were computed.

    Raises NotFound for an unknown customer, and with code no_score for one without an order.
    """
    require(visible_to, Right.SEE_SCORES, "Your role does not see scores.")
    statement = select(*_COLUMNS).outerjoin(CustomerScore, CustomerScore.customer_id == Customer.id)
    row = (await db.execute(statement.where(Customer.id == customer_id))).first()
    if row is None:
        raise NotFound("There is no such customer.")
    if row.tier is None:
        ordered = select(Order.id).where(Order.customer_id == customer_id, Order.status != OrderStatus.CANCELLED)
        if await db.scalar(ordered.limit(1)) is None:
            raise NotFound("This customer has no orders and therefore no score.", code=Code.NO_SCORE)
    return _read(row, business_today(timezone))


async def list_scores(db: AsyncConnection, asked: ListScores, *, timezone: tzinfo, visible_to: Actor) -> ScoreList:
    """Return the matching scores, and the number of customers in each tier overall; two statements plus the page."""
    require(visible_to, Right.SEE_SCORES, "Your role does not see scores.")
    run = (
        await db.execute(select(ScoreRun.computed_at, ScoreRun.reason).order_by(ScoreRun.id.desc()).limit(1))
    ).first()
    if run is None or run.reason:
        reason = run.reason if run is not None else "Scores have not been computed yet; this happens every night."
        return ScoreList(make_page([], 0, asked), dict.fromkeys(Tier, 0), None, reason)
    counted = await db.execute(select(CustomerScore.tier, func.count()).group_by(CustomerScore.tier))
    counts = dict.fromkeys((str(tier) for tier in Tier), 0) | {str(tier): int(number) for tier, number in counted}
    matching = _matching(select(*_COLUMNS).join(CustomerScore, CustomerScore.customer_id == Customer.id), asked)
    total = await db.scalar(_matching(select(func.count()).select_from(CustomerScore).join(Customer), asked)) or 0
    rows = await db.execute(_sorted(matching, asked.ordering).limit(asked.per_page).offset(asked.offset))
    today = business_today(timezone)
    return ScoreList(make_page([_read(row, today) for row in rows], total, asked), counts, run.computed_at, "")


async def export_scores(
    db: AsyncConnection, asked: ListScores, *, timezone: tzinfo, visible_to: Actor
) -> AsyncIterator[bytes]:
    """Return what the list shows, at most 1,000 customers, as chunks of a CSV file."""
    wanted = asked.model_copy(update={"page": 1, "per_page": MOST_EXPORTED})
    found = await list_scores(db, wanted, timezone=timezone, visible_to=visible_to)

    async def cells() -> AsyncIterator[list[Cell]]:
        for score in found.page.rows:
            chances = (score.p_alive, score.expected_orders_30d, score.expected_orders_90d)
            yield [
                score.customer_id, score.customer_name, score.company_name, str(score.tier or ""), score.frequency,
                score.days_since_last_order, "yes" if score.is_overdue else "",
                *(None if chance is None else Decimal(f"{chance:.4f}") for chance in chances),
                score.expected_revenue_90d,
            ]  # fmt: skip

    return stream_csv(EXPORT_COLUMNS, cells())


async def ask_for_run(db: AsyncSession, *, by: Actor) -> None:
    """Enqueue a computation of the scores, once however often it is requested. Managers only."""
    require(by, Right.ASSIGN_CALLS, "Only a manager can have scores computed.")
    await enqueue(db, SCORE_JOB, {}, dedupe_key=SCORE_JOB)


def _matching(statement: Select[Any], asked: ListScores) -> Select[Any]:
    conditions: list[Any] = []
    if asked.tier is not None:
        conditions.append(CustomerScore.tier == asked.tier)
    if asked.min_p_alive is not None:
        conditions.append(CustomerScore.p_alive >= asked.min_p_alive)
    if asked.max_p_alive is not None:
        conditions.append(CustomerScore.p_alive <= asked.max_p_alive)
    if asked.overdue:
        conditions.append(CustomerScore.is_overdue)
    for word in asked.search.split():
        pattern = f"%{escape_like(word)}%"
        conditions.append(
            or_(
                Customer.company_name.ilike(pattern),
                Customer.first_name.ilike(pattern),
                Customer.last_name.ilike(pattern),
            )
        )
    return statement.where(and_(*conditions)) if conditions else statement


def _sorted(statement: Select[Any], ordering: str) -> Select[Any]:
    name = ordering.removeprefix("-")
    elsewhere: dict[str, Any] = {
        ScoreOrder.CUSTOMER_NAME: _NAME,
        ScoreOrder.COMPANY_NAME: Customer.company_name,
        # The longest time since an order is the earliest last order.
        ScoreOrder.DAYS_SINCE_LAST_ORDER: CustomerScore.last_order_on,
    }
    column: Any = elsewhere[name] if name in elsewhere else getattr(CustomerScore, name)
    is_descending = ordering.startswith("-") != (name == ScoreOrder.DAYS_SINCE_LAST_ORDER)
    return statement.order_by(column.desc() if is_descending else column.asc(), CustomerScore.customer_id)


def _read(row: Row[Any], today: date) -> Score:
    values = list(row)
    last_order_on = values[_LAST_ORDER_COLUMN]
    values[_LAST_ORDER_COLUMN] = (today - last_order_on).days if last_order_on is not None else None
    return Score(*values)
