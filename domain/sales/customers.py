"""Customers for the sales floor: the list, beginning with the longest time since an order, and single profiles.

A rep sees their own customers and those without a rep. Customers who must not be called are on no list.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import RowMapping, text

from domain.kernel.actor import Actor
from domain.kernel.addresses import compose_address
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound
from domain.kernel.inputs import Input, PhoneIn, Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.phone import parse_phone
from domain.kernel.texts import as_search_pattern
from domain.messages.owners import owners_sql
from domain.messages.suppression import callable_sql
from domain.orders.business import current_business
from domain.orders.queries import Reader
from models import Role

MOST_ORDERS = 20
MOST_PREVIEWED = 3

_VISIBLE = "(CAST(:rep_id AS bigint) IS NULL OR {column} = :rep_id OR {column} IS NULL)"
_LISTED = f"""
c.phone IS NOT NULL AND c.is_active AND NOT c.do_not_call AND {callable_sql("c.phone", "c.phone2")}
  AND {_VISIBLE.format(column="c.sales_rep_id")}
  AND (CAST(:pattern AS text) IS NULL OR c.search_text LIKE :pattern)
"""
# The stored day of the last order limits who can be on the page, so that only their newest orders are looked up: all
# customers from the page's first day (or from as many customers before as changed) to its last day, found in the order
# of these days, and those whose orders changed since. A page that ends among customers who never ordered reads all of
# those.
_LIST = text(f"""
WITH changed AS MATERIALIZED (SELECT DISTINCT customer_id FROM customer_sales_change),
kept AS MATERIALIZED (
  SELECT c.id, s.last_day FROM customer_sales AS s JOIN customer AS c ON c.id = s.customer_id
  WHERE {_LISTED} AND s.customer_id NOT IN (SELECT customer_id FROM changed)
  ORDER BY s.last_day FETCH FIRST (CAST(:before AS bigint) + CAST(:most AS bigint)) ROWS WITH TIES
),
start AS MATERIALIZED (
  SELECT coalesce((
    SELECT last_day FROM kept ORDER BY last_day
    OFFSET greatest(CAST(:before AS bigint) - (SELECT count(*) FROM changed), 0) LIMIT 1
  ), 'infinity') AS day
),
skipped AS MATERIALIZED (SELECT count(*) AS customers FROM kept WHERE last_day < (SELECT day FROM start)),
near AS (
  SELECT id FROM kept WHERE last_day >= (SELECT day FROM start)
  UNION ALL SELECT c.id FROM customer AS c
  WHERE (SELECT count(*) FROM kept) < CAST(:before AS bigint) + CAST(:most AS bigint) AND {_LISTED}
    AND c.id NOT IN (SELECT customer_id FROM changed) AND c.id NOT IN (SELECT id FROM kept)
  UNION ALL SELECT c.id FROM changed JOIN customer AS c ON c.id = changed.customer_id WHERE {_LISTED}
),
page AS MATERIALIZED (
  SELECT near.id, l.id AS last_id, l.created_at AS last_at, l.total_amount AS last_amount
  FROM near LEFT JOIN LATERAL (
    SELECT o.id, o.created_at, o.total_amount FROM orders AS o
    WHERE o.customer_id = near.id AND o.status <> 'cancelled' ORDER BY o.created_at DESC, o.id DESC LIMIT 1
  ) AS l ON true
  ORDER BY l.created_at ASC NULLS LAST, near.id LIMIT :most
  OFFSET CAST(:before AS bigint) - (SELECT customers FROM skipped)
)
SELECT c.id, c.first_name, c.last_name, c.company_name, c.username, c.phone, c.email, c.shipping_street,
  c.shipping_city, c.shipping_state, c.shipping_zip, c.shipping_country, coalesce(t.orders, 0) AS order_count,
  coalesce(t.spend, 0) AS total_spend, (p.last_at AT TIME ZONE :zone)::date AS last_order_date,
  p.last_amount AS last_order_amount, coalesce(i.names, ARRAY[]::text[]) AS last_order_items
FROM page AS p JOIN customer AS c ON c.id = p.id
LEFT JOIN LATERAL (
  SELECT count(*) AS orders, sum(total_amount) AS spend FROM orders
  WHERE customer_id = p.id AND status <> 'cancelled'
) AS t ON true
LEFT JOIN LATERAL (
  SELECT array_agg(product_name ORDER BY position) AS names FROM order_item WHERE order_id = p.last_id
) AS i ON true
ORDER BY p.last_at ASC NULLS LAST, p.id
""")  # noqa: S608 - the same
_COUNT = text(f"SELECT count(*) FROM customer AS c WHERE {_LISTED}")  # noqa: S608 - the same
_ORDERS = """
SELECT o.id, o.order_number, o.created_at, o.total_amount, o.status, o.payment_status, o.payment_method,
  o.item_count, coalesce(i.names, ARRAY[]::text[]) AS names
