"""Vendors. One that a request for quotes refers to is archived instead of deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.inputs import EmptyableEmailIn, Filled200, Input, PhoneIn, Text60, Text200, Text2000
from domain.kernel.live import Topic, announce
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.kernel.phone import parse_phone
from domain.kernel.texts import as_search_pattern
from models import AuditAction, Rfq, RfqQuote, Vendor, columns_of

Reader = AsyncSession | AsyncConnection
VENDORS = columns_of(Vendor)
All = Literal["0", "1", "true", "false"]


class ListVendors(NewestPageInput):
    """The filters of the list."""

    all: All = "0"
    """1 includes archived ones."""
    search: Text60 | None = None
    """A vendor's name, contact, email or phone."""

    @property
    def shows_archived(self) -> bool:
        """True if archived ones are included."""
        return self.all in {"1", "true"}


class VendorFields(Input):
    """The fields of a vendor except its name."""

    website: Text200 | None = None
    phone: PhoneIn | None = None
    email: EmptyableEmailIn | None = None
    contact_name: Text200 | None = None
    """The contact person."""
    address: Text200 | None = None
    notes: Text2000 | None = None
    active: bool | None = None
    """False archives the vendor."""


class CreateVendor(VendorFields):
    """A new vendor."""

    name: Filled200


class UpdateVendor(VendorFields):
    """The fields to change; missing ones stay unchanged, an empty string clears a field."""

    name: Filled200 | None = None
    version: int | None = None
    """The version that was read; the change is refused if it is no longer the current one."""


@dataclass(frozen=True, slots=True)
class VendorRow:
    """One vendor, without data that is limited to some readers."""

    id: int
    name: str
    website: str
    phone: str
    email: str
    contact_name: str
    address: str
    notes: str
    active: bool
    version: int


_COLUMNS = [getattr(Vendor, field.name) for field in fields(VendorRow)]


async def list_vendors(db: Reader, query: ListVendors) -> Page[VendorRow]:
    """Return a page of vendors by name."""
    conditions: list[ColumnElement[bool]] = [] if query.shows_archived else [VENDORS.active]
    if query.search:
        conditions.append(VENDORS.search_text.like(f"%{as_search_pattern(query.search.lower())}%"))
    statement = select(*_COLUMNS).where(*conditions).order_by(func.lower(Vendor.name), Vendor.id)
    rows = [VendorRow(*row) for row in await db.execute(statement.limit(query.per_page).offset(query.offset))]
    total = await db.scalar(select(func.count()).select_from(Vendor).where(*conditions))
    return make_page(rows, total or 0, query)


async def list_vendor_names(db: Reader) -> Sequence[tuple[int, str]]:
    """Return the vendors to choose from for a delivery, as (id, name)."""
    statement = select(Vendor.id, Vendor.name).where(Vendor.active).order_by(func.lower(Vendor.name), Vendor.id)
    return [(row[0], row[1]) for row in await db.execute(statement.limit(500))]


async def get_vendor(db: Reader, vendor_id: int) -> VendorRow:
    """Return one vendor. Raises NotFound."""
    row = (await db.execute(select(*_COLUMNS).where(Vendor.id == vendor_id))).first()
    if row is None:
        raise NotFound("There is no such vendor.")
    return VendorRow(*row)


async def create_vendor(db: AsyncSession, data: CreateVendor, *, by: Actor) -> VendorRow:
    """Create a vendor."""
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change vendors.")
    vendor = Vendor(**_read(data))
    db.add(vendor)
    await db.flush()
    await note_change(db, AuditAction.VENDOR_CREATED, vendor.id, vendor.name, {}, {"name": vendor.name}, by=by)
    return await get_vendor(db, vendor.id)


async def update_vendor(db: AsyncSession, vendor_id: int, data: UpdateVendor, *, by: Actor) -> VendorRow:
    """Change the fields that were sent. Raises NotFound, and Refused for a stale version."""
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change vendors.")
    vendor = await _lock(db, vendor_id)
    if data.version is not None and data.version != vendor.version:
        raise await make_stale(
            db,
            "this vendor",
            record_kind="vendor",
            record_id=vendor_id,
            record_name=vendor.name,
            changed_at=vendor.updated_at,
            version=vendor.version,
        )
    changes = {name: value for name, value in _read(data).items() if getattr(vendor, name) != value}
    if changes:
        before = {name: getattr(vendor, name) for name in changes}
        for name, value in changes.items():
            setattr(vendor, name, value)
        vendor.updated_at, vendor.version = now(), vendor.version + 1
        await db.flush()
        await note_change(db, AuditAction.VENDOR_UPDATED, vendor_id, vendor.name, before, changes, by=by)
    return await get_vendor(db, vendor_id)


async def delete_vendor(db: AsyncSession, vendor_id: int, *, by: Actor) -> str:
    """Delete a vendor with its products, or archive one that a quote request refers to. Return which, as a sentence."""
    require(by, Right.DELETE_VENDORS, "Only administrators delete vendors.")
    vendor = await _lock(db, vendor_id)
    name = vendor.name
    if await db.scalar(
        select(exists().where(Rfq.vendor_id == vendor_id) | exists().where(RfqQuote.vendor_id == vendor_id))
    ):
        vendor.active, vendor.updated_at, vendor.version = False, now(), vendor.version + 1
        await db.flush()
        await note_change(db, AuditAction.VENDOR_ARCHIVED, vendor_id, name, {"active": True}, {"active": False}, by=by)
        return f"{name} has requests for quotes, so it was archived instead of deleted."
    await db.delete(vendor)
    await db.flush()
    await note_change(db, AuditAction.VENDOR_DELETED, vendor_id, name, {"name": name}, {}, by=by)
    return f"{name} and its products were deleted."


async def note_change(  # noqa: PLR0917 - what one entry says
    db: AsyncSession,
    action: AuditAction,
    vendor_id: int,
    name: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    by: Actor,
) -> None:
    """Record the change in the audit trail, and notify the pages that show the vendor."""
    await record_audit(
        db,
        action=action,
        record_kind="vendor",
        record_id=vendor_id,
        record_name=name,
        before=before,
        after=after,
        by=by,
    )
    await announce(db, Topic.PROCUREMENT, vendor_id)


async def _lock(db: AsyncSession, vendor_id: int) -> Vendor:
    vendor = await db.get(Vendor, vendor_id, with_for_update=True, populate_existing=True)
    if vendor is None:
        raise NotFound("There is no such vendor.")
    return vendor


def _read(data: CreateVendor | UpdateVendor) -> dict[str, Any]:
    """Return the columns that were sent, with the phone number normalised."""
    sent = data.model_dump(exclude_none=True, exclude={"version"})
    if sent.get("phone"):
        sent["phone"] = parse_phone(sent["phone"])
    return sent
