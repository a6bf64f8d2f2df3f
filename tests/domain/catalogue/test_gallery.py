"""A product's gallery as the domain keeps it: pictures made before anything is locked."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue import gallery
from domain.catalogue.edit_product import lock_product
from domain.catalogue.gallery import add_gallery_images, list_gallery
from domain.catalogue.pictures import prepare_picture
from models import Role
from tests.factories import as_actor, make_product, make_staff
from tests.factories.catalogue import make_picture


async def test_several_pictures_are_all_made_before_the_product_is_locked(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    product, manager = await make_product(db), as_actor(await make_staff(db, Role.MANAGER))
    steps: list[str] = []

    async def make(*args: Any, **more: Any) -> Any:
        steps.append("made")
        return await prepare_picture(*args, **more)

    async def lock(*args: Any, **more: Any) -> Any:
        steps.append("locked")
        return await lock_product(*args, **more)

    monkeypatch.setattr(gallery, "prepare_picture", make)
    monkeypatch.setattr(gallery, "lock_product", lock)
    files = [make_picture(shade=shade) for shade in (10, 90)]
    added = await add_gallery_images(db, product.id, files, by=manager)
    assert steps == ["made", "made", "locked"]
    assert added == await list_gallery(db, product.id)
    assert [(picture.sort_order, picture.is_primary) for picture in added] == [(0, True), (1, False)]
