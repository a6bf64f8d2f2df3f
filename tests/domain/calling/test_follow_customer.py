"""An entry of the calling list follows its customer, but not where somebody wrote another number on it."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.follow_customer import follow_customer
from domain.calling.hours_key import find_hours_key
from domain.calling.upkeep import correct_hours
from domain.customers.edit_customer import UpdateCustomer, update_customer
from domain.customers.followers import JOB
from models import CallingEntry, JobRun, Role
from tests.factories import as_actor, make_customer, make_staff

ADDRESS = {"shipping_street": "1 Lake St", "shipping_city": "Chicago", "shipping_state": "IL", "shipping_zip": "60601"}


async def test_a_new_number_and_address_move_the_entry_and_its_hours(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    customer = await make_customer(db, phone="+13125550101", **ADDRESS)
    entry = CallingEntry(
        phone="+13125550101", customer_id=customer.id, street="1 Lake St", city="Chicago", state="IL", zip="60601"
    )
    other = CallingEntry(phone="+13125550102", customer_id=customer.id, street="Elsewhere")
    db.add_all([entry, other])
    await db.flush()
    change = UpdateCustomer(phone="(415) 555-0101", shipping_address="5 Pine St, San Francisco, CA 94104")
    await update_customer(db, customer.id, change, shop_url="https://shop.example", by=manager)
    run = (await db.scalars(select(JobRun).where(JobRun.name == JOB))).one()
    assert await follow_customer(db, customer.id, run.payload["before"]) == 1
    await db.refresh(entry)
    assert (entry.phone, entry.city, entry.zip) == ("+14155550101", "San Francisco", "94104")
    assert entry.hours_key == find_hours_key("+14155550101", "94104", "CA")
    await db.refresh(other)
    assert (other.phone, other.street) == ("+13125550102", "Elsewhere")
    # Run again, it finds nothing that still says the old.
    assert await follow_customer(db, customer.id, run.payload["before"]) == 0


async def test_a_number_that_is_listed_already_stays_with_its_entry(db: AsyncSession) -> None:
    customer = await make_customer(db, phone="+13125550104")
    entry = CallingEntry(phone="+13125550103", customer_id=customer.id)
    db.add_all([entry, CallingEntry(phone="+13125550104")])
    await db.flush()
    assert await follow_customer(db, customer.id, {"phone": "+13125550103"}) == 0
    assert entry.phone == "+13125550103"


async def test_a_note_alone_moves_nothing(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    customer = await make_customer(db, phone="+13125550105")
    await update_customer(
        db, customer.id, UpdateCustomer(preferred_language="es"), shop_url="https://x.example", by=manager
    )
    assert (await db.scalars(select(JobRun).where(JobRun.name == JOB))).all() == []


async def test_entries_get_the_hours_that_newer_data_finds(db: AsyncSession) -> None:
    entries = [
        CallingEntry(phone="+14155550106", state="CA", zip="94104", hours_key="CA|America/Denver", version=3),
        CallingEntry(phone="+13125550107", hours_key=find_hours_key("+13125550107")),
    ]
    db.add_all(entries)
    await db.flush()
    assert await correct_hours(db) == 1
    await db.refresh(entries[0])
    assert (entries[0].hours_key, entries[0].version) == (find_hours_key("+14155550106", "94104", "CA"), 3)
    assert await correct_hours(db) == 0
