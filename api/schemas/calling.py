"""Answers about the calling list, its scores and its script."""

from collections.abc import Iterable
from datetime import date

import asyncpg
import orjson
from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut
from api.schemas.imports import RowErrorOut
from domain.calling.entries import EntryRow
from domain.kernel.paging import Page


class EntryOut(Answer):
    id: int
    customer_id: int | None
    """The customer that this is; null for a prospect."""
    first_name: str
    last_name: str
    contact_name: str
    """Whom to ask for."""
    company_name: str
    email: str | None
    phone: str | None
    """The number to call, E.164."""
    phone2: str | None
    """Another number of theirs, E.164."""
    address: str
    notes: str
    assigned_to: int | None
    """The colleague who calls them."""
    assignee_name: str | None
    status: str
    """How far they have come: new, contacted, callback, customer or closed."""
    priority_score: float
    """How urgent a call is, 0–100."""
    do_not_call: bool
    """True when a number or the customer is marked; no list shows such an entry."""
    last_called: TimeOut | None
    last_order_date: date | None
    """The business day of the customer's last order that was not cancelled."""
    order_count: int
    """Orders of the customer that were not cancelled."""
    total_spend: MoneyOut
    """What those orders cost together, US dollars."""


class EntryListOut(Answer):
    entries: list[EntryOut]
    total: int
    page: int
    per_page: int
    pages: int


class SavedEntryOut(Answer):
    success: bool = True
    entry: EntryOut


class NextEntryOut(Answer):
    success: bool = True
    entry: EntryOut | None
    """The entry that is the caller's for 15 minutes; null when nobody may be called now."""
    claimed_until: TimeOut | None
    """When the claim ends."""


class UploadedProspectsOut(Answer):
    success: bool = True
    created: int = 0
    skipped: int = 0
    """Rows that did not go in because something is wrong with them."""
    dupes: int = 0
    """Rows whose number is listed already."""
    errors: list[RowErrorOut] = Field(default_factory=list)
    """What is wrong with which row."""
    job_id: int
    """The import, whose state can be asked for."""
    message: str = ""
    """Why the counts are not final, where the import goes on."""


class LinkedEntriesOut(Answer):
    linked: int
    """Entries linked by this run."""
    already_linked: int
    """Entries that were linked before."""
    no_match: int
    """Entries whose number and email no customer has."""
    total: int
    """Entries altogether."""
    message: str
    """The outcome as a sentence."""


class UpdatedEntriesOut(Answer):
    success: bool = True
    updated: int
    """How many entries changed."""


class RecalculatedOut(UpdatedEntriesOut):
    total: int
    """Entries altogether."""


class PurchasedProductOut(Answer):
    sku: str
    name: str
    purchase_count: int
    """Orders that hold it, cancelled ones left out."""


class PurchasedProductsOut(Answer):
    products: list[PurchasedProductOut]


def show_purchased_products(rows: Iterable[asyncpg.Record]) -> bytes:
    """The same as JSON, of rows that hold the columns of a product in its order; there are many of them."""
    return orjson.dumps(
        {"products": [{"sku": sku, "name": name, "purchase_count": count} for sku, name, count in rows]}
    )


class RescoredOut(Answer):
    success: bool = True
    id: int
    """The entry."""
    new_score: float
    """Its score now, 0–100."""
    reason: str
    """What made it, as a sentence."""


class SegmentsOut(Answer):
    priority: int
    """With a phone and not called in the last three days."""
    window: int
    """Days since the last order between 0.8 and 1.3 of the customer's own cycle."""
    lapsed: int
    """Last order more than 90 days ago."""
    called: int
    """Called today."""
    all: int
    """Everybody who may be called and is not closed."""


class CallerDayOut(Answer):
    calls_today: int
    orders_placed: int
    """Today's orders that count for the caller."""
    revenue_today: MoneyOut
    """What they cost together, US dollars."""
    conversion: float
    """Orders for each call of today; 0 without calls."""


class CallingSegmentsOut(Answer):
    segments: SegmentsOut
    kpi: CallerDayOut


class AssigneeOut(Answer):
    id: int
    full_name: str
    username: str
    role: str


class CallScriptOut(Answer):
    content: str
    """Plain text; empty before anybody wrote it."""
    updated_by: str | None
    updated_at: TimeOut | None


class SavedScriptOut(Answer):
    success: bool = True
    message: str
    """The outcome as a sentence."""


def show_entries(page: Page[EntryRow]) -> dict[str, object]:
    """A page under the names that the contract gives its parts."""
    return {
        "entries": page.rows,
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "pages": page.pages,
    }
