"""The works measured by `bench/growth.py`: each page, list and tool with its name, user and path.

`FACTS` reads the values of the placeholders in braces. `list_unmeasured` lists the routes without a work.
"""

from contextlib import suppress
from typing import Any

import asyncpg
from quart import Quart

PAGES = {
    "home, 30 days": ("admin", "/portal?range=30d"),
    "home, all": ("admin", "/portal?range=all"),
    "home of a rep, all": ("rep", "/portal?range=all"),
    "orders": ("admin", "/portal/orders"),
    "orders of a rep": ("rep", "/portal/orders"),
    "orders, page 20": ("admin", "/portal/orders?page=20"),
    "orders, last page": ("admin", "/portal/orders?page={last}"),
    "orders, waiting for a person": ("admin", "/portal/orders?attention=true"),
    "orders, cancelled": ("admin", "/portal/orders?status=cancelled"),
    "orders, a state and a payment": ("admin", "/portal/orders?status=delivered&payment=paid"),
    "orders, delivered and unpaid": ("admin", "/portal/orders?status=delivered&payment=unpaid"),
    "orders of a customer": ("admin", "/portal/orders?customer_id={customer}"),
    "orders, a rep's, for admins": ("admin", "/portal/orders?rep_id={rep}"),
    "orders, a year": ("admin", "/portal/orders?from_date={year_ago}&to_date={today}"),
    "orders, a year, a payment": ("admin", "/portal/orders?from_date={year_ago}&to_date={today}&payment=paid"),
    "orders, two letters": ("admin", "/portal/orders?search=ll"),
    "orders, a common word": ("admin", "/portal/orders?search=grill"),
    "orders, two words": ("admin", "/portal/orders?search=grill%20oak"),
    "orders, a SKU": ("admin", "/portal/orders?search={sku}"),
    "orders, a phone": ("admin", "/portal/orders?search={digits}"),
    "orders, no such word": ("admin", "/portal/orders?search=qzxvkj"),
    "one order": ("admin", "/portal/orders/{number}"),
    "one order, in a list": ("admin", "/portal/orders/{number}?via=status%3Ddelivered"),
    "palette": ("admin", "/portal/palette?q=grill"),
    "palette, two letters": ("admin", "/portal/palette?q=ll"),
    "search": ("admin", "/portal/search?q=grill"),
    "customers": ("admin", "/portal/customers"),
    "customers, a common word": ("admin", "/portal/customers?q=grill"),
    "one customer": ("admin", "/portal/customers/{customer}"),
    "lookalikes": ("admin", "/portal/customers/duplicates"),
    "lookalikes of one who is typed": ("admin", "/portal/customers/lookalikes?company_name=Oak+Grill&phone={digits}"),
    "website users": ("admin", "/portal/website-users"),
    "invoices": ("admin", "/portal/invoices"),
    "invoices, open": ("admin", "/portal/invoices?status=open"),
    "invoices, overdue": ("admin", "/portal/invoices?status=overdue"),
    "invoices, last page": ("admin", "/portal/invoices?status=all&page={last_invoices}"),
    "invoices, a common word": ("admin", "/portal/invoices?search=grill"),
    "invoices to close": ("admin", "/portal/invoices/close"),
    "invoices of the week": ("admin", "/portal/invoices/week"),
    "one invoice": ("admin", "/portal/invoices/{invoice}"),
    "receiving a payment": ("admin", "/portal/invoices/receive?invoice={open_invoice}"),
    "checks": ("admin", "/portal/checks"),
    "warehouse": ("packer", "/portal/warehouse"),
    "warehouse, searched": ("packer", "/portal/warehouse?q=grill"),
    "one order in the warehouse": ("packer", "/portal/warehouse/{open_number}"),
    "pick list": ("packer", "/portal/warehouse/pick-list?order={open_number}"),
    "inventory": ("admin", "/portal/inventory"),
    "inventory, searched": ("admin", "/portal/inventory?search=lid"),
    "inventory, one product": ("admin", "/portal/inventory/{product}"),
    "products": ("admin", "/portal/products"),
    "products, searched": ("admin", "/portal/products?search=lid"),
    "one product": ("admin", "/portal/products/{product}"),
    "procurement": ("admin", "/portal/procurement"),
    "one vendor": ("admin", "/portal/procurement/vendors/{vendor}"),
    "calling list": ("rep", "/portal/calling"),
    "one entry": ("rep", "/portal/calling/{entry}"),
    "sales of a rep": ("rep", "/portal/my-sales"),
    "history of sales": ("rep", "/portal/history"),
    "performance": ("admin", "/portal/performance"),
    "calls of an hour": ("admin", "/portal/performance/calls"),
    "calls of the agent": ("admin", "/portal/voice/calls"),
    "prompts": ("admin", "/portal/voice/prompts"),
    "outbound queue": ("admin", "/portal/voice/outbound"),
    "sourcing": ("admin", "/portal/voice/sourcing"),
    "voice": ("admin", "/portal/voice"),
    "outbox": ("admin", "/portal/outbox"),
    "outbox, last page": ("admin", "/portal/outbox?page={last_outbox}"),
    "outbox, searched": ("admin", "/portal/outbox?q=grill"),
    "audit": ("admin", "/portal/audit"),
    "audit, last page": ("admin", "/portal/audit?page={last_audit}"),
    "audit, searched": ("admin", "/portal/audit?q=order"),
    "marked numbers": ("admin", "/portal/suppressed-numbers"),
    "jobs": ("admin", "/portal/jobs"),
    "webhooks": ("admin", "/portal/webhooks"),
    "subscriptions": ("admin", "/portal/subscriptions"),
    "subscriptions, paused": ("admin", "/portal/subscriptions?status=paused"),
    "one subscription": ("admin", "/portal/subscriptions/{subscription}"),
    "scores": ("admin", "/portal/scores"),
    "profit": ("admin", "/portal/profit"),
    "commissions": ("admin", "/portal/commissions"),
    "imports": ("admin", "/portal/imports"),
    "staff": ("admin", "/portal/staff"),
    "API: orders": ("admin", "/api/staff/orders"),
    "API: orders, last page": ("admin", "/api/staff/orders?per_page=50&page={last}"),
    "API: orders of a customer": ("admin", "/api/staff/customers/{customer}/orders"),
    "API: stats": ("admin", "/api/staff/stats"),
    "API: customers": ("admin", "/api/staff/customers"),
    "API: customers found": ("admin", "/api/staff/customers/search?q=grill"),
    "API: website users": ("admin", "/api/staff/website-users"),
    "API: one customer": ("admin", "/api/staff/customers/{customer}"),
    "API: credit of a customer": ("admin", "/api/staff/customers/{customer}/credit"),
    "API: lookalikes": ("admin", "/api/staff/customers/duplicates"),
    "API: invoices": ("admin", "/api/invoices"),
    "API: one invoice": ("admin", "/api/invoices/{invoice}"),
    "API: orders to invoice": ("admin", "/api/invoices/customers/{customer}/orders"),
    "API: subscriptions": ("admin", "/api/staff/subscriptions"),
    "API: interval of a customer": ("admin", "/api/staff/subscriptions/suggest-interval/{customer}"),
    "API: profit": ("admin", "/api/staff/profit"),
    "API: procurement": ("admin", "/api/procurement/products"),
    "API: inventory": ("admin", "/api/staff/inventory"),
    "API: products": ("admin", "/api/staff/products"),
    "API: warehouse": ("admin", "/api/warehouse/orders"),
    "API: warehouse, all": ("admin", "/api/warehouse/orders?status=all"),
    "API: warehouse stats": ("admin", "/api/warehouse/stats"),
    "API: one order in the warehouse": ("admin", "/api/warehouse/orders/{open_number}"),
    "API: scores": ("admin", "/api/customers/scores"),
    "API: call queue": ("admin", "/api/staff/call-queue"),
    "API: voice dashboard": ("admin", "/api/staff/voice/dashboard"),
    "API: calls to review": ("admin", "/api/staff/voice/review-queue"),
    "API: calling list": ("rep", "/api/sales/calling-list"),
    "API: calling list, products": ("rep", "/api/sales/calling-list/products"),
    "API: calling list, segments": ("rep", "/api/sales/calling-list/segments"),
    "API: guests of a rep": ("rep", "/api/sales/customers/guest?phone={guest}"),
    "API: orders of a rep": ("rep", "/api/sales/my-orders"),
    "API: customers of a rep": ("rep", "/api/sales/customers"),
    "API: history of sales": ("rep", "/api/sales/history"),
    "API: performance": ("rep", "/api/sales/performance"),
    "own orders": ("customer", "/api/orders"),
    "own order guide": ("customer", "/api/orders/guide"),
    "own invoices": ("customer", "/api/invoices/mine"),
    "own subscriptions": ("customer", "/api/subscriptions/mine"),
    "shop: products": ("shop", "/api/products?per_page=50&page=1"),
    "shop: search": ("shop", "/api/products?search=lid"),
    "shop: one product": ("shop", "/api/products/{product}"),
    "shop: featured": ("shop", "/api/products/featured"),
    "shop: categories": ("shop", "/api/categories"),
}
# Forms, files and pages that read one row or nothing that grows: not measured.
SMALL = (
    "/docs", "/static", "/pay", "/portal/parts", "/portal/sign-in", "/portal/profile", "/healthz", "/readyz",
    "/metrics",
)  # fmt: skip
TOOLS = {
    "lookup-customer": {"phone_number": "{phone}"},
    "check-terms": {"phone_number": "{phone}"},
    "past-orders": {"phone_number": "{phone}"},
    "order-status": {"order_number": "{number}"},
    "products": {"query": "two ounce cups"},
    "order-history": {"phone_number": "{phone}"},
}
FACTS = {
    "last": "(SELECT count(*) FROM orders) / 50",
    "last_invoices": "(SELECT count(*) FROM invoice) / 50",
    "last_outbox": "(SELECT count(*) FROM outbox_message) / 50",
    "last_audit": "(SELECT count(*) FROM audit_entry) / 50",
    "phone": "(SELECT phone FROM customer WHERE phone IS NOT NULL ORDER BY id OFFSET 50 LIMIT 1)",
    "number": "(SELECT order_number FROM orders ORDER BY id DESC OFFSET 100 LIMIT 1)",
    "guest": """(
      SELECT right(delivery_phone, 10) FROM orders WHERE customer_id IS NULL AND delivery_phone IS NOT NULL
        AND NOT EXISTS (SELECT FROM customer WHERE phone = delivery_phone)
        AND NOT EXISTS (SELECT FROM customer WHERE phone2 = delivery_phone)
      ORDER BY id DESC LIMIT 1
    )""",
    "open_number": "(SELECT order_number FROM orders WHERE status = 'confirmed' ORDER BY id DESC LIMIT 1)",
    "customer": "(SELECT min(id) + 60 FROM customer)",
    "invoice": "(SELECT max(id) FROM invoice WHERE status <> 'draft')",
    "open_invoice": "(SELECT max(id) FROM invoice WHERE status = 'sent')",
    "subscription": "(SELECT max(id) FROM subscription)",
    "vendor": "(SELECT min(id) FROM vendor)",
    "entry": """(
      SELECT e.id FROM calling_entry AS e JOIN staff AS s ON s.id = e.assigned_to AND s.username = 'rep'
      ORDER BY e.id LIMIT 1
    )""",
    "product": "(SELECT id FROM product WHERE is_active AND in_stock AND NOT is_customizable ORDER BY id LIMIT 1)",
    "rep": "(SELECT min(id) FROM staff WHERE role = 'sales_rep')",
    "sku": "(SELECT product_sku FROM order_item ORDER BY id DESC LIMIT 1)",
    "today": "current_date::text",
    "year_ago": "(current_date - 365)::text",
}


async def read_facts(connection: asyncpg.Connection) -> dict[str, Any]:
    """A company's placeholder values; an older release lacks those of later tables."""
    facts: dict[str, Any] = {}
    for name, value in FACTS.items():
        with suppress(asyncpg.UndefinedTableError):
            facts[name] = await connection.fetchval(f"SELECT {value}")
    facts["digits"] = facts["phone"][-7:]
    return facts


def list_unmeasured(app: Quart) -> list[str]:
    """The GET routes that are in no work."""
    rules, known = app.url_map.bind("localhost"), set()
    words = _Ones()
    for _, path in PAGES.values():
        rule, _ = rules.match(path.format_map(words).partition("?")[0], method="GET", return_rule=True)
        known.add(rule.rule)
    every = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return sorted(rule for rule in every - known if not rule.startswith(SMALL))


class _Ones(dict[str, str]):
    """Returns a number for any placeholder."""

    def __missing__(self, _word: str) -> str:
        return "1"
