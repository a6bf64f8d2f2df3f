"""Visits every page of the portal: found by walking the routes, loaded once, checked in all sizes.

A new page is visited automatically; it fails until its path can be filled and its checks pass.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import func, select, text
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect, Rule

from domain.invoices.links import make_invoice_url
from domain.kernel.clock import now
from domain.payments.check_photos import prepare_photos
from domain.payments.checks import upload_check
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.pay_link import CreatePayLink, SendBy, send_pay_link
from domain.staff.api_keys import CreateApiKey, create_api_key
from domain.staff.second_factor import start_second_factor
from domain.subscriptions.links import make_subscription_link
from domain.webhooks.deliveries import send_test
from domain.webhooks.endpoints import CreateEndpoint, create_endpoint
from models import (
    CallingEntry,
    EventKind,
    Invoice,
    JobRun,
    KeyScope,
    LabelBatch,
    LabelBatchOrder,
    OrderItem,
    Payment,
    PaymentMethod,
    Role,
    Staff,
    Subscription,
    Table,
    Vendor,
)
from settings import Settings
from tests.browser.browsing import Portal, browsing, watch_console
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.catalogue import make_picture
from tests.factories.orders import make_order

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = 1280, 390
WIDTHS = (1280, 1100, 1024, 992, 768, 640, 390, 320)
COLOURS = ["color-contrast"]
# The theme and rules for axe at each width: only colours differ between themes.
LOOKS: dict[int, tuple[tuple[Any, list[str] | None], ...]] = {
    WIDE: (("light", None), ("dark", COLOURS)),
    NARROW: (("dark", None), ("light", COLOURS)),
}
# How much wider than the window the page is, and which elements overflow.
LOOK_SIDEWAYS = """() => {
  const root = document.documentElement, over = root.scrollWidth - root.clientWidth;
  const isOut = one => one.getBoundingClientRect().right > root.clientWidth + 1;
  const out = [...document.querySelectorAll('body *')].filter(isOut);
  return over > 0 ? `${over} too wide: ${out.slice(0, 3).map(one => one.outerHTML.slice(0, 80)).join(' ')}` : '';
}"""
# Figures cut off by their table cell.
LOOK_CUT = """() => [...document.querySelectorAll('td')]
  .filter(one => one.matches('.num') || one.querySelector('.gap-days'))
  .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText.slice(0, 40)).slice(0, 3).join(', ')"""
# Figures in more than one line, and cards that cut off what is in them.
LOOK_BROKEN = """() => [
  ...[...document.querySelectorAll('.figure .value')].filter(one => one.scrollWidth > one.clientWidth + 1
    || one.getBoundingClientRect().height > 1.5 * parseFloat(getComputedStyle(one).lineHeight)),
  ...[...document.querySelectorAll('.card')].filter(one => getComputedStyle(one).overflowX !== 'visible'
    && getComputedStyle(one).overflowX !== 'auto' && one.scrollWidth > one.clientWidth + 1),
].map(one => one.innerText.slice(0, 40)).slice(0, 3).join(', ')"""
# The targets of the page's forms and buttons.
READ_ACTIONS = """() => [
  ...[...document.forms].map(form => [form.method, form.getAttribute('action') ?? location.pathname]),
  ...[...document.querySelectorAll('[formaction]')].map(one => ['post', one.getAttribute('formaction')]),
  ...['get', 'post'].flatMap(how =>
    [...document.querySelectorAll(`[hx-${how}]`)].map(one => [how, one.getAttribute(`hx-${how}`)])),
].filter(([how]) => how !== 'dialog').map(([how, url]) => [how.toUpperCase(), new URL(url, location).href])
  .filter(([, url]) => new URL(url).origin === location.origin).map(([how, url]) => [how, new URL(url).pathname])"""
AT_ONCE = 3
# A very long word must not make a page scroll sideways.
ENDLESS = "W" * 60
LONG_EMAIL = f"{'i' * 60}@kitchen.example"
# The table of a path parameter that is not named after it.
TABLES = {
    "batch_id": "label_batch",
    "endpoint_id": "webhook_endpoint",
    "key_id": "api_key",
    "message_id": "outbox_message",
    "run_id": "job_run",
    "request_id": "savings_request",
    "rule_id": "box_rule",
    "version_id": "prompt_version",
}
# Paths without our own pages: APIs, files, and the vendored Swagger UI.
NO_PAGES = ("/api/", "/static/", "/docs", "/openapi.json", "/metrics", "/healthz", "/readyz")
# The pages of the desks; two test files walk these and the others, so that two workers share the work.
DESKS = tuple(
    f"/portal/{noun}"
    for noun in (
        "orders", "checks", "products", "inventory", "warehouse", "box-rules", "customers", "calling", "subscriptions",
    )
)  # fmt: skip
# Pages that the walk can't find: states reached by a query, and error pages.
MORE_PAGES = (
    "/portal/orders?search=nothing+like+it",
    "/portal/orders?when=between",
    "/portal/orders?status=pending&page=99",
    "/portal/products?search=nothing+like+it",
    "/portal/search?q=bistro",
    "/portal/search?q=nothing+like+it",
    "/portal/palette?q=bistro",
    "/portal/palette?q=6x+pan+for+bistro",
    "/portal/orders/new?customer=1",
    "/portal/subscriptions/new?customer=1",
    "/portal/subscriptions?status=paused&sort=-amount",
    "/portal/reset?token=old",
    "/portal/confirm-email?token=old",
    "/undo-email?token=old",
    "/portal/orders/LLD-0000-0000",
    "/pay/nobody-gave-this-out",
    "/docs?q=customers",
    "/docs/place_order",
    "/docs/no_such_operation",
)
EACH_ORDER = """
    SELECT DISTINCT ON (status, on_hold) order_number FROM orders ORDER BY status, on_hold, id DESC