FROM orders AS o LEFT JOIN LATERAL (
  SELECT array_agg(product_name ORDER BY position) AS names FROM order_item
  WHERE order_id = o.id AND position <= :previewed
) AS i ON true
WHERE {whose} AND {visible}
ORDER BY o.created_at DESC, o.id DESC LIMIT :most
"""
_PROFILE = """
SELECT c.id, c.username, c.first_name, c.last_name, c.company_name, c.email, c.phone, c.phone2, c.shipping_street,
  c.shipping_city, c.shipping_state, c.shipping_zip, c.shipping_country, c.billing_street, c.billing_city,
  c.billing_state, c.billing_zip, c.billing_country, c.preferred_language, c.payment_terms, c.created_at,
  c.sales_rep_id, coalesce(nullif(s.full_name, ''), s.username) AS rep_name, t.orders AS order_count,
  coalesce(t.spend, 0) AS total_spent
FROM customer AS c LEFT JOIN staff AS s ON s.id = c.sales_rep_id LEFT JOIN LATERAL (
  SELECT count(*) AS orders, sum(total_amount) AS spend FROM orders
  WHERE customer_id = c.id AND status <> 'cancelled'
) AS t ON true
WHERE c.id = :id
"""
# A shared number counts as the account that ordered last.
_BY_PHONE = text(f"""
SELECT c.id FROM customer AS c LEFT JOIN LATERAL (
  SELECT created_at FROM orders WHERE customer_id = c.id ORDER BY created_at DESC LIMIT 1
) AS l ON true
WHERE c.id IN {owners_sql("CAST(:phone AS text)")} AND c.is_active ORDER BY l.created_at DESC NULLS LAST, c.id LIMIT 1
""")  # noqa: S608 - a constant of ours
_GUEST = text(f"""
SELECT o.delivery_name, o.delivery_first_name, o.delivery_last_name, o.delivery_company, o.delivery_email,
  o.delivery_address, o.delivery_city, o.delivery_state, o.delivery_zip, o.delivery_country, o.billing_address,
  min(o.created_at) OVER () AS first_at, count(*) FILTER (WHERE o.status <> 'cancelled') OVER () AS orders,
  sum(o.total_amount) FILTER (WHERE o.status <> 'cancelled') OVER () AS spend
FROM orders AS o WHERE o.delivery_phone = :phone AND o.customer_id IS NULL
  AND {_VISIBLE.format(column="o.sales_rep_id")}
ORDER BY o.created_at DESC, o.id DESC LIMIT 1
""")  # noqa: S608 - the condition is ours


class ListSalesCustomers(PageInput):
    """The filters of the list."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 100
    search: Text200 = ""
    """Company, name, email or phone; with fewer than three letters, only beginnings match."""


class FindGuest(Input):
    """The phone number to look up."""

    phone: Annotated[PhoneIn, Field(json_schema_extra={"minLength": 1})] = ""
    """The number, in any common format."""


@dataclass(frozen=True, slots=True)
class SalesCustomer:
    """A customer of the list. Amounts are US dollars of orders not cancelled."""

    id: int
    name: str
    first_name: str
    last_name: str
    company: str
    phone: str
    email: str | None
    shipping_address: str
    order_count: int
    total_spend: Decimal
    last_order_date: date | None
    last_order_amount: Decimal | None
    last_order_items: Sequence[str]


@dataclass(frozen=True, slots=True)
class RecentOrder:
    """One of a profile's orders."""

    id: int
    order_number: str
    created_at: datetime
    total_amount: Decimal
    status: str
    payment_status: str
    payment_method: str
    item_count: int
    items_preview: str


@dataclass(frozen=True, slots=True)
class SalesProfile:
    """Who somebody is and what they bought. A guest has no id."""

    id: int | None
    first_name: str
    last_name: str
    company_name: str
    email: str | None
    phone: str | None
    phone2: str | None
    shipping_address: str
    billing_address: str
    preferred_language: str
    payment_terms: str
    created_at: datetime
    order_count: int
    total_spent: Decimal
    orders: Sequence[RecentOrder]
    no_account: bool = False

    @property
    def full_name(self) -> str:
        """The person's full name."""
        return f"{self.first_name} {self.last_name}".strip()


async def list_sales_customers(db: Reader, query: ListSalesCustomers, *, visible_to: Actor) -> Page[SalesCustomer]:
    """Return a page of customers with a phone, longest without an order first, never ordered last; two statements."""
    values = {
        "rep_id": rep_of(visible_to),
        "pattern": _pattern(query.search),
        "zone": str(current_business().timezone),
        "most": query.per_page,
        "before": query.offset,
    }
    rows = [_show_customer(row._mapping) for row in await db.execute(_LIST, values)]  # noqa: SLF001 - SQLAlchemy's name for it
    total = (await db.execute(_COUNT, {name: values[name] for name in ("rep_id", "pattern")})).scalar_one()
    return make_page(rows, total, query)


