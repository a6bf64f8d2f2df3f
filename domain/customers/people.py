"""Suggestions for a field that completes itself: registered customers, and guests known from their orders."""

from dataclasses import dataclass

from sqlalchemy import and_, func, literal, select
from sqlalchemy.dialects.postgresql import distinct_on

from domain.customers.list_customers import match_text
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, is_emptied, read_rows
from domain.kernel.addresses import compose_address
from domain.kernel.inputs import Filled200
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.orders.filters import ORDERS, search_condition

# The most guest orders read before grouping them by person: enough for a name, few enough to be quick.
MOST_GUEST_ORDERS = 2_000


class SearchPeople(NewestPageInput):
    """Some letters of a name, a company or a phone."""

    q: Filled200
    """The text to search for."""


@dataclass(frozen=True, slots=True)
class Person:
    """A registered customer, or a guest, who has no id."""

    id: int | None
    source: str
    first_name: str
    last_name: str
    full_name: str
    username: str
    company_name: str
    phone: str | None
    email: str | None
    street: str
    city: str
    state: str
    zip: str
    country: str

    @property
    def name(self) -> str:
        """The person, or else the company."""
        return self.full_name or self.company_name or self.username

    @property
    def company(self) -> str:
        """The company, under its short name."""
        return self.company_name

    @property
    def address(self) -> str:
        """The street of the delivery address."""
        return self.street

    @property
    def shipping_address(self) -> str:
        """The delivery address as one line."""
        return compose_address(self.street, self.city, self.state, self.zip, self.country)


async def search_people(db: Reader, query: SearchPeople) -> Page[Person]:
    """Return a page of people: registered customers by company, then guests by their newest order; three statements."""
    matches = and_(match_text(query.q), ~is_emptied(), CUSTOMERS.is_active)
    registered = await db.scalar(select(func.count(CUSTOMERS.id)).where(matches)) or 0
    rows = await read_rows(
        db,
        SELECT_ROWS.where(matches)
        .order_by(func.lower(CUSTOMERS.company_name), CUSTOMERS.id)
        .limit(query.per_page)
        .offset(query.offset),
    )
    guests = await _find_guests(db, query.q)
    people = [_from_customer(row) for row in rows]
    if (room := query.per_page - len(people)) > 0:
        begin = max(query.offset - registered, 0)
        people += guests[begin : begin + room]
    return make_page(people, registered + len(guests), query)


async def _find_guests(db: Reader, text: str) -> list[Person]:
    """Return the guests of the newest matching orders, each once by email, or else by phone, or else by name."""
    recent = (
        select(ORDERS.id)
        .where(ORDERS.customer_id.is_(None), search_condition(text))
        .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
        .limit(MOST_GUEST_ORDERS)
        .subquery()
    )
    who = func.coalesce(func.lower(ORDERS.delivery_email), ORDERS.delivery_phone, func.lower(ORDERS.delivery_name))
    once = (
        select(ORDERS.id, ORDERS.created_at)
        .ext(distinct_on(who))
        .where(ORDERS.id.in_(select(recent.c.id)))
        .order_by(who, ORDERS.created_at.desc(), ORDERS.id.desc())
        .subquery()
    )
    rows = await db.execute(
        select(
            literal(None),
            literal("guest"),
            ORDERS.delivery_first_name,
            ORDERS.delivery_last_name,
            ORDERS.delivery_name,
            literal(""),
            ORDERS.delivery_company,
            ORDERS.delivery_phone,
            ORDERS.delivery_email,
            ORDERS.delivery_address,
            ORDERS.delivery_city,
            ORDERS.delivery_state,
            ORDERS.delivery_zip,
            ORDERS.delivery_country,
        )
        .join(once, once.c.id == ORDERS.id)
        .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
    )
    return [Person(*row) for row in rows]


def _from_customer(row: CustomerRow) -> Person:
    return Person(
        row.id, "registered", row.first_name, row.last_name, row.name, row.username, row.company_name, row.phone,
        row.email, row.shipping_street, row.shipping_city, row.shipping_state, row.shipping_zip, row.shipping_country,
    )  # fmt: skip
