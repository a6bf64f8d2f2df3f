"""The catalogue in a real browser: pictures shown before they are sent and put in order, rows edited in place."""

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from domain.actor import Role
from domain.catalogue.gallery import add_gallery_image
from models import Product, Staff
from tests.browser.browsing import Portal, browsing
from tests.factories import as_actor, make_product, make_staff
from tests.factories.catalogue import make_picture

pytestmark = pytest.mark.browser


async def make_gallery(portal: Portal) -> tuple[Staff, Product, list[int]]:
    """A manager, and a product with three pictures."""
    async with portal.writing() as db:
        staff = await make_staff(db, Role.MANAGER)
        product = await make_product(db)
        pictures = [
            await add_gallery_image(db, product.id or 0, make_picture(shade=shade), by=as_actor(staff))
            for shade in (10, 90, 200)
        ]
    return staff, product, [picture.id for picture in pictures]


def pictures_of(page: Page) -> Locator:
    return page.locator(".gallery-item")


async def expect_order(page: Page, ids: list[int]) -> None:
    for place, picture_id in enumerate(ids):
        await expect(pictures_of(page).nth(place)).to_have_id(f"picture-{picture_id}")


async def test_pictures_are_ordered_by_buttons_and_by_dragging(browser: Browser, portal: Portal) -> None:
    staff, product, (a, b, c) = await make_gallery(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products/{product.id}/gallery")
        await page.get_by_role("button", name="Move picture 3 earlier").click()
        await expect_order(page, [a, c, b])
        await page.locator(f"#picture-{b} img").drag_to(
            page.locator(f"#picture-{a} img"), target_position={"x": 5, "y": 20}
        )
        await expect_order(page, [b, a, c])
        await expect(page.get_by_text("Pictures in their new order")).to_be_visible()
        await page.reload()
        await expect_order(page, [b, a, c])


async def test_a_chosen_picture_is_shown_before_it_is_sent(browser: Browser, portal: Portal) -> None:
    staff, product, _ = await make_gallery(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products/{product.id}/gallery")
        file = {"name": "pan.png", "mimeType": "image/png", "buffer": make_picture(shade=55)}
        await page.get_by_label("Add pictures").last.set_input_files(file)  # type: ignore[arg-type]
        await expect(page.get_by_role("img", name="pan.png")).to_be_visible()
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(pictures_of(page)).to_have_count(4)


async def test_good_rows_are_kept_and_bad_ones_stay_open(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        staff = await make_staff(db, Role.MANAGER)
        good = await make_product(db, name="Zebra striped tray")
        bad = await make_product(db, name="Zebra striped tray", category_id=good.category_id)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products/edit?category_id={good.category_id}")
        await page.get_by_label(f"Price of {good.sku}", exact=True).fill("17.25")
        await page.get_by_label(f"Price of {bad.sku}", exact=True).fill("much")
        await page.get_by_role("button", name="Save rows").click()
        await expect(page.get_by_text("1 product saved.")).to_be_visible()
        await expect(page.get_by_label(f"Price of {bad.sku}", exact=True)).to_have_value("much")
        await expect(page.get_by_label(f"Price of {good.sku}", exact=True)).to_have_count(0)
        await page.get_by_label(f"Price of {bad.sku}", exact=True).fill("4.50")
        await page.get_by_role("button", name="Save rows").click()
        await expect(page).to_have_url(f"{portal.url}/portal/products?category_id={good.category_id}")
    prices = await portal.raw.fetch("SELECT unit_price FROM product WHERE id = ANY($1) ORDER BY id", [good.id, bad.id])
    assert [str(row["unit_price"]) for row in prices] == ["17.25", "4.50"]
