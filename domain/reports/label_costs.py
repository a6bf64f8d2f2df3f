"""The labels that a month's shipping cost is made of, for the figure of the profit page that opens them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from sqlalchemy import func, select

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import add_months, business_date, first_of_month, start_of_business_day
from domain.kernel.spreadsheets import write_csv
from domain.orders.filters import ORDERS
from domain.orders.queries import Reader
from models import Label, LabelState, Order, columns_of, table_of

LABELS = columns_of(Label)
COLUMNS = ("bought_on", "order_number", "carrier", "service", "tracking_number", "rate", "insurance", "cost")


@dataclass(frozen=True, slots=True)
class LabelCost:
    """One label that was bought and not refunded, US dollars."""

    bought_at: datetime
    order_number: str
    carrier: str
    service: str
    tracking_number: str
    rate: Decimal
    insurance: Decimal

    @property
    def cost(self) -> Decimal:
        """What the parcel's way cost."""
        return self.rate + self.insurance


async def list_label_costs(db: Reader, day: date, *, visible_to: Actor, timezone: tzinfo) -> list[LabelCost]:
    """The labels bought in the business month of a day, in their order; those refunded since are left out."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager sees profit.")
    month = first_of_month(day)
    statement = (
        select(
            LABELS.bought_at,
            ORDERS.order_number,
            LABELS.carrier,
            LABELS.service,
            func.coalesce(LABELS.tracking_number, ""),
            func.coalesce(LABELS.rate, 0),
            func.coalesce(LABELS.insurance, 0),
        )
        .select_from(table_of(Label))
        .join(table_of(Order), ORDERS.id == LABELS.order_id)
        .where(
            LABELS.bought_at >= start_of_business_day(month, timezone),
            LABELS.bought_at < start_of_business_day(add_months(month, 1), timezone),
            LABELS.state == LabelState.BOUGHT,
            LABELS.refund_status.is_distinct_from("refunded"),
        )
        .order_by(LABELS.bought_at, LABELS.id)
    )
    return [LabelCost(*row) for row in await db.execute(statement)]


def write_label_costs(rows: list[LabelCost], *, timezone: tzinfo) -> Iterator[bytes]:
    """The labels as CSV."""
    cells = (
        [
            str(business_date(row.bought_at, timezone)),
            row.order_number,
            row.carrier,
            row.service,
            row.tracking_number,
            f"{row.rate:.2f}",
            f"{row.insurance:.2f}",
            f"{row.cost:.2f}",
        ]
        for row in rows
    )
    return write_csv(COLUMNS, cells)
