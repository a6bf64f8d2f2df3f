"""Copy changes of a customer to their entry: a new number, email, name or address, if the entry had the old one.

What a colleague wrote on the entry itself is kept, as is a number when another entry of the list already has the new
one.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours_key import find_hours_key
from domain.kernel.clock import now
from domain.kernel.live import Topic, announce
from models import CallingEntry, Customer

_PLAIN = ("first_name", "last_name", "company_name", "email", "phone2")
_PARTS = ("street", "city", "state", "zip", "country")


async def follow_customer(db: AsyncSession, customer_id: int, before: Mapping[str, Any]) -> int:
    """Copy the changes of a customer to their entries and return how many changed; `before` are the old values."""
    customer = await db.get(Customer, customer_id)
    if customer is None:
        return 0
    found = await db.scalars(
        select(CallingEntry)
        .where(CallingEntry.customer_id == customer_id)
        .order_by(CallingEntry.id)
        .with_for_update(key_share=True)
    )
    changed = 0
    for entry in found.all():
        moves = _find_moves(entry, customer, before)
        if "phone" in moves and await _is_listed(db, moves["phone"], besides=entry.id):
            del moves["phone"]
        if not moves:
            continue
        for name, value in moves.items():
            setattr(entry, name, value)
        entry.hours_key = find_hours_key(entry.phone, entry.zip, entry.state)
        entry.updated_at = now()
        entry.version += 1
        await db.flush()
        await announce(db, Topic.CALLING, entry.id)
        changed += 1
    return changed


def _find_moves(entry: CallingEntry, customer: Customer, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an entry that still have the customer's old values, with the new ones."""
    moves = {
        name: getattr(customer, name) for name in _PLAIN if name in before and getattr(entry, name) == before[name]
    }
    if "phone" in before and entry.phone == before["phone"] and customer.phone is not None:
        moves["phone"] = customer.phone
    old = {part: before.get(f"shipping_{part}", getattr(customer, f"shipping_{part}")) for part in _PARTS}
    if any(f"shipping_{part}" in before for part in _PARTS) and all(getattr(entry, part) == old[part] for part in old):
        moves |= {part: getattr(customer, f"shipping_{part}") for part in _PARTS}
    old_name = _full_name(before.get("first_name", customer.first_name), before.get("last_name", customer.last_name))
    new_name = _full_name(customer.first_name, customer.last_name)
    if old_name != new_name and entry.contact_name == old_name:
        moves["contact_name"] = new_name
    return moves


def _full_name(first: str, last: str) -> str:
    return f"{first} {last}".strip()


async def _is_listed(db: AsyncSession, phone: str, *, besides: int) -> bool:
    other = select(CallingEntry.id).where(CallingEntry.phone == phone, CallingEntry.id != besides)
    return await db.scalar(other.limit(1)) is not None
