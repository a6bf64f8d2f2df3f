"""Customers as staff see them: the rows of lists and of one record, with the same fields everywhere."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.kernel.addresses import compose_address
from domain.kernel.errors import NotFound
from domain.messages.suppression import NUMBERS
from models import Customer, Staff, columns_of, table_of

Reader = AsyncSession | AsyncConnection
CUSTOMERS = columns_of(Customer)
STAFF = columns_of(Staff)
ADDRESS_PARTS = ("street", "city", "state", "zip", "country")


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer as staff see it. `do_not_call` is also true if only the number is suppressed."""

    id: int
    username: str
    email: str | None
    billing_email: str | None
    first_name: str
    last_name: str
    contact_role: str
    company_name: str
    phone: str | None
    phone_raw: str
    phone_label: str
    phone2: str | None
    phone2_label: str
    shipping_street: str
    shipping_city: str
    shipping_state: str
    shipping_zip: str
    shipping_country: str
    billing_street: str
    billing_city: str
    billing_state: str
    billing_zip: str
    billing_country: str
    preferred_language: str
    timezone: str
    payment_terms: str
    credit_limit: Decimal
    po_number: str
    notes: str
    sales_rep_id: int | None
    rep_name: str | None
    do_not_call: bool
    do_not_call_note: str
    do_not_text: bool
    email_verified_at: datetime | None
    phone_verified_at: datetime | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def name(self) -> str:
        """The contact's full name."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def title(self) -> str:
        """The name of the customer: the company, or else the person, or else the username."""
        return self.company_name or self.name or self.username

    @property
    def shipping_address(self) -> str:
        """The delivery address as one line."""
        return self._address("shipping")

    @property
    def billing_address(self) -> str:
        """The billing address as one line."""
        return self._address("billing")

    @property
    def email_verified(self) -> bool:
        """True once the email is verified."""
        return self.email_verified_at is not None

    def _address(self, kind: str) -> str:
        return compose_address(*(getattr(self, f"{kind}_{part}") for part in ADDRESS_PARTS))


def is_suppressed(kind: str) -> ColumnElement[bool]:
    """The condition that a customer must not be called (or texted), by their own mark or one of their numbers."""
    by_number = exists().where(NUMBERS[kind], NUMBERS.phone.in_([CUSTOMERS.phone, CUSTOMERS.phone2]))
    return or_(CUSTOMERS[kind], by_number)


# The prefix of usernames of emptied rows.
EMPTIED = "deleted-"
# A constant text, so that the planner recognises the condition of the partial index.
_IS_EMPTIED: ColumnElement[bool] = and_(
    ~CUSTOMERS.is_active, CUSTOMERS.username.like(literal_column(f"'{EMPTIED}%'")), CUSTOMERS.email.is_(None)
)
_COMPUTED: dict[str, ColumnElement[Any]] = {
    "rep_name": STAFF.full_name,
    "do_not_call": is_suppressed("do_not_call"),
    "do_not_text": is_suppressed("do_not_text"),
}
_FROM = table_of(Customer).outerjoin(table_of(Staff), STAFF.id == CUSTOMERS.sales_rep_id)
_COLUMNS = [
    (_COMPUTED[field.name] if field.name in _COMPUTED else CUSTOMERS[field.name]).label(field.name)
    for field in fields(CustomerRow)
]
SELECT_ROWS: Select[Any] = select(*_COLUMNS).select_from(_FROM)


async def read_rows(db: Reader, statement: Select[Any]) -> list[CustomerRow]:
    """Return the rows of a statement based on `SELECT_ROWS`."""
    return [CustomerRow(*row) for row in await db.execute(statement)]


async def get_customer(db: Reader, customer_id: int) -> CustomerRow:
    """Return one customer. Raises NotFound, also if the account was emptied."""
    rows = await read_rows(db, SELECT_ROWS.where(and_(CUSTOMERS.id == customer_id, ~is_emptied())))
    if not rows:
        raise NotFound("There is no such customer.")
    return rows[0]


def is_emptied() -> ColumnElement[bool]:
    """The condition of a row that is kept only for its ledger, after the customer was deleted."""
    return _IS_EMPTIED
