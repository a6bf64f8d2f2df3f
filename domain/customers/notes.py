"""Notes that colleagues write on a customer, the newest first; who wrote one, or a manager, takes it away."""

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
    """What is to be remembered."""

    note: Filled2000


async def write_note(db: AsyncSession, customer_id: int, data: WriteNote, *, by: Actor) -> None:
    """Keep a note; a rep on their own customers and those without a rep."""
    await lock_editable(db, customer_id, by=by)
    db.add(CustomerNote(customer_id=customer_id, note=data.note, **by.columns))
    await db.flush()
    await announce(db, Topic.CUSTOMERS, customer_id)


async def delete_note(db: AsyncSession, note_id: int, *, by: Actor) -> int:
    """Take a note away; answers whose it was. Raises NotFound, and NotAllowed for somebody else's."""
    note = await db.get(CustomerNote, note_id)
    if note is None:
        raise NotFound("There is no such note.")
    if note.actor_id != by.id and not may(by, Right.SET_TERMS):
        raise NotAllowed("Only who wrote a note, or a manager, takes it away.")
    customer_id = note.customer_id
    await db.delete(note)
    await announce(db, Topic.CUSTOMERS, customer_id)
    return customer_id


async def list_notes(db: AsyncSession, customer_id: int, *, most: int = 100) -> list[CustomerNote]:
    """The notes on a customer, the newest first."""
    statement = select(CustomerNote).where(CustomerNote.customer_id == customer_id)
    return list((await db.scalars(statement.order_by(CustomerNote.id.desc()).limit(most))).all())


async def count_notes(db: AsyncSession, customer_id: int) -> int:
    """How many notes there are on a customer."""
    return await db.scalar(select(func.count()).where(CustomerNote.customer_id == customer_id)) or 0