"""
RUN_AXE = """async ([tags, only]) => {
  const ends = document.getAnimations().filter(one => one.effect.getComputedTiming().endTime < Infinity);
  await Promise.all(ends.map(one => one.finished.catch(() => null)));
  const run = only ? {runOnly: only} : {runOnly: tags};
  const report = await axe.run(document, {...run, resultTypes: ['violations'], preload: false, iframes: false});
  return report.violations.flatMap(one => one.nodes.map(node =>
    `${one.id}: ${node.target.join(' ')}: ${[...node.any, ...node.all, ...node.none].map(check => check.message)[0]}`));
}"""


@dataclass
class Findings:
    """The problems found, the opened dialogs, the visited pages, and the existing routes."""

    wrong: list[str] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    doors: MapAdapter | None = None


@dataclass
class Company:
    """The user who visits the pages, and the records shown."""

    admin: Staff
    records: dict[str, dict[str, Any]]


async def found_company(portal: Portal, settings: Settings) -> Company:
    """An administrator setting up a second factor, in a company with records of every kind."""
    async with portal.writing() as db:
        staff = await make_staff(db, Role.ADMIN, full_name="Maren Holt")
        me = as_actor(staff)
        await start_second_factor(db, data_keys=settings.data_keys, by=me)
        await make_staff(db, full_name="Sol Reyes", totp_secret="kept", totp_confirmed_at=now())
        await create_api_key(db, CreateApiKey(name="The web shop", scopes=[KeyScope.SYNC]), by=me)
        db.add(JobRun(name="send_message", payload={"message_id": 1}, state="failed", failures=5, last_error="Refused"))
        db.add(JobRun(name="send_message", payload={"message_id": 2}))
        hook = CreateEndpoint(name="Bookkeeping", url="https://books.example/hook", kinds=[EventKind.ORDER_PAID])
        await send_test(db, (await create_endpoint(db, hook, needs_https=True, by=me)).id, by=me)
        product = await make_product(db, name="Extra deep full-size stainless steel steam table pan with a lid " * 2)
        buyer = await make_customer(
            db, company_name="The Exceedingly Long-Named Harbor Street Oyster Company of Ohio", notes=ENDLESS * 5
        )
        where = {"delivery_name": ENDLESS, "delivery_address": ENDLESS, "special_notes": ENDLESS * 5}
        orders = [
            (await make_order(db, (product, 3), by=as_actor(buyer), delivery_email=LONG_EMAIL, **where)).written
            for _ in range(4)
        ]
        db.add(Vendor(name=ENDLESS, contact_name=ENDLESS, notes=ENDLESS * 5))
        plain, held, by_check, paid = (written.order_number for written in orders)
        await db.execute(
            text("UPDATE orders SET on_hold = true, hold_reason = 'Over the limit.' WHERE order_number = :number"),
            {"number": held},
        )
        photos = await prepare_photos(make_picture(size=(900, 400)), make_picture(shade=200))
        await upload_check(db, by_check, photos, by=me)
        link, _ = await send_pay_link(db, CreatePayLink(order_number=plain), way=SendBy.EMAIL, by=me, settings=settings)
        await mark_paid(db, orders[3].id, MarkPaid(payment_method=PaymentMethod.CASH), by=me)
        refunded = {"number": paid, "payment_id": await db.scalar(select(func.max(Payment.id)))}
        entry = CallingEntry(phone="+12165550148", company_name="Maple & Vine", customer_id=buyer.id)
        batch = LabelBatch(actor_name=staff.full_name)
        db.add_all([entry, batch])
        await db.flush()
        db.add(LabelBatchOrder(batch_id=batch.id, order_id=orders[0].id, state="needs_you", problem="No box fits"))
        twice_safe = await db.scalar(select(Staff.id).where(Staff.totp_confirmed_at.is_not(None)))
        invoice_url = make_invoice_url(await db.scalar(select(func.min(Invoice.id))) or 0, settings=settings)
        first = await db.scalar(select(func.min(Subscription.id))) or 0
        popular = await db.scalar(
            select(OrderItem.product_id).group_by(OrderItem.product_id).order_by(func.count().desc())
        )
    # Values of parameters: for one page, for a folder of pages, or everywhere.
    records: dict[str, dict[str, Any]] = {
        "": {"number": plain, "token": link.url.rpartition("/")[2]},
        "/portal/checks": {"number": by_check},
        "/portal/staff": {"staff_id": twice_safe},
        "/portal/calling": {"entry_id": entry.id},
        "/portal/commissions": {"rep_id": staff.id, "month": "2026-10"},
        "/portal/products": {"product_id": popular},
        "/portal/imports": {"kind": "customers"},
        "/portal/parts": {"key": "pay-link"},
        "/portal/subscriptions": {"act": "pause"},
        "/portal/suppressed-numbers": {"phone": entry.phone},
        "/pay/invoice": {"token": invoice_url.rpartition("/")[2]},
        "/pay/sub": {"token": make_subscription_link(first, settings=settings).url.rpartition("/")[2]},
        "portal_order_acts.show_release": {"number": held},
        "portal_payments.show_refund": refunded,
    }
    return Company(staff, records)


async def list_paths(portal: Portal, company: Company) -> list[str]:
    """All pages that colleagues or customers can read, with parameters filled from existing records."""
    paths = []
    for rule in portal.app.url_map.iter_rules():
        if not rule.rule.startswith(NO_PAGES) and "GET" in (rule.methods or ()):
            values = {name: await find_record(portal, company, rule, name) for name in rule.arguments}
            built = rule.build(values)
            assert built is not None
            paths.append(built[1])
    return paths


async def find_record(portal: Portal, company: Company, rule: Rule, name: str) -> Any:
    """The value of a path parameter: from the company, otherwise the first row of its table."""
    for place in (rule.endpoint, "/".join(rule.rule.split("/")[:3]), ""):
        if (value := company.records.get(place, {}).get(name)) is not None:
            return value
    table = TABLES.get(name, name.removesuffix("_id"))
    assert table in Table.metadata.tables, f"Say in the company's records which {name} {rule.rule} shows"
    value = await portal.raw.fetchval(f'SELECT min(id) FROM "{table}"')
    assert value is not None, f"No record for {rule.rule}: the company has to make one"
    return value


async def keep_pages(portal: Portal, paths: list[str], cookies: dict[str, str]) -> list[str]:
    """The paths that return a page: no downloads, streams or redirects."""
    pages = []
    async with httpx2.AsyncClient(base_url=portal.url, cookies=cookies, timeout=30) as client:
        for path in paths:
            async with client.stream("GET", path) as answer:
                is_page = answer.headers.get("content-type", "").startswith("text/html") and not answer.is_redirect
                # Where no script runs, as in an email's preview, our checks can't run either.
                if is_page and "sandbox" not in answer.headers.get("content-security-policy", ""):
                    pages.append(path)
    return pages


async def walk_pages(browser: Browser, portal: Portal, company: Company, wanted: Callable[[str], bool]) -> Findings:
    """Check all requested pages as the company's administrator."""
    findings = Findings(doors=portal.app.url_map.bind(""))
    async with browsing(browser) as page:
        await portal.sign_in(page.context, company.admin)
        orders = [f"/portal/orders/{row[0]}" for row in await portal.raw.fetch(EACH_ORDER)]
        edits = [f"{orders[0]}?edit={part}" for part in ("address", "notes", "items")]
        listed = [*await list_paths(portal, company), *MORE_PAGES, *orders, *edits, f"{orders[0]}?via=status%3Dpending"]
        paths = await keep_pages(portal, [path for path in listed if wanted(path)], await cookies_of(page.context))
        findings.seen = set(paths)
        await inspect_pages(page.context, portal, paths, findings)
    return findings


