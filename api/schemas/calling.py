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
    """The customer of this entry; null for a prospect."""
    first_name: str
    last_name: str
    contact_name: str
    """Name of the contact person."""
    company_name: str
    email: str | None
    phone: str | None
    """The number to call, E.164."""
    phone2: str | None
    """A second number, E.164."""
    address: str
    notes: str
    assigned_to: int | None
    """The colleague to whom the entry is assigned."""
    assignee_name: str | None
    status: str
    """Status: new, contacted, callback, customer or closed."""
    priority_score: float
    """How urgent a call is, 0–100."""
    do_not_call: bool
    """True when a number or the customer is marked do-not-call; no list shows such an entry."""
    last_called: TimeOut | None
    last_order_date: date | None
    """The business day of the customer's last order that was not cancelled."""
    order_count: int
    """The customer's orders that were not cancelled."""
    total_spend: MoneyOut
    """Total of those orders in US dollars."""


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
    """The entry claimed for 15 minutes; null if no entry may be called now."""
    claimed_until: TimeOut | None
    """When the claim ends."""


class UploadedProspectsOut(Answer):
    success: bool = True
    created: int = 0
    skipped: int = 0
    """Rows that were not imported because of errors."""
    dupes: int = 0
    """Rows whose number is already listed."""
    errors: list[RowErrorOut] = Field(default_factory=list)
    """The errors by row."""
    job_id: int
    """Id of the import, for reading its status."""
    message: str = ""
    """Why the counts are not final, if the import is still running."""


class LinkedEntriesOut(Answer):
    linked: int
    """Entries linked by this run."""
    already_linked: int
    """Entries that were already linked."""
    no_match: int
    """Entries without a customer with the same number or email."""
    total: int
    """Total number of entries."""
    message: str
    """The outcome as a sentence."""


class UpdatedEntriesOut(Answer):
    success: bool = True
    updated: int
    """How many entries changed."""


class AssignedEntriesOut(UpdatedEntriesOut):
    customers_of_other_reps: int
    """How many customers of these entries belong to another rep; they stay there."""


class RecalculatedOut(UpdatedEntriesOut):
    total: int
    """Total number of entries."""


class PurchasedProductOut(Answer):
    sku: str
    name: str
    purchase_count: int
    """Orders that contain it, except cancelled ones."""


class PurchasedProductsOut(Answer):
    products: list[PurchasedProductOut]


def show_purchased_products(rows: Iterable[asyncpg.Record]) -> bytes:
    """The same as JSON bytes, from rows with a product's columns in order; there are many of them."""
    return orjson.dumps(
        {"products": [{"sku": sku, "name": name, "purchase_count": count} for sku, name, count in rows]}
    )


class RescoredOut(Answer):
    success: bool = True
    id: int
    """The entry."""
    new_score: float
    """The new score, 0–100."""
    reason: str
    """The reason for the score, as a sentence."""


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
    """All entries that may be called and are not closed."""


class CallerDayOut(Answer):
    calls_today: int
    orders_placed: int
    """Today's orders credited to the caller."""
    revenue_today: MoneyOut
    """Their total in US dollars."""
    conversion: float
    """Orders per call today; 0 without calls."""


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
    """Plain text; empty if no script was written yet."""
    updated_by: str | None
    updated_at: TimeOut | None


class SavedScriptOut(Answer):
    success: bool = True
    message: str
    """The outcome as a sentence."""


def show_entries(page: Page[EntryRow]) -> dict[str, object]:
    """A page with the contract's key names."""
    return {
        "entries": page.rows,
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "pages": page.pages,
    }
