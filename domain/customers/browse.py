"""The list of customers as its page shows it: each row with its rep, its last order and what it owes on terms.

Rows follow an index, counts stop at ten thousand, those of the tabs beside at one thousand, and the number of
statements never grows with the rows.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy import func, select

from domain.credit.exposure import CreditStanding
from domain.credit.owed import OwedSum, sum_owed
from domain.customers.list_customers import order_of, sort_rows
from domain.customers.list_filters import BrowseCustomers, CustomerTab, filter_customers
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, read_rows
from domain.customers.totals import NOTHING, Bought, find_usual_gaps, sum_orders_of
from domain.kernel.clock import business_date, business_today
from domain.kernel.counting import MOST_COUNTED
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, make_page

# Nobody reads a number beyond that on a tab beside the one that is shown.
MOST_BESIDE = 1_000


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """A row of the page."""

    row: CustomerRow
    bought: Bought
    standing: CreditStanding
    days_since: int | None
    gap_days: int | None

    @property
    def owes(self) -> Decimal:
        """What the customer owes on terms, US dollars."""
        return self.standing.exposure

    @property
    def days_late(self) -> int:
        """Days past the usual gap between two order days; 0 before, and while there is no rhythm."""
        return max(self.days_since - self.gap_days, 0) if self.gap_days and self.days_since is not None else 0


@dataclass(frozen=True, slots=True)
class FoundCustomers:
    """A page of the list with the counts of its tabs, as they are written."""

    page: Page[ListedCustomer]
    is_more: bool
    counts: dict[str, str]


async def browse_customers(db: Reader, query: BrowseCustomers, *, timezone: tzinfo) -> FoundCustomers:
    """A page with its counts, in five statements."""
    asked = query.as_list()
    conditions = filter_customers(query, query.tab, timezone=timezone)
    statement = sort_rows(SELECT_ROWS.where(*conditions), asked)
    rows = await read_rows(db, statement.limit(query.per_page).offset(query.offset))
    ids = [row.id for row in rows]
    bought = await sum_orders_of(db, ids)
    owed = await sum_owed(db, ids)
    gaps = await find_usual_gaps(db, ids, timezone)
    counts = await _count_tabs(db, query, timezone)
    today = business_today(timezone)
    listed = []
    for row in rows:
        own = bought.get(row.id, NOTHING)
        days = (today - business_date(own.last_order_at, timezone)).days if own.last_order_at else None
        debt = owed.get(row.id, OwedSum())
        standing = CreditStanding(row.payment_terms, row.credit_limit, debt.amount, debt.is_overdue)
        listed.append(ListedCustomer(row, own, standing, days, gaps.get(row.id)))
    total = counts[query.tab.value]
    is_more = total > MOST_COUNTED
    words = {}
    for tab in CustomerTab:
        count, most = counts[tab.value], _most_counted(query, tab)
        words[tab.value] = f"{min(count, most):,}{'+' if count > most else ''}"
    return FoundCustomers(make_page(listed, min(total, MOST_COUNTED), query), is_more, words)


async def find_customer_neighbours(
    db: Reader, customer_id: int, query: BrowseCustomers, *, timezone: tzinfo
) -> Neighbours:
    """The customers before and after one in the list under these filters."""
    return await find_listed_neighbours(
        db,
        name=CUSTOMERS.id,
        source=CUSTOMERS.id.table,
        order=order_of(query.as_list()),
        here=customer_id,
        conditions=filter_customers(query, query.tab, timezone=timezone),
    )


async def _count_tabs(db: Reader, query: BrowseCustomers, timezone: tzinfo) -> dict[str, int]:
    columns = []
    for tab in CustomerTab:
        conditions = filter_customers(query, tab, timezone=timezone)
        rows = select(CUSTOMERS.id).where(*conditions).limit(_most_counted(query, tab) + 1).subquery()
        columns.append(select(func.count()).select_from(rows).scalar_subquery().label(tab.value))
    row = (await db.execute(select(*columns))).mappings().one()
    return dict(row)


def _most_counted(query: BrowseCustomers, tab: CustomerTab) -> int:
    """How far a tab is counted: the one that is shown for its pages, the others to say how many wait there."""
    return MOST_COUNTED if tab is query.tab else MOST_BESIDE