async def inspect_pages(context: BrowserContext, portal: Portal, paths: list[str], findings: Findings) -> None:
    """Check the pages, a few concurrently, each loaded once."""
    waiting = list(reversed(paths))

    async def work() -> None:
        page = await context.new_page()
        watch_console(page, findings.wrong)
        while waiting:
            path = waiting.pop()
            await set_width(page, WIDE)
            await page.emulate_media(color_scheme="light")
            await page.goto(portal.url + path)
            await inspect(page, path, findings, widths=WIDTHS)
            await inspect_dialogs(page, path, findings)
        await page.close()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def inspect(page: Page, name: str, findings: Findings, *, widths: tuple[int, ...] = (WIDE, NARROW)) -> None:
    """Check the page's current state: nothing overflows the window at any width, and axe finds nothing."""
    await page.evaluate(f"window.axe || (() => {{ {AXE} }})()")
    for method, path in await page.evaluate(READ_ACTIONS):
        if findings.doors is not None and not is_door(findings.doors, method, path):
            findings.wrong.append(f"{name}: a form or button leads to {method} {path}, which is not there")
    for width in widths:
        await set_width(page, width)
        for scheme, rules in LOOKS.get(width, ()):
            await page.emulate_media(color_scheme=scheme)
            found = await page.evaluate(RUN_AXE, [TAGS, rules])
            findings.wrong += [f"{name} {width} {scheme}: {one}" for one in found]
        if sideways := await page.evaluate(LOOK_SIDEWAYS):
            findings.wrong.append(f"{name} at {width}: {sideways}")
        if cut := await page.evaluate(LOOK_CUT):
            findings.wrong.append(f"{name} at {width} cuts {cut}")
        if broken := await page.evaluate(LOOK_BROKEN):
            findings.wrong.append(f"{name} at {width} breaks or cuts {broken}")


