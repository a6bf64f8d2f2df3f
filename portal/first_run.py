"""Setting up the shop: a checklist on Home for the first administrator, until the first order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quart import Blueprint, Response

from documents.filters import format_plural
from domain.access.rights import Right
from domain.catalogue.first_categories import take_first_categories
from domain.reports.first_run import FirstRun
from portal.render import page_or_block, redirect_to
from settings import Settings
from web.guards import staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_first_run", __name__)
COMPANY = frozenset({"company_name", "company_address", "company_phone"})
IMPORTS = "/portal/imports/new"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whether it is done, and its button; `posts` is the URL of a form that does it at once."""

    name: str
    is_done: bool
    line: str
    verb: str = ""
    url: str = ""
    posts: str = ""
    posts_verb: str = ""

    @property
    def has_act(self) -> bool:
        """True where something can be pressed; what only the environment sets has nothing."""
        return bool(self.url or self.posts)


@dataclass(frozen=True, slots=True)
class Service:
    """An outside service enabled by settings, and its purpose."""

    name: str
    use: str
    is_set: bool


@blueprint.post("/portal/first-run/categories")
@staff_page(Right.EDIT_PRODUCTS)
async def take_categories() -> Response:
    """Add the eight initial categories."""
    added = await take_first_categories(db(), by=current_actor())
    return await redirect_to("/portal", toast=f"{format_plural(added, 'category', 'categories')} added")


async def show_first_run(found: FirstRun, attention: Sequence[object]) -> Response | None:
    """Home with the checklist above what needs attention; None if every step is done."""
    services = list_services(settings())
    steps = list(_list_steps(found, settings(), services))
    done = sum(step.is_done for step in steps)
    if done == len(steps):
        return None
    return await page_or_block(
        "home/first_run.html",
        block="home",
        steps=steps,
        attention=attention,
        done=done,
        now=next(step.name for step in sorted(steps, key=lambda step: not step.has_act) if not step.is_done),
        backed_up_at=found.backed_up_at,
        services=services,
        imports=[(word, f"{IMPORTS}/{kind}") for word, kind in (("Customers", "customers"), ("Past orders", "orders"))],
        name=current_actor().name,
    )


def list_services(chosen: Settings) -> list[Service]:
    """The services enabled by keys in the environment."""
    return [
        Service("Mail", "confirmations, invoices", bool(chosen.smtp_host and chosen.smtp_from)),
        Service("Cards", "pay links", bool(chosen.stripe_secret_key)),
        Service("Labels", "rates, tracking", bool(chosen.easypost_api_key)),
        Service("Texts", "pay links, codes", bool(chosen.twilio_account_sid)),
        Service("Voice", "agents on the phone", bool(chosen.elevenlabs_webhook_secret)),
    ]


def _list_steps(found: FirstRun, chosen: Settings, services: list[Service]) -> Iterator[Step]:
    named = f"{chosen.company_name}, {chosen.company_phone or chosen.company_address}, {chosen.business_timezone}"
    is_named = bool(COMPANY & chosen.model_fields_set)
    yield Step("Company", is_named, named if is_named else "Set COMPANY_NAME, COMPANY_ADDRESS and COMPANY_PHONE")
    if services[0].is_set:
        yield Step("Mail", True, f"From {chosen.smtp_from}", "Test", "/portal/mail-test")
    else:
        yield Step("Mail", False, "Set SMTP_HOST and SMTP_FROM, then send a test", "Test", "/portal/mail-test")
    if found.categories:
        line = format_plural(found.categories, "category", "categories")
        yield Step("Categories", True, line, "Open", "/portal/products/categories")
    else:
        yield Step(
            "Categories",
            False,
            "Products need one each. Take our eight to start, or write your own.",
            "Write",
            "/portal/products/categories/new",
            "/portal/first-run/categories",
            "Take the eight",
        )
    line = "From a CSV with a preview, by the sync API, or one by one"
    line = format_plural(found.products, "product") if found.products else line
    yield Step("Products", bool(found.products), line, "Import CSV", f"{IMPORTS}/products")
    has_keys = found.has_keys or any(service.is_set for service in services[1:])
    line = "Cards, labels, texts: orders work without, each key adds a way"
    yield Step("Keys", has_keys, line, "See what is missing", "/portal/status#services")
    others = found.colleagues - 1
    line = format_plural(others, "colleague") if others else "Add the order desk, the reps and the packers"
    yield Step("Team", others > 0, line, "Add", "/portal/staff/new")
