"""The shared parts in a real browser, on the portal's own templates and scripts: no database stands behind them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from jinja2 import FileSystemLoader
from playwright.async_api import Browser, Page, expect
from quart import Quart, Response, g, request

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.paging import Page as Rows
from models import Role
from portal.render import error_page, page_or_block, prepare_templates, redirect_to
from web.guards import static_file
from web.headers import CONTENT_SECURITY_POLICY

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@dataclass
class Site:
    """The sample site: its address, what it lists, and the events it will send."""

    url: str = ""
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    events: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    saves: list[str] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    listening: asyncio.Event = field(default_factory=asyncio.Event)


def make_app(site: Site) -> Quart:
    app = Quart("samples", static_folder=None)
    app.static_folder = str(ROOT / "static")
    app.static_url_path = "/static"
    app.add_url_rule("/static/<path:filename>", "static", static_file)
    app.secret_key = "a key of this test"
    prepare_templates(app, zone=ZoneInfo("UTC"), company_name="Ladle & Lid", csrf_token=lambda: "the-token")
    app.jinja_env.loader = FileSystemLoader([HERE, ROOT / "templates"])

    @app.before_request
    async def sign_in() -> None:
        g.actor = Actor(ActorKind.STAFF, 1, "Maren Holt", Role.STAFF)

    @app.after_request
    async def secure(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    add_lists(app, site)
    add_acts(app)
    return app


def add_lists(app: Quart, site: Site) -> None:
    """The list with its form, and the stream of its changes."""

    async def show(status: int = 200, **more: object) -> Response:
        q = request.args.get("q", "")
        rows = [row for row in site.rows if q in row[0]]
        facts = {"page": Rows(rows, len(rows), 1, 50), "q": q, "form": {}, "errors": {}} | more
        return await page_or_block("samples.html", block=("sample_list", "sample_form"), status=status, **facts)

    @app.get("/portal/samples")
    async def list_samples() -> Response:
        return await show()

    @app.get("/portal/search")
    async def search() -> Response:
        return await show()

    @app.post("/portal/samples")
    async def save() -> Response:
        form = (await request.form).to_dict()
        site.saves.append(form["csrf_token"])
        await site.hold.wait()
        if form["name"] == "taken":
            return await error_page(409, "Somebody else has that name.")
        if len(form["phone"]) < 10:
            return await show(422, form=form, errors={"phone": "Write ten digits"})
        return await redirect_to("/portal/samples", toast="Saved", undo="/portal/undo")

    @app.get("/portal/events")
    async def send_events() -> Response:
        async def stream() -> AsyncIterator[bytes]:
            site.listening.set()
            yield b": hello\n\n"
            while True:
                yield f"event: {await site.events.get()}\ndata: 1\n\n".encode()

        response = Response(stream(), content_type="text/event-stream")
        response.timeout = None
        return response


def add_acts(app: Quart) -> None:
    """A confirmation, and what takes an act back."""

    @app.post("/portal/undo")
    async def undo() -> Response:
        return await redirect_to("/portal/samples", toast="Undone")

    @app.route("/portal/void", methods=["GET", "POST"])
    async def void() -> Response:
        if request.method == "POST":
            return await redirect_to("/portal/samples", toast="Voided")
        return await page_or_block(
            "shared/confirm.html",
            block="dialog",
            title="Void invoice 10483?",
            url="/portal/void",
            verb="Void invoice",
            back_url="/portal/samples",
            text="$784.90 is no longer owed.",
        )


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site(rows=[("ALDER", "10.10", "confirm"), ("BIRCH", "20.20", "confirm"), ("CEDAR", "5", "")])
    made.hold.set()
    config = uvicorn.Config(make_app(made), port=0, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/portal/samples"
    yield made
    server.should_exit = server.force_exit = True
    await running


@pytest.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    made = await context.new_page()
    broken: list[str] = []
    made.on("pageerror", lambda error: broken.append(str(error)))
    made.on("console", lambda line: broken.append(line.text) if "Security Policy" in line.text else None)
    await made.goto(site.url)
    yield made
    await context.close()
    assert broken == []


async def test_the_bulk_bar_counts_sums_and_refuses_what_not_every_row_allows(page: Page) -> None:
    await page.get_by_label("Select ALDER").check()
    await page.get_by_label("Select BIRCH").check()
    await expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    await expect(page.locator("[data-bulk-sum]")).to_have_text("$30.30")
    await expect(page.get_by_role("button", name="Confirm")).to_be_enabled()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Acts for the selected")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".bulk-row button").first).to_be_focused()
    await page.get_by_label("Select every sample on this page").check()
    await expect(page.locator("[data-bulk-sum]")).to_have_text("$35.30")
    await expect(page.get_by_role("button", name="Confirm")).to_be_disabled()
    await page.get_by_role("button", name="Clear").click()
    await expect(page.locator(".bulk")).to_be_hidden()


async def test_a_live_change_keeps_ticks_typing_and_focus(page: Page, site: Site) -> None:
    await asyncio.wait_for(site.listening.wait(), 10)
    await page.get_by_label("Select BIRCH").check()
    await page.fill("#price-BIRCH", "19.99")
    await page.fill("#f-name", "half a na")
    site.rows[:] = [("ASPEN", "1", ""), ("ALDER", "11", ""), ("BIRCH", "21", "")]
    site.events.put_nowait("samples")
    await expect(page.locator("#row-ASPEN")).to_be_visible()
    assert await page.locator("tbody :checked").evaluate_all("boxes => boxes.map(box => box.value)") == ["BIRCH"]
    assert await page.input_value("#price-BIRCH") == "19.99"
    assert await page.input_value("#price-ALDER") == "11"
    assert await page.input_value("#f-name") == "half a na"
    await expect(page.locator("#f-name")).to_be_focused()
    assert page.url == site.url


async def test_typing_a_filter_swaps_the_list_and_the_address_and_going_back_undoes_it(page: Page, site: Site) -> None:
    await page.locator("#filter-q").press_sequentially("CED")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page).to_have_url(site.url + "?q=CED")
    await expect(page.locator("#filter-q")).to_be_focused()
    await page.go_back()
    await expect(page.locator("tbody tr")).to_have_count(3)


async def test_a_failed_form_keeps_what_was_typed_and_leads_to_the_error(page: Page, site: Site) -> None:
    site.hold.clear()
    await page.fill("#f-name", "Old Mill")
    await page.fill("#f-phone", "216")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    site.hold.set()
    await expect(page.locator("#f-phone-error")).to_have_text("Write ten digits")
    await expect(page.locator("#f-phone")).to_be_focused()
    await expect(page.get_by_role("button", name="Save")).to_be_enabled()
    assert await page.input_value("#f-name") == "Old Mill"
    assert site.saves == ["the-token"]


async def test_a_refusal_stands_at_the_top_and_leaves_the_form(page: Page) -> None:
    await page.fill("#f-name", "taken")
    await page.fill("#f-phone", "2165550148")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#alerts [role=alert]")).to_be_focused()
    await expect(page.locator("#alerts")).to_contain_text("Somebody else has that name.")
    assert await page.input_value("#f-name") == "taken"


async def test_a_toast_offers_undo_by_its_key(page: Page) -> None:
    await page.fill("#f-name", "Old Mill")
    await page.fill("#f-phone", "2165550148")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts .note")).to_contain_text("Saved")
    await expect(page.locator("#main")).to_be_focused()
    await page.keyboard.press("u")
    await expect(page.locator("#toasts .note")).to_contain_text("Undone")


async def test_a_dangerous_act_asks_in_a_dialog_that_gives_the_focus_back(page: Page) -> None:
    await page.locator("#ask").click()
    await expect(page.locator("#dialog")).to_be_visible()
    await expect(page.get_by_role("heading", name="Void invoice 10483?")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#ask")).to_be_focused()
    await page.locator("#ask").click()
    await page.get_by_role("button", name="Void invoice").click()
    await expect(page.locator("#toasts .note")).to_contain_text("Voided")
    await expect(page.locator("#dialog")).to_be_hidden()


async def test_keys_move_tick_search_and_can_be_switched_off(page: Page) -> None:
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="BIRCH")).to_be_focused()
    await page.keyboard.press("x")
    await expect(page.get_by_label("Select BIRCH")).to_be_checked()
    await page.keyboard.press("/")
    await expect(page.locator("#palette-q")).to_be_focused()
    # Nothing answers the palette here: it says so and stays whole.
    await expect(page.locator("#palette_hits")).to_contain_text("The search gives no answer")
    await page.keyboard.type("?")
    await expect(page.locator("#shortcuts")).to_be_hidden()
    await expect(page.locator("#palette-q")).to_have_value("?")
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    await page.locator("#main").focus()
    await page.keyboard.press("?")
    await expect(page.locator("#shortcuts")).to_contain_text("New sample")
    await page.get_by_label("Use single keys").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await expect(page.locator("#palette")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-q")).to_be_focused()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_shared_parts(browser: Browser, site: Site, width: int, scheme: str) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,
    )
    page = await context.new_page()
    await page.goto(site.url)
    await page.locator("#ask").click()
    await expect(page.locator("#dialog")).to_be_visible()
    await page.add_script_tag(path=ROOT / "tests/browser/vendor/axe.min.js")
    for shown in ("dialog", "page"):
        if shown == "page":
            await page.keyboard.press("Escape")
        found = await page.evaluate("axe.run(document).then(report => report.violations.map(one => one.id))")
        assert found == [], shown
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    await context.close()


async def test_everything_works_without_javascript(browser: Browser, site: Site) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(site.url)
    await page.locator("#ask").click()
    await page.get_by_role("button", name="Void invoice").click()
    await expect(page).to_have_url(site.url)
    await expect(page.locator("#toasts")).to_contain_text("Voided")
    await context.close()