def is_door(doors: MapAdapter, method: str, path: str) -> bool:
    """True if a route exists for the path; a redirect to a path with a slash counts too."""
    try:
        doors.match(path, method=method)
    except RequestRedirect:
        return True
    except (NotFound, MethodNotAllowed):
        return False
    return True


async def set_width(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})


async def inspect_dialogs(page: Page, name: str, findings: Findings) -> None:
    """Open each kind of dialog of the page that was not seen before."""
    urls = await page.locator("a[hx-target='#dialog']").evaluate_all(
        "all => all.map(one => one.getAttribute('hx-get'))"
    )
    for url in urls:
        kind = "/".join(part for part in url.partition("?")[0].split("/") if not any(map(str.isdigit, part)))
        if kind in findings.opened:
            continue
        findings.opened.add(kind)
        await set_width(page, WIDE)
        await page.locator(f"a[hx-get='{url}']").first.evaluate("link => link.click()")
        await expect(page.locator("#dialog")).to_be_visible()
        await inspect(page, f"{name}, dialog {url}", findings)
        await set_width(page, WIDE)
        await page.keyboard.press("Escape")
        await expect(page.locator("#dialog")).to_be_hidden()


async def cookies_of(context: BrowserContext) -> dict[str, str]:
    return {str(cookie["name"]): str(cookie["value"]) for cookie in await context.cookies()}
