"""The list of customers as its page shows it: each row with its rep, its last order and what it owes on terms.

Rows follow an index, counts stop at ten thousand, those of the tabs beside at one thousand, and the number of
statements never grows with the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select

from domain.credit.exposure import CreditStanding
from domain.credit.owed import OWED_SUMS, OwedSum, sum_owed
from domain.customers.list_customers import conditions_of
from domain.customers.list_filters import BrowseCustomers, CustomerTab, conditions_of_tab, filter_customers
from domain.customers.list_places import WITH_DEBTS, places_of, select_ids
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, read_rows
from domain.customers.totals import NOTHING, Bought, find_usual_gaps, sum_orders_of
from domain.kernel.clock import business_date, business_today
from domain.kernel.counting import MOST_COUNTED
from domain.kernel.money import ZERO
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, make_page
from models.session import plan_for_values

# Nobody reads a number beyond that on a tab beside the one that is shown.
MOST_BESIDE = 1_000
# What is counted besides the tabs.
EVERYBODY, OWED_TOGETHER = "everybody", "owed_together"


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
    """A page of the list with the counts of its tabs and of everybody, as they are written.

    `owed` is what those under the filters and the tab owe together, US dollars.
    """

    page: Page[ListedCustomer]
    is_more: bool
    counts: dict[str, str]
    everybody: str
    owed: Decimal


async def browse_customers(db: Reader, query: BrowseCustomers, *, timezone: tzinfo) -> FoundCustomers:
    """A page with its counts, in seven statements."""
    await plan_for_values(db)
    wanted = select_ids(query, timezone=timezone, most=query.per_page, skip=query.offset)
    ids = list((await db.execute(wanted)).scalars())
    known = {row.id: row for row in await read_rows(db, SELECT_ROWS.where(CUSTOMERS.id.in_(ids)))}
    rows = [known[each] for each in ids if each in known]  # one may have gone between the statements
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
    words = {tab.value: _write(counts[tab.value], _most_counted(query, tab)) for tab in CustomerTab}
    page = make_page(listed, min(total, MOST_COUNTED), query)
    return FoundCustomers(page, is_more, words, _write(counts[EVERYBODY], MOST_COUNTED), counts[OWED_TOGETHER])


async def find_customer_neighbours(
    db: Reader, customer_id: int, query: BrowseCustomers, *, timezone: tzinfo
) -> Neighbours:
    """The customers before and after one in the list under these filters."""
    return await find_listed_neighbours(
        db,
        name=CUSTOMERS.id,
        source=WITH_DEBTS if query.sort.is_by_debt else CUSTOMERS.id.table,
        order=places_of(query),
        here=customer_id,
        ids=select_ids(query, timezone=timezone),
    )


async def _count_tabs(db: Reader, query: BrowseCustomers, timezone: tzinfo) -> dict[str, Any]:
    """How many stand under each tab. Who ordered when is found once, and the tabs look among those."""
    filtered = filter_customers(query)
    everybody = _count(conditions_of(None), MOST_COUNTED)
    if query.last is not None:
        found = select(CUSTOMERS.id).where(*filtered).cte("filtered")
        filtered = [CUSTOMERS.id.in_(select(found.c.id))]
    counts = [
        _count([*filtered, *conditions_of_tab(tab, timezone)], _most_counted(query, tab)).label(tab.value)
        for tab in CustomerTab
    ]
    theirs = select(func.coalesce(func.sum(OWED_SUMS.c.owes), ZERO)).join(
        CUSTOMERS.id.table, CUSTOMERS.id == OWED_SUMS.c.customer_id
    )
    owed = theirs.where(*filtered, *conditions_of_tab(query.tab, timezone)).scalar_subquery()
    row = (await db.execute(select(*counts, everybody.label(EVERYBODY), owed.label(OWED_TOGETHER)))).mappings().one()
    return dict(row)


def _count(conditions: Sequence[ColumnElement[bool]], most: int) -> ScalarSelect[int]:
    """How many there are, counted to one more than the most that is written."""
    rows = select(CUSTOMERS.id).where(*conditions).limit(most + 1).subquery()
    return select(func.count()).select_from(rows).scalar_subquery()


def _write(count: int, most: int) -> str:
    return f"{min(count, most):,}{'+' if count > most else ''}"


def _most_counted(query: BrowseCustomers, tab: CustomerTab) -> int:
    """How far a tab is counted: the one that is shown for its pages, the others to say how many wait there."""
    return MOST_COUNTED if tab is query.tab else MOST_BESIDE
