"""A page's title names its record, so that open pages and the entries of a browser's history can be told apart."""

import html
import re

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import BoxRule, Role, Vendor
from settings import Settings
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories import make_customer, make_product
from tests.portal.desk import open_as
from tests.portal.forms import read_page
from tests.portal.test_invoices import make_draft


async def read_title(client: TestClientProtocol, path: str) -> str:
    """The title of a page without the company's name."""
    found = re.search(r"<title>(.*?) · ", await read_page(client, path), re.DOTALL)
    assert found is not None, path
    return html.unescape(found[1])


async def test_pages_of_one_kind_have_titles_of_their_own(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    await open_as(client, db, Role.ADMIN)
    pan = await make_product(db, name="Sheet pan")
    rule = BoxRule(product_id=pan.id, qty_per_box=6, box_name="M")
    vendor = Vendor(name="Sheffield Steel")
    db.add_all([rule, vendor])
    diner = await make_customer(db, company_name="Blue Heron Diner")
    held = await subscribe(db, settings, customer_id=diner.id)
    await db.commit()
    first, second = await make_draft(client, db), await make_draft(client, db)
    receive, subscription = "/portal/invoices/receive?invoice=", f"/portal/subscriptions/{held.id}"
    for path, title in {
        "/portal/box-rules": "Box rules",
        f"/portal/box-rules/{rule.id}": "Box rule for Sheet pan",
        "/portal/box-rules/products?product=pan": "Products for a box rule",
        "/portal/products/new": "New product",
        f"/portal/procurement/vendors/{vendor.id}/products/new": "New product of Sheffield Steel",
        f"{receive}{first}&invoice={second}": "Record a payment for 2 invoices",
        f"{subscription}/pause": "Pause the subscription of Blue Heron Diner?",
        f"{subscription}/renew": "Charge Blue Heron Diner now and create the order?",
        "/portal/suppressed-numbers/+12165550148/lift": "Lift do-not-call of (216) 555-0148?",
    }.items():
        assert await read_title(client, path) == title