async def get_sales_profile(db: Reader, customer_id: int, *, visible_to: Actor) -> SalesProfile:
    """Return one customer with recent orders. Raises NotFound, and NotAllowed naming the rep of another's customer."""
    row = (await db.execute(text(_PROFILE), {"id": customer_id})).mappings().first()
    if row is None:
        raise NotFound("There is no such customer.")
    check_rep(row["sales_rep_id"], row["rep_name"], row["company_name"], visible_to)
    orders = await _list_orders(db, "o.customer_id = :key", customer_id, visible_to)
    return SalesProfile(
        **{name: row[name] for name in _KEPT},
        shipping_address=_address(row, "shipping"),
        billing_address=_address(row, "billing"),
        orders=orders,
    )


async def get_guest_profile(db: Reader, query: FindGuest, *, visible_to: Actor) -> SalesProfile:
    """Return the account of a number, or else the data of guest orders with it. Raises InvalidInput and NotFound."""
    phone = parse_phone(query.phone)
    if phone is None:
        raise InvalidInput("Enter a phone number.", fields={"phone": "must be a phone number"})
    customer_id = (await db.execute(_BY_PHONE, {"phone": phone})).scalar_one_or_none()
    if customer_id is not None:
        return await get_sales_profile(db, customer_id, visible_to=visible_to)
    row = (await db.execute(_GUEST, {"phone": phone, "rep_id": rep_of(visible_to)})).mappings().first()
    if row is None:
        raise NotFound("No one has ordered with this number yet.")
    first, _, last = row["delivery_name"].partition(" ")
    parts = ("address", "city", "state", "zip", "country")
    orders = await _list_orders(db, "o.delivery_phone = :key AND o.customer_id IS NULL", phone, visible_to)
    return SalesProfile(
        id=None,
        first_name=row["delivery_first_name"] or first,
        last_name=row["delivery_last_name"] or last,
        company_name=row["delivery_company"],
        email=row["delivery_email"],
        phone=phone,
        phone2=None,
        shipping_address=compose_address(*(row[f"delivery_{part}"] for part in parts)),
        billing_address=row["billing_address"],
        preferred_language="en",
        payment_terms="prepaid",
        created_at=row["first_at"],
        order_count=row["orders"],
        total_spent=row["spend"] or Decimal("0.00"),
        orders=orders,
        no_account=True,
    )


def rep_of(actor: Actor) -> int | None:
    """Return the rep's id to which a list is limited; None if the actor sees all customers."""
    return actor.id if actor.has_role(Role.SALES_REP) else None


def check_rep(rep_id: int | None, rep_name: str | None, company: str, actor: Actor) -> None:
    """Raise NotAllowed, naming the customer's rep, if a rep asks for a colleague's customer."""
    if actor.has_role(Role.SALES_REP) and rep_id not in {None, actor.id}:
        raise NotAllowed(
            f"{company or 'This customer'} is a customer of {rep_name or 'a colleague'}. Ask a manager to change it.",
            code=Code.NOT_YOUR_CUSTOMER,
        )


_KEPT = (
    "id", "first_name", "last_name", "company_name", "email", "phone", "phone2", "preferred_language",
    "payment_terms", "created_at", "order_count", "total_spent",
)  # fmt: skip


async def _list_orders(db: Reader, whose: str, key: int | str, visible_to: Actor) -> list[RecentOrder]:
    statement = text(_ORDERS.format(whose=whose, visible=_VISIBLE.format(column="o.sales_rep_id")))
    values = {"key": key, "rep_id": rep_of(visible_to), "previewed": MOST_PREVIEWED, "most": MOST_ORDERS}
    found = []
    for row in (await db.execute(statement, values)).mappings():
        order = dict(row)
        names = order.pop("names")
        more = order["item_count"] - len(names)
        preview = ", ".join(names) + (f" and {more} more" if more > 0 else "")
        found.append(RecentOrder(**order, items_preview=preview))
    return found


def _show_customer(row: RowMapping) -> SalesCustomer:
    person = f"{row['first_name']} {row['last_name']}".strip()
    return SalesCustomer(
        id=row["id"],
        name=person or row["company_name"] or row["username"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        company=row["company_name"],
        phone=row["phone"],
        email=row["email"],
        shipping_address=_address(row, "shipping"),
        order_count=row["order_count"],
        total_spend=row["total_spend"],
        last_order_date=row["last_order_date"],
        last_order_amount=row["last_order_amount"],
        last_order_items=row["last_order_items"],
    )


def _address(row: RowMapping, kind: str) -> str:
    return compose_address(*(row[f"{kind}_{part}"] for part in ("street", "city", "state", "zip", "country")))


def _pattern(search: str) -> str | None:
    wanted = search.strip().lower()
    if not wanted:
        return None
    digits = re.sub(r"\D", "", wanted)
    if len(digits) >= 7 and not re.search(r"[a-z]", wanted):
        return f"%{digits.removeprefix('1') if len(digits) == 11 else digits}%"
    escaped = as_search_pattern(wanted)
    return f"%{escaped}%" if len(re.sub(r"\W", "", wanted)) >= 3 else f"{escaped}%"
