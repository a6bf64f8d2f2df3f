"""The catalogue in a real browser: pictures shown before they are sent and put in order, rows edited in place."""

import asyncio

import pytest
from playwright.async_api import Browser, Dialog, Locator, Page, Route, expect

from domain.catalogue.gallery import add_gallery_image
from models import Product, Role, Staff
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


async def test_only_the_pictures_of_rows_in_sight_are_fetched(browser: Browser, portal: Portal) -> None:
    fetched: list[str] = []
    in_sight = "all => all.filter(one => one.getBoundingClientRect().top < innerHeight).map(one => one.firstChild.src)"
    async with browsing(browser, viewport={"width": 1280, "height": 500}) as page:
        page.on("request", lambda request: fetched.append(request.url) if "/thumbnail?v=" in request.url else None)
        async with portal.writing() as db:
            staff = await make_staff(db, Role.MANAGER)
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products?sort=name")
        pictures = page.locator("main .thumb")
        shown = await pictures.evaluate_all(in_sight)
        await expect(page.locator("main .thumb[data-seen]")).to_have_count(len(shown))
        assert 0 < len(shown) < await pictures.count()
        assert sorted(fetched) == sorted(shown)
        await pictures.last.scroll_into_view_if_needed()
        await expect(pictures.last).to_have_attribute("data-seen", "")
        assert len(fetched) == len(set(fetched))


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
        await expect(page.locator("#toasts").get_by_text("Pictures in their new order")).to_be_visible()
        await expect(page.locator("#said")).to_have_text("Pictures in their new order")
        await expect(page.locator("#toasts:is([role], [aria-live])")).to_have_count(0)
        await page.reload()
        await expect_order(page, [b, a, c])


async def test_a_picture_moved_by_keys_keeps_the_focus_and_adds_no_step_to_the_history(
    browser: Browser, portal: Portal
) -> None:
    staff, product, (a, b, c) = await make_gallery(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products/{product.id}/gallery")
        steps = await page.evaluate("history.length")
        await page.get_by_role("button", name="Move picture 1 later").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(f"#later-{a}")).to_have_accessible_name("Move picture 2 later")
        await expect(page.locator(f"#later-{a}")).to_be_focused()
        await expect(page.locator("#said")).to_have_text("Picture moved")
        await page.keyboard.press("Enter")
        await expect_order(page, [b, c, a])
        # The last one can't go on; the way back is beside it.
        await expect(page.locator(f"#earlier-{a}")).to_be_focused()
        assert await page.evaluate("history.length") == steps


async def test_a_picture_is_removed_by_a_second_press_only(browser: Browser, portal: Portal) -> None:
    staff, product, (_, b, _) = await make_gallery(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products/{product.id}/gallery")
        await page.get_by_role("button", name="Remove picture 2").click()
        await expect(page.get_by_role("button", name="Remove this picture")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Remove this picture")).to_have_count(0)
        await expect(pictures_of(page)).to_have_count(3)
        await page.get_by_role("button", name="Remove picture 2").click()
        await page.get_by_role("button", name="Remove this picture").click()
        await expect(page.locator(f"#picture-{b}")).to_have_count(0)
        await expect(pictures_of(page)).to_have_count(2)


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
        await expect(page.get_by_text("2 rows changed")).to_be_visible()
        await page.get_by_role("button", name="Save rows").click()
        await expect(page.get_by_text("1 product saved.")).to_be_visible()
        await expect(page.get_by_label(f"Price of {bad.sku}", exact=True)).to_have_value("much")
        await expect(page.get_by_label(f"Price of {bad.sku}", exact=True)).to_be_focused()
        await expect(page.get_by_label(f"Price of {bad.sku}", exact=True)).to_have_accessible_description(
            "Price must be a number with at most two decimals."
        )
        await expect(page.get_by_label(f"Price of {good.sku}", exact=True)).to_have_count(0)
        await page.get_by_label(f"Price of {bad.sku}", exact=True).fill("4.50")
        await page.get_by_role("button", name="Save rows").click()
        await expect(page).to_have_url(f"{portal.url}/portal/products?category_id={good.category_id}")
    prices = await portal.raw.fetch("SELECT unit_price FROM product WHERE id = ANY($1) ORDER BY id", [good.id, bad.id])
    assert [str(row["unit_price"]) for row in prices] == ["17.25", "4.50"]


async def test_changed_rows_are_not_left_without_a_question(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        staff = await make_staff(db, Role.MANAGER)
        first = await make_product(db, name="Ladle rack, long")
        await make_product(db, name="Ladle rack, short", category_id=first.category_id)
    answers = iter((False, True))
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if next(answers) else dialog.dismiss())

    async with browsing(browser) as page:
        page.on("dialog", answer)
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/products/edit?category_id={first.category_id}&per_page=1")
        price = page.get_by_label(f"Price of {first.sku}", exact=True)
        await price.fill("9.90")
        await page.get_by_role("link", name="Next page").click()
        await expect(price).to_have_value("9.90")
        await page.get_by_role("link", name="Next page").click()
        await expect(price).to_have_count(0)
        await page.get_by_role("link", name="Previous page").click()
        await expect(price).to_have_value("10.00")
    assert asked == ["Leave these rows without saving them?"] * 2


async def test_enter_is_taken_while_the_search_has_no_answer_yet(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        staff = await make_staff(db, Role.MANAGER)
        product = await make_product(db, 1, cost_per_item=None)
    async with browsing(browser) as page:
        asked = asyncio.Event()

        async def hold_searches(route: Route) -> None:
            if "find" in (route.request.post_data or ""):
                asked.set()  # and never answered
            else:
                await route.continue_()

        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/inventory/receive")
        await page.route("**/portal/inventory/receive", hold_searches)
        await page.keyboard.type(product.sku)
        await asyncio.wait_for(asked.wait(), 20)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label(f"Units of {product.name}")).to_have_value("1")


async def test_a_scanner_goes_through_a_delivery_by_itself(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        staff = await make_staff(db, Role.MANAGER)
        products = [await make_product(db, 1, cost_per_item=None) for _ in range(7)]
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/inventory/receive")
        for product in products:
            for units in ("1", "2"):
                await page.keyboard.type(product.sku)
                await page.keyboard.press("Enter")
                await expect(page.get_by_label(f"Units of {product.name}")).to_have_value(units)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#toasts")).to_contain_text("14 units of 7 products received")
    ids = [one.id for one in products]
    levels = await portal.raw.fetch("SELECT stock_quantity FROM product WHERE id = ANY($1)", ids)
    assert [row["stock_quantity"] for row in levels] == [3] * 7
