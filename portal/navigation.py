"""What stands in the side navigation: each role's pages in the order of its day.

An entry shows only when the program has its page, so that a page appears here by being built.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.actor import Actor, Role

OFFICE = frozenset({Role.ADMIN, Role.MANAGER, Role.STAFF})
DESK = OFFICE | {Role.SALES_REP}
MANAGERS = frozenset({Role.ADMIN, Role.MANAGER})
FLOOR = DESK
STOCK = MANAGERS | {Role.WAREHOUSE}
ADMIN = frozenset({Role.ADMIN})
ALL = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that navigation knows; `counts` names the number of things waiting there."""

    label: str
    icon: str
    path: str
    roles: frozenset[Role]
    counts: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one colleague sees it on one page."""

    label: str
    icon: str
    url: str
    is_current: bool
    count: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """Links under one heading; the first group has none."""

    heading: str
    links: tuple[Link, ...]


HOME = Entry("Home", "home", "/portal", ALL)
ORDERS = Entry("Orders", "shopping-cart", "/portal/orders", DESK, "orders")
CHECKS = Entry("Checks", "checkbox", "/portal/checks", OFFICE, "checks")
NEW_ORDER = Entry("New order", "plus", "/portal/orders/new", DESK)
CUSTOMERS = Entry("Customers", "users", "/portal/customers", DESK)
INVOICES = Entry("Invoices", "file-invoice", "/portal/invoices", OFFICE, "invoices")
SUBSCRIPTIONS = Entry("Subscriptions", "repeat", "/portal/subscriptions", OFFICE, "subscriptions")
WAREHOUSE = Entry("Warehouse", "package", "/portal/warehouse", OFFICE | STOCK, "warehouse")
BOX_RULES = Entry("Box rules", "box", "/portal/box-rules", STOCK)
CALLING = Entry("Calling", "phone", "/portal/calling", FLOOR)
CATALOGUE = Entry("Catalogue", "book-2", "/portal/catalogue", FLOOR)
PRODUCTS = Entry("Products", "tag", "/portal/products", OFFICE)
INVENTORY = Entry("Inventory", "stack-2", "/portal/inventory", OFFICE | STOCK)
PROCUREMENT = Entry("Procurement", "truck-delivery", "/portal/procurement", MANAGERS)
MY_SALES = Entry("My sales", "chart-bar", "/portal/my-sales", FLOOR)
HISTORY = Entry("History", "history", "/portal/history", FLOOR)
PERFORMANCE = Entry("Performance", "chart-line", "/portal/performance", MANAGERS)
COMMISSIONS = Entry("Commissions", "coin", "/portal/commissions", FLOOR)
SCRIPT = Entry("Call script", "message-2", "/portal/call-script", MANAGERS)
SCORES = Entry("Scores", "target", "/portal/scores", MANAGERS)
VOICE = Entry("Voice", "robot", "/portal/voice", MANAGERS, "voice")
PROFIT = Entry("Profit", "scale", "/portal/profit", MANAGERS)
STAFF_USERS = Entry("Staff", "user-cog", "/portal/staff", MANAGERS)
WEBSITE_USERS = Entry("Website users", "world", "/portal/website-users", ADMIN)
API_KEYS = Entry("API keys", "key", "/portal/api-keys", ADMIN)
SUPPRESSED = Entry("Suppressed numbers", "phone-off", "/portal/suppressed-numbers", ADMIN)
SAVINGS = Entry("Save Me Money", "cash", "/portal/save-me-money", ADMIN, "savings")
OUTBOX = Entry("Outbox", "mail", "/portal/outbox", ADMIN, "outbox")
JOBS = Entry("Jobs", "activity", "/portal/jobs", ADMIN, "jobs")
AUDIT = Entry("Audit", "list-search", "/portal/audit", ADMIN)
MAIL_TEST = Entry("Mail test", "send", "/portal/mail-test", ADMIN)

DESK_ENTRIES = (HOME, ORDERS, CHECKS, NEW_ORDER, CUSTOMERS, INVOICES, SUBSCRIPTIONS)
NUMBERS = (MY_SALES, HISTORY, PERFORMANCE, COMMISSIONS, SCRIPT, SCORES, VOICE, PROFIT)
ADMINISTRATION = (
    STAFF_USERS, WEBSITE_USERS, API_KEYS, SUPPRESSED, SAVINGS, OUTBOX, JOBS, AUDIT, MAIL_TEST,
)  # fmt: skip
Layout = tuple[tuple[str, tuple[Entry, ...]], ...]
OFFICE_LAYOUT: Layout = (
    ("", DESK_ENTRIES),
    ("Floor", (WAREHOUSE, BOX_RULES, CALLING, CATALOGUE, PRODUCTS, INVENTORY, PROCUREMENT)),
    ("Watch", NUMBERS),
    ("Administration", ADMINISTRATION),
)
REP_LAYOUT: Layout = (
    ("", (CALLING, HOME, ORDERS, NEW_ORDER, CUSTOMERS, CATALOGUE)),
    ("My numbers", (MY_SALES, HISTORY, COMMISSIONS)),
)
PACKER_LAYOUT: Layout = (("", (WAREHOUSE, BOX_RULES, INVENTORY, HOME)),)
LAYOUTS = {Role.SALES_REP: REP_LAYOUT, Role.WAREHOUSE: PACKER_LAYOUT}

ROLE_WORDS = {
    Role.ADMIN: "Administrator",
    Role.MANAGER: "Manager",
    Role.STAFF: "Order desk",
    Role.SALES_REP: "Sales",
    Role.WAREHOUSE: "Warehouse",
}


def build_navigation(me: Actor, *, path: str, pages: Collection[str], counts: Mapping[str, int]) -> tuple[Group, ...]:
    """The groups that this colleague sees on this page; `pages` are the paths that the program answers."""
    if me.role is None:
        return ()
    groups = []
    for heading, entries in LAYOUTS.get(me.role, OFFICE_LAYOUT):
        shown = [entry for entry in entries if me.role in entry.roles and entry.path in pages]
        if shown:
            groups.append((heading, shown))
    current = _find_current(path, [entry for _, entries in groups for entry in entries])
    return tuple(
        Group(heading, tuple(_link(entry, entry is current, counts) for entry in entries))
        for heading, entries in groups
    )


def _find_current(path: str, entries: list[Entry]) -> Entry | None:
    """The entry whose page the path is or lies under; the longest wins, and home matches only itself."""
    matching = [
        entry
        for entry in entries
        if path.rstrip("/") == entry.path or (entry is not HOME and path.startswith(entry.path + "/"))
    ]
    return max(matching, key=lambda entry: len(entry.path), default=None)


def _link(entry: Entry, is_current: bool, counts: Mapping[str, int]) -> Link:
    return Link(entry.label, entry.icon, entry.path, is_current, counts.get(entry.counts) or None)
