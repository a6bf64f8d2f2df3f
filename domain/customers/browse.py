"""The list of customers for its page: each row with its rep, its last order and what it owes on terms.

Rows are read in index order. Counts stop at ten thousand, those of the other tabs at one thousand. The number of
statements does not grow with the rows.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, func, select

from domain.credit.exposure import CreditStanding
from domain.credit.owed import OwedSum, sum_owed
from domain.customers.list_counts import EVERYBODY, OWED_TOGETHER, count_tabs, most_counted
from domain.customers.list_filters import BrowseCustomers, CustomerTab
from domain.customers.list_owing import choose_people, find_owing
from domain.customers.list_places import place_customers, select_ids
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, read_rows
from domain.customers.totals import NOTHING, Bought, find_usual_gaps, sum_orders_of
from domain.kernel.clock import business_date, business_today
from domain.kernel.counting import MOST_COUNTED
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, make_page
from models.session import plan_for_values


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
        """What the customer owes on terms, in US dollars."""
        return self.standing.exposure

    @property
    def days_late(self) -> int:
        """Days past the usual gap between two order days; 0 before that, or if there is no usual gap."""
        return max(self.days_since - self.gap_days, 0) if self.gap_days and self.days_since is not None else 0


@dataclass(frozen=True, slots=True)
class FoundCustomers:
    """A page of the list with the formatted counts of its tabs and of all customers.

    `owed` is what the customers that match the filters and the tab owe in total, in US dollars.
    """

    page: Page[ListedCustomer]
    is_more: bool
    counts: dict[str, str]
    everybody: str
    owed: Decimal


async def browse_customers(db: Reader, query: BrowseCustomers, *, timezone: tzinfo) -> FoundCustomers:
    """Return a page with its counts, in six statements."""
    await plan_for_values(db)
    people = choose_people(query, timezone)
    owing = find_owing(query, people)
    wanted = select_ids(query, owing, timezone=timezone, most=query.per_page, skip=query.offset)
    columns = count_tabs(query, people, owing, timezone)
    counts = dict((await db.execute(select(_join_ids(wanted).label("ids"), *columns))).mappings().one())
    ids = [int(each) for each in counts["ids"].split(",") if each]
    known = {row.id: row for row in await read_rows(db, SELECT_ROWS.where(CUSTOMERS.id.in_(ids)))}
    rows = [known[each] for each in ids if each in known]  # a row may have been deleted between the statements
    bought = await sum_orders_of(db, ids)
    owed = await sum_owed(db, ids)
    gaps = await find_usual_gaps(db, ids, timezone)
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
    words = {tab.value: _write(counts[tab.value], most_counted(query, tab)) for tab in CustomerTab}
    page = make_page(listed, min(total, MOST_COUNTED), query)
    return FoundCustomers(page, is_more, words, _write(counts[EVERYBODY], MOST_COUNTED), counts[OWED_TOGETHER])


async def find_customer_neighbours(
    db: Reader, customer_id: int, query: BrowseCustomers, *, timezone: tzinfo
) -> Neighbours:
    """Return the customers before and after one in the list with these filters."""
    source, order = place_customers(query, timezone)
    return await find_listed_neighbours(
        db,
        name=CUSTOMERS.id,
        source=source,
        order=order,
        here=customer_id,
        ids=select_ids(query, find_owing(query, choose_people(query, timezone)), timezone=timezone),
    )


def _join_ids(ids: Select[int]) -> ColumnElement[str]:
    """Return the ids as one text, in order: for an array, each new connection would first look up its type."""
    return func.array_to_string(func.array(ids.scalar_subquery()), ",")


def _write(count: int, most: int) -> str:
    return f"{min(count, most):,}{'+' if count > most else ''}"
