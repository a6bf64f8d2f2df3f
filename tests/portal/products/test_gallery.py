"""The gallery's page: pictures are added, ordered by buttons, made primary and removed."""

import re

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.gallery import list_gallery, move_within
from models import Product, Role
from tests.factories import make_product, make_staff, sign_in
from tests.factories.catalogue import as_file, make_picture
from tests.factories.orders import make_order
from tests.portal.forms import TOKEN, read_page, send_form


@pytest.fixture
async def manager(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    """A browser with a manager signed in."""
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    return client


async def add_picture(client: TestClientProtocol, page: str, data: bytes) -> tuple[int, str]:
    found = TOKEN.search(await read_page(client, page))
    assert found is not None
    response = await client.post(page, form={"csrf_token": found[1]}, files=as_file(data, "pictures"))
    return response.status_code, str(await response.get_data(as_text=True))


async def order_of(db: AsyncSession, product: Product) -> list[int]:
    return [picture.id for picture in await list_gallery(db, product.id or 0)]


async def test_pictures_are_ordered_by_buttons_and_by_the_whole_order(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    await db.commit()
    page = f"/portal/products/{product.id}/gallery"
    for shade in (10, 90, 200):
        assert (await add_picture(manager, page, make_picture(shade=shade)))[0] == 303
    a, b, c = await order_of(db, product)
    assert (await send_form(manager, page, f"{page}/{c}", act="earlier"))[0] == 303
    assert await order_of(db, product) == [a, c, b]
    assert (await send_form(manager, page, f"{page}/{a}", act="later"))[0] == 303
    assert await order_of(db, product) == [c, a, b]
    assert (await send_form(manager, page, f"{page}/order", **{"order[]": [b, c, a]}))[0] == 303
    assert await order_of(db, product) == [b, c, a]
    assert (await send_form(manager, page, f"{page}/order", **{"order[]": [b, c]}))[0] == 422
    assert (await send_form(manager, page, f"{page}/{b}", act="primary"))[0] == 303
    assert (await send_form(manager, page, f"{page}/{b}", act="remove"))[0] == 303
    assert [(picture.id, picture.is_primary) for picture in await list_gallery(db, product.id or 0)] == [
        (c, True),
        (a, False),
    ]
    assert len(re.findall(r'<li class="card gallery-item"', await read_page(manager, page))) == 2


async def test_a_file_that_is_no_picture_is_refused_at_its_field(manager: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await db.commit()
    status, text = await add_picture(manager, f"/portal/products/{product.id}/gallery", b"<svg/>")
    assert (status, "Must be a JPEG, PNG or WebP picture" in text) == (422, True)
    assert await order_of(db, product) == []


async def test_deleting_asks_first_and_says_what_it_did(manager: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await make_order(db, (product, 1))
    await db.commit()
    page = f"/portal/products/{product.id}/delete"
    status, _, location = await send_form(manager, page)
    assert (status, location) == (303, "/portal/products")
    assert "archived instead" in await read_page(manager, location)


@pytest.mark.parametrize(
    ("image", "later", "wanted"),
    [(2, False, [2, 1, 3]), (2, True, [1, 3, 2]), (1, False, [1, 2, 3]), (9, True, [1, 2, 3])],
)
def test_a_picture_moves_by_one_place(image: int, later: bool, wanted: list[int]) -> None:
    assert move_within([1, 2, 3], image, later=later) == wanted


async def test_a_picture_of_another_gallery_is_not_moved(manager: TestClientProtocol, db: AsyncSession) -> None:
    product, other = await make_product(db), await make_product(db)
    await db.commit()
    page = f"/portal/products/{product.id}/gallery"
    await add_picture(manager, page, make_picture())
    await add_picture(manager, f"/portal/products/{other.id}/gallery", make_picture())
    [stranger] = await order_of(db, other)
    for act in ("earlier", "later", "primary", "remove"):
        assert (await send_form(manager, page, f"{page}/{stranger}", act=act))[0] == 404
    assert await order_of(db, other) == [stranger]
