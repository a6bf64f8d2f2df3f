"""Photos of checks move from the database to an object store, sealed; none is lost while the store is down."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import GUEST, SYSTEM, Actor
from domain.kernel.errors import NotConfigured, NotFound, OutsideServiceFailed
from domain.order_desk.delete import delete_order
from domain.payments.check_photos import get_check_photo, prepare_photos, store_photos
from domain.payments.checks import upload_check
from integrations.errors import ServiceFailed
from integrations.r2_client import put_object
from models import JobRun, Order, PaperCheckImage, Role
from settings import Settings
from tests.factories import as_actor, make_product, make_staff, sign_in
from tests.factories.catalogue import make_picture
from tests.factories.orders import make_order
from tests.fakes.object_store import FakeStore, running_store, with_store
from tests.job_runner import run_jobs

FRONT, BACK = (make_picture("JPEG", size=(300, 140), shade=shade) for shade in (120, 200))


@pytest.fixture
async def store() -> AsyncIterator[FakeStore]:
    async with running_store() as running:
        yield running


@pytest.fixture
def stored(app: Quart, settings: Settings, store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that name the loopback store; the app has them too."""
    monkeypatch.setitem(app.config, "SETTINGS", with_store(settings, store))
    found: Settings = app.config["SETTINGS"]
    return found


@pytest.fixture
async def order(db: AsyncSession) -> Order:
    """A guest's order whose check was photographed on both sides."""
    placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=GUEST)
    photos = await prepare_photos(FRONT, BACK)
    await upload_check(db, placed.written.order_number, photos, by=SYSTEM)
    await db.commit()
    return (await db.execute(select(Order).where(Order.id == placed.written.id))).scalar_one()


@pytest.fixture
async def clerk(db: AsyncSession) -> Actor:
    return as_actor(await make_staff(db, Role.MANAGER))


async def list_places(db: AsyncSession) -> list[tuple[str, bool, str]]:
    rows = await db.execute(
        select(PaperCheckImage.side, PaperCheckImage.data.is_(None), PaperCheckImage.object_key).order_by(
            PaperCheckImage.side
        )
    )
    return [(side, is_moved, key) for side, is_moved, key in rows]


async def test_photos_move_to_the_store_and_are_shown_from_there_as_they_were(
    client: TestClientProtocol, db: AsyncSession, order: Order, stored: Settings, store: FakeStore
) -> None:
    await sign_in(client, db, await make_staff(db))
    paths = {side: f"/api/staff/checks/{order.order_number}/{side}" for side in ("front", "back")}
    before = {side: await (await client.get(path)).get_data() for side, path in paths.items()}
    assert await store_photos(stored) == 2
    assert await store_photos(stored) == 0
    objects = await store.read_all()
    assert await list_places(db) == [(side, True, key) for side, key in zip(("back", "front"), objects, strict=True)]
    for data in objects.values():
        # JPEGs begin with FF D8: a reader of the bucket sees none.
        assert data.startswith(b"v1.")
        assert b"\xff\xd8\xff" not in data
    for side, path in paths.items():
        shown = await client.get(path)
        assert (shown.headers["Cache-Control"], shown.content_type) == ("private, no-store", "image/jpeg")
        assert await shown.get_data() == before[side] != b""


async def test_a_photo_is_found_by_a_number_in_small_letters(order: Order, clerk: Actor, settings: Settings) -> None:
    typed, number = order.order_number.lower(), order.order_number
    found = [await get_check_photo(each, "back", visible_to=clerk, settings=settings) for each in (typed, number)]
    assert found[0] == found[1]


async def test_while_the_store_is_down_photos_stay_and_are_shown_from_the_database(
    db: AsyncSession, order: Order, clerk: Actor, stored: Settings, store: FakeStore
) -> None:
    await store.stop()
    with pytest.raises(ServiceFailed, match="could not be reached"):
        await store_photos(stored)
    assert [(is_moved, key) for _, is_moved, key in await list_places(db)] == [(False, ""), (False, "")]
    assert (await get_check_photo(order.order_number, "front", visible_to=clerk, settings=stored))[0] == "image/jpeg"


async def test_without_a_store_nothing_moves(db: AsyncSession, order: Order, settings: Settings) -> None:
    assert await store_photos(settings) is None
    assert [is_moved for _, is_moved, _ in await list_places(db)] == [False, False]


async def test_a_photo_that_the_store_does_not_give_back_is_said_in_words(
    client: TestClientProtocol,
    db: AsyncSession,
    order: Order,
    clerk: Actor,
    settings: Settings,
    stored: Settings,
    store: FakeStore,
) -> None:
    await store_photos(stored)
    back, front = sorted(await store.read_all())
    with pytest.raises(NotConfigured, match="R2_ACCOUNT_ID"):
        await get_check_photo(order.order_number, "front", visible_to=clerk, settings=settings)
    await store.put(front, (await store.read_all())[back])
    with pytest.raises(OutsideServiceFailed, match="belongs to another record"):
        await get_check_photo(order.order_number, "front", visible_to=clerk, settings=stored)
    await store.drop(front)
    with pytest.raises(OutsideServiceFailed, match="no such object"):
        await get_check_photo(order.order_number, "front", visible_to=clerk, settings=stored)
    await sign_in(client, db, await make_staff(db))
    answer = await client.get(f"/api/staff/checks/{order.order_number}/front")
    assert (answer.status_code, (await answer.get_json())["code"]) == (502, "outside_service_failed")


async def test_a_deleted_order_takes_its_photos_out_of_the_store(
    db: AsyncSession, order: Order, clerk: Actor, stored: Settings, store: FakeStore
) -> None:
    await store_photos(stored)
    await delete_order(db, order.id, by=clerk)
    await db.commit()
    assert len(await store.read_all()) == 2  # until the job runs
    assert await run_jobs(stored, "forget_check_photos") == ["forget_check_photos"]
    assert await store.read_all() == {}
    with pytest.raises(NotFound):
        await get_check_photo(order.order_number, "front", visible_to=clerk, settings=stored)


async def test_a_deletion_without_moved_photos_leaves_the_store_alone(
    db: AsyncSession, order: Order, clerk: Actor
) -> None:
    await delete_order(db, order.id, by=clerk)
    assert (await db.execute(select(JobRun.name).where(JobRun.name == "forget_check_photos"))).all() == []


async def test_an_order_deleted_while_its_photo_moves_leaves_no_object(
    db: AsyncSession,
    order: Order,
    clerk: Actor,
    stored: Settings,
    store: FakeStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def put_and_delete(*args: Any, **more: Any) -> None:
        await put_object(*args, **more)
        await delete_order(db, order.id, by=clerk)
        await db.commit()

    monkeypatch.setattr("domain.payments.check_photos.put_object", put_and_delete)
    assert await store_photos(stored) == 1
    assert await store.read_all() == {}
