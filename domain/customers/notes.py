"""Notes of colleagues about a customer, newest first; the author or a manager can delete them."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.customers.edit_customer import lock_editable
from domain.kernel.actor import Actor
from domain.kernel.errors import NotAllowed, NotFound
from domain.kernel.inputs import Filled2000, Input
from domain.kernel.live import Topic, announce
from models import CustomerNote


class WriteNote(Input):
    """The text of a note."""

    note: Filled2000


async def write_note(db: AsyncSession, customer_id: int, data: WriteNote, *, by: Actor) -> None:
    """Add a note; a rep only for their own customers and those without a rep."""
    await lock_editable(db, customer_id, by=by)
    db.add(CustomerNote(customer_id=customer_id, note=data.note, **by.columns))
    await db.flush()
    await announce(db, Topic.CUSTOMERS, customer_id)


async def delete_note(db: AsyncSession, note_id: int, *, by: Actor) -> int:
    """Delete a note. Returns its customer's id. Raises NotFound, and NotAllowed for another author's note."""
    note = await db.get(CustomerNote, note_id)
    if note is None:
        raise NotFound("There is no such note.")
    if note.actor_id != by.id and not may(by, Right.SET_TERMS):
        raise NotAllowed("Only the author of a note or a manager can remove it.")
    customer_id = note.customer_id
    await db.delete(note)
    await announce(db, Topic.CUSTOMERS, customer_id)
    return customer_id


async def list_notes(db: AsyncSession, customer_id: int, *, most: int = 100) -> list[CustomerNote]:
    """Return the notes about a customer, newest first."""
    statement = select(CustomerNote).where(CustomerNote.customer_id == customer_id)
    return list((await db.scalars(statement.order_by(CustomerNote.id.desc()).limit(most))).all())


async def count_notes(db: AsyncSession, customer_id: int) -> int:
    """Return the number of notes about a customer."""
    return await db.scalar(select(func.count()).where(CustomerNote.customer_id == customer_id)) or 0
