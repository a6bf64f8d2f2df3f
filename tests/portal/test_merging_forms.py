"""Every form that changes a record merges by field what a colleague changed, and asks only about what both have."""

import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from models import BoxRule, Role, Vendor, VendorProduct
from tests.factories import make_customer, make_product
from tests.factories.orders import make_order
from tests.portal.desk import open_as, read_order
from tests.portal.forms import read_page, send_form

Fields = dict[str, str]
ORDER_ID = sql("SELECT id FROM orders WHERE order_number = :number")


class FormReader(HTMLParser):
    """What the form with one action holds, as a browser would send it."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.fields = action, Fields()
        self._is_inside, self._select, self._text = False, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self._is_inside = found.get("action") == self.action
        name = found.get("name") or ""
        if not self._is_inside or name in {"csrf_token", "_take"}:
            return
        if tag == "input" and name and not (found.get("type") == "checkbox" and "checked" not in found):
            self.fields[name] = found.get("value") or ""
        if tag == "select":
            self._select = name
        if tag == "option" and self._select and "selected" in found:
            self.fields[self._select] = found.get("value") or ""
        if tag == "textarea":
            self._text, self.fields[name] = name, ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.fields[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text:
            self.fields[self._text] = self.fields[self._text].removeprefix("\n")
            self._text = ""
        if tag == "form":
            self._is_inside = False


def read_form(page: str, action: str) -> Fields:
    """What the form holds."""
    reader = FormReader(action)
    reader.feed(page)
    assert "version" in reader.fields, action
    return reader.fields


async def open_vendor(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    vendor = Vendor(name="Sheffield Steel", contact_name="Bo", notes="one\ntwo")
    db.add(vendor)
    await db.commit()
    url = f"/portal/procurement/vendors/{vendor.id}/edit"
    return url, url


async def open_vendor_product(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    vendor = Vendor(name="Sheffield Steel")
    db.add(vendor)
    await db.flush()
    product = VendorProduct(vendor_id=vendor.id, name="Blade", est_price_min=Decimal("1.50"))
    db.add(product)
    await db.commit()
    url = f"/portal/procurement/products/{product.id}/edit"
    return url, url


async def open_box_rule(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    rule = BoxRule(product_id=(await make_product(db)).id, qty_per_box=6, box_name="M", length_in=Decimal("12.50"))
    db.add(rule)
    await db.commit()
    return f"/portal/box-rules/{rule.id}", f"/portal/box-rules/{rule.id}"


async def open_shelf(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    product = await make_product(db, bin_location="A-04")
    await db.commit()
    url = f"/portal/inventory/{product.id}/shelf"
    return url, url


async def open_terms(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    customer = await make_customer(db)
    await db.commit()
    url = f"/portal/customers/{customer.id}/terms"
    return url, url


async def open_invoice(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    new = "/portal/invoices/new"
    lines = {
        "items[0][description]": "Hood", "items[0][quantity]": "1", "items[0][unit_price]": "90.00",
        "items[1][description]": "Fan", "items[1][quantity]": "2", "items[1][unit_price]": "15.50",
    }  # fmt: skip
    _, _, location = await send_form(client, new, customer_name="Old Mill", **lines)
    return f"{location}/edit", f"{location}/edit"


async def open_items(db: AsyncSession, client: TestClientProtocol) -> tuple[str, str]:
    knife, whisk = await make_product(db, sku="KNIFE-1"), await make_product(db, sku="WHISK-1")
    await make_product(db, sku="LADLE-1")
    placed = await make_order(db, (knife, 2), (whisk, 3))
    await db.commit()
    url = f"/portal/orders/{placed.written.order_number}"
    return f"{url}?edit=items", f"{url}/items"


FORMS: list[tuple[Callable[..., Awaitable[tuple[str, str]]], Fields, Fields]] = [
    (open_vendor, {"contact_name": "Ann", "notes": "one\ntwo\nthree"}, {"address": "9 Mill Lane"}),
    (open_vendor_product, {"est_price_min": "1.75"}, {"category": "Knives", "est_price_max": "40.00"}),
    (open_box_rule, {"length_in": "13", "notes": "Upright"}, {"box_name": "L"}),
    (open_shelf, {"bin_location": "B-09"}, {"in_stock": "0", "reorder_level": "7"}),
    (open_terms, {"credit_limit": "900.00"}, {"payment_terms": "net30"}),
    (
        open_invoice,
        {"items[0][unit_price]": "95.00", "po_number": "77"},
        {"items[1][quantity]": "5", "notes": "Thanks"},
    ),
    (open_items, {"items[0][quantity]": "4"}, {"items[1][quantity]": "9", "discount_amount": "5.00"}),
]


@pytest.mark.parametrize(("opener", "theirs", "mine"), FORMS, ids=lambda value: getattr(value, "__name__", ""))
async def test_what_one_of_two_people_changed_is_merged_and_the_rest_is_asked_about(
    client: TestClientProtocol,
    db: AsyncSession,
    opener: Callable[..., Awaitable[tuple[str, str]]],
    theirs: Fields,
    mine: Fields,
) -> None:
    await open_as(client, db, Role.ADMIN)
    page, action = await opener(db, client)
    opened = read_form(await read_page(client, page), action)
    assert (await send_form(client, page, action, **(opened | theirs)))[0] == 303
    assert (await send_form(client, page, action, **(opened | mine)))[0] == 303
    both = opened | theirs | mine
    held = read_form(await read_page(client, page), action)
    assert {name: held.get(name) for name in theirs | mine} == theirs | mine
    field, value = next(iter(theirs.items()))
    status, text, _ = await send_form(client, page, action, **(opened | {field: f"1{value}"}))
    assert (status, text.count("yours “")) == (409, 1)
    asked = read_form(text, action)
    assert asked[field] == f"1{value}"
    assert {name: asked.get(name) for name in both if name in mine} == mine
    assert (await send_form(client, page, action, **asked | {"_take": "theirs"}))[0] == 303
    kept = read_form(await read_page(client, page), action)
    assert {name: kept.get(name) for name in theirs | mine} == theirs | mine
    assert (await send_form(client, page, action, **asked))[0] == 303
    assert read_form(await read_page(client, page), action)[field].removesuffix(".00") == f"1{value}".removesuffix(
        ".00"
    )


async def test_lines_that_two_people_add_and_take_off_are_merged(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    page, action = await open_items(db, client)
    opened = read_form(await read_page(client, page), action)
    # Mine adds a line by a step, during which a colleague takes another one off.
    status, text, _ = await send_form(client, page, action, **(opened | {"act": "add:LADLE-1"}))
    added = read_form(text, action)
    assert (status, added["version"], added["_opened"]) == (200, opened["version"], opened["_opened"])
    assert (await send_form(client, page, action, **(opened | {"items[0][quantity]": "0"})))[0] == 303
    assert (await send_form(client, page, action, **added))[0] == 303
    held = read_form(await read_page(client, page), action)
    assert lines_of(held) == [("WHISK-1", "3"), ("LADLE-1", "1")]
    # Who changed a line that a colleague took off is asked.
    status, text, _ = await send_form(client, page, action, **(opened | {"items[0][quantity]": "5"}))
    assert status == 409
    assert "yours “5”, theirs “taken off”" in text
    asked = read_form(text, action)
    assert ("LADLE-1", "1") in lines_of(asked)
    assert (await send_form(client, page, action, **asked | {"_take": "theirs"}))[0] == 303
    assert lines_of(read_form(await read_page(client, page), action)) == lines_of(held)


def lines_of(form: Fields) -> list[tuple[str, str]]:
    """SKU and quantity of each line that the form holds."""
    places = sorted({found[1] for name in form if (found := re.fullmatch(r"items\[(\d+)\]\[sku\]", name))})
    return [(form[f"items[{place}][sku]"], form[f"items[{place}][quantity]"]) for place in places]


async def test_a_row_of_the_edit_table_takes_what_a_colleague_changed(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.MANAGER)
    product = await make_product(db, unit_price=Decimal("10.00"))
    await db.commit()
    page = f"/portal/products/edit?search={product.sku}"
    opened = await read_page(client, page)
    form = FormReader("/portal/products/edit?search=" + product.sku)
    form.feed(opened)
    rows: dict[str, Any] = form.fields
    assert rows, opened
    assert (await send_form(client, page, **rows | {"products[0][name]": "Skillet"}))[0] == 303
    assert (await send_form(client, page, **rows | {"products[0][unit_price]": "12.00"}))[0] == 303
    await db.refresh(product)
    assert (product.name, product.unit_price) == ("Skillet", Decimal("12.00"))
    late = rows | {"products[0][unit_price]": "13.00", "products[0][reorder_level]": "3"}
    status, text, _ = await send_form(client, page, **late)
    assert (status, text.count("yours “")) == (422, 1)
    assert "yours “13.00”, theirs “12.00”" in text
    assert 'value="Skillet"' in text
    await db.refresh(product)
    assert (product.unit_price, product.reorder_level) == (Decimal("12.00"), None)


async def test_a_level_that_moved_while_it_was_typed_is_asked_about(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.MANAGER)
    product = await make_product(db, stock=10)
    await db.commit()
    page = f"/portal/products/edit?search={product.sku}"
    form = FormReader("/portal/products/edit?search=" + product.sku)
    form.feed(await read_page(client, page))
    await make_order(db, (product, 3))
    await db.commit()
    status, text, _ = await send_form(client, page, **form.fields | {"products[0][stock_quantity]": "12"})
    assert status == 422
    assert "yours “12”, theirs “7”" in text
    await db.refresh(product)
    assert product.stock_quantity == 7


async def test_a_step_keeps_the_version_that_the_form_was_opened_at(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    page, action = await open_items(db, client)
    opened = read_form(await read_page(client, page), action)
    await send_form(client, page, action, **(opened | {"items[1][quantity]": "7"}))
    _, text, _ = await send_form(client, page, action, **(opened | {"items[1][quantity]": "8", "act": "add:LADLE-1"}))
    status, text, _ = await send_form(client, page, action, **read_form(text, action))
    assert (status, "yours “8”, theirs “7”" in text) == (409, True)
    number = page.split("/")[3].partition("?")[0]
    assert (await read_order(db, int((await db.execute(ORDER_ID, {"number": number})).scalar_one()))).unit_count == 9
