"""The side navigation: each role's pages in the order of its work.

An entry is shown only if its page exists, so a new page appears automatically.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from models import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the navigation; `counts` names its waiting count, `go` is the key after G."""

    label: str
    icon: str
    path: str
    right: Right | None
    counts: str = ""
    go: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as shown to one colleague on one page."""

    label: str
    icon: str
    url: str
    is_current: bool
    count: int | None
    go: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Links under one heading; the first group has none. A group with a heading is folded unless it has the current
    page."""

    heading: str
    links: tuple[Link, ...]

    @property
    def is_open(self) -> bool:
        """True when the current page is in this group."""
        return any(link.is_current for link in self.links)

    @property
    def count(self) -> int:
        """The group's waiting count, shown while it is folded."""
        return sum(link.count or 0 for link in self.links)


HOME = Entry("Home", "home", "/portal", None, go="h")
ORDERS = Entry("Orders", "shopping-cart", "/portal/orders", Right.SEE_MONEY, "orders", go="o")
CHECKS = Entry("Checks", "checkbox", "/portal/checks", Right.REVIEW_CHECKS, "checks", go="k")
NEW_ORDER = Entry("New order", "plus", "/portal/orders/new", Right.ENTER_ORDERS)
CUSTOMERS = Entry("Customers", "users", "/portal/customers", Right.SEE_CUSTOMERS, go="c")
INVOICES = Entry("Invoices", "file-invoice", "/portal/invoices", Right.SEE_INVOICES, "invoices", go="i")
SUBSCRIPTIONS = Entry(
    "Subscriptions", "repeat", "/portal/subscriptions", Right.SEE_SUBSCRIPTIONS, "subscriptions", go="s"
)
WAREHOUSE = Entry("Warehouse", "package", "/portal/warehouse", Right.PACK_ORDERS, "warehouse", go="w")
BOX_RULES = Entry("Box rules", "box", "/portal/box-rules", Right.EDIT_BOXES)
CALLING = Entry("Calling", "phone", "/portal/calling", Right.CALL_CUSTOMERS, go="l")
CATALOGUE = Entry("Catalogue", "book-2", "/portal/catalogue", Right.CALL_CUSTOMERS)
PRODUCTS = Entry("Products", "tag", "/portal/products", Right.SEE_PRODUCT_PAGES, go="p")
INVENTORY = Entry("Inventory", "stack-2", "/portal/inventory", Right.EDIT_STOCK, go="y")
PROCUREMENT = Entry("Procurement", "truck-delivery", "/portal/procurement", Right.EDIT_PROCUREMENT, go="r")
MY_SALES = Entry("My sales", "chart-bar", "/portal/my-sales", Right.SEE_PERFORMANCE, go="m")
HISTORY = Entry("History", "history", "/portal/history", Right.SEE_PERFORMANCE)
PERFORMANCE = Entry("Performance", "chart-line", "/portal/performance", Right.SEE_PERFORMANCE)
COMMISSIONS = Entry("Commissions", "coin", "/portal/commissions", Right.SEE_COMMISSIONS)
SCRIPT = Entry("Call script", "message-2", "/portal/call-script", Right.EDIT_SCRIPT)
SCORES = Entry("Scores", "target", "/portal/scores", Right.SEE_SCORES)
VOICE = Entry("Voice", "robot", "/portal/voice", Right.REVIEW_CALLS, "voice", go="v")
PROFIT = Entry("Profit", "scale", "/portal/profit", Right.SEE_PROFIT)
STATUS = Entry("Status", "activity", "/portal/status", Right.SEE_JOBS, go="t")
STAFF_USERS = Entry("Staff", "user-cog", "/portal/staff", Right.SEE_STAFF, go="u")
WEBSITE_USERS = Entry("Website users", "world", "/portal/website-users", Right.SEE_WEBSITE_USERS)
API_KEYS = Entry("API keys", "key", "/portal/api-keys", Right.EDIT_KEYS)
WEBHOOKS = Entry("Webhooks", "webhook", "/portal/webhooks", Right.EDIT_KEYS)
SUPPRESSED = Entry("Suppressed numbers", "phone-off", "/portal/suppressed-numbers", Right.LIFT_SUPPRESSION)
IMPORTS = Entry("Imports", "upload", "/portal/imports", Right.SEE_IMPORTS)
SAVINGS = Entry("Save Me Money", "cash", "/portal/save-me-money", Right.SEE_SAVINGS_REQUESTS, "savings")
OUTBOX = Entry("Outbox", "mail", "/portal/outbox", Right.SEE_OUTBOX, "outbox", go="x")
JOBS = Entry("Jobs", "clipboard-list", "/portal/jobs", Right.SEE_JOBS, "jobs", go="j")
AUDIT = Entry("Audit", "list-search", "/portal/audit", Right.SEE_AUDIT, go="a")
MAIL_TEST = Entry("Mail test", "send", "/portal/mail-test", Right.CHECK_MAIL)

DESK_ENTRIES = (HOME, ORDERS, CHECKS, NEW_ORDER, CUSTOMERS, INVOICES, SUBSCRIPTIONS)
NUMBERS = (MY_SALES, HISTORY, PERFORMANCE, COMMISSIONS, SCRIPT, SCORES, VOICE, PROFIT)
ADMINISTRATION = (
    STATUS, STAFF_USERS, WEBSITE_USERS, API_KEYS, WEBHOOKS, SUPPRESSED, IMPORTS, SAVINGS, OUTBOX, JOBS, AUDIT,
    MAIL_TEST,
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
    """The groups for this colleague on this page; `pages` are the existing paths."""
    if me.role is None:
        return ()
    groups = []
    for heading, entries in LAYOUTS.get(me.role, OFFICE_LAYOUT):
        shown = [entry for entry in entries if entry.path in pages and (entry.right is None or may(me, entry.right))]
        if shown:
            groups.append((heading, shown))
    current = _find_current(path, [entry for _, entries in groups for entry in entries])
    return tuple(
        Group(heading, tuple(_link(entry, entry is current, counts) for entry in entries))
        for heading, entries in groups
    )


def list_links(me: Actor, *, pages: Collection[str]) -> tuple[Link, ...]:
    """All pages in this colleague's navigation, without counts."""
    return tuple(link for group in build_navigation(me, path="", pages=pages, counts={}) for link in group.links)


def _find_current(path: str, entries: list[Entry]) -> Entry | None:
    """The entry for the path or its parent; the longest match wins, and home matches only itself."""
    matching = [
        entry
        for entry in entries
        if path.rstrip("/") == entry.path or (entry is not HOME and path.startswith(entry.path + "/"))
    ]
    return max(matching, key=lambda entry: len(entry.path), default=None)


def _link(entry: Entry, is_current: bool, counts: Mapping[str, int]) -> Link:
    return Link(entry.label, entry.icon, entry.path, is_current, counts.get(entry.counts) or None, entry.go)
