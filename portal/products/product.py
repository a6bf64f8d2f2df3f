"""The page of one product: its details and sales, its picture and stock, and the form that changes it.

The form contains the version at which it was opened; a stale one shows both values and lets the user choose.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response, request

from documents.filters import format_number, format_plural, format_range, with_query
from domain.access.rights import Right
from domain.catalogue.categories import list_category_names
from domain.catalogue.edit_product import EditProduct, edit_product, replace_picture
from domain.catalogue.get_product import make_image_url
from domain.catalogue.product_page import (
    ADDED,
    FIELD_LABELS,
    ProductDetail,
    ProductPage,
    get_product_detail,
    get_product_page,
)
from domain.catalogue.product_sales import ProductSales
from domain.catalogue.product_table import ProductFilters, find_product_neighbours
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Input, Text200
from domain.kernel.money import format_money
from domain.kernel.paging import PageInput
from domain.kernel.whole_numbers import read_id
from domain.stock.ledger import MOST_UNITS, StockLevel, set_stock_level
from models import StockReason
from models.session import current_database
from portal.attempts import Attempt, NoFields, attempt, refusal_of
from portal.charts import Chart, Point, draw_chart
from portal.merging import MergedAttempt, Present, attempt_merging, keep_opened
from portal.products.list import LIST
from portal.render import page_or_block, redirect_to
from portal.walk import walk_list
from web.guards import staff_page
from web.reading import body_limit, reads_query
from web.request import current_actor, db, settings
from web.uploads import PICTURE_MEGABYTES

blueprint = Blueprint("portal_product", __name__)
REASON_WORDS = {
    StockReason.OPENING: "Opening level", StockReason.ORDER_PLACED: "Ordered",
    StockReason.ORDER_CANCELLED: "Order cancelled", StockReason.ORDER_REOPENED: "Order reopened",
    StockReason.ORDER_EDITED: "Order changed", StockReason.ORDER_DELETED: "Order deleted",
    StockReason.COUNTED: "Counted", StockReason.RECEIVED: "Received", StockReason.SHORT_PICK: "Short pick",
    StockReason.SYNCED: "Synced", StockReason.DAMAGED: "Damaged", StockReason.RETURNED: "Returned",
    StockReason.USED: "Used or given away", StockReason.RENEWAL_RESERVED: "Held for a renewal",
    StockReason.RENEWAL_RETURNED: "Renewal not charged",
}  # fmt: skip
# The chart takes two thirds of the page width.
BESIDE_FACTS = (640, 190)
FLAGS = ("in_stock", "is_active", "is_customizable")
FORM_FIELDS = [name for name in EditProduct.model_fields if name not in FLAGS]


class SetStock(Input):
    """The counted level; unticked, stock is no longer tracked. `seen` is the level when the form was opened."""

    level: Annotated[int, Field(ge=0, le=MOST_UNITS)] | None = None
    is_tracked: bool = False
    seen: int | None = None
    note: Text200 = ""


@blueprint.get(f"{LIST}/<id:product_id>")
@staff_page(Right.SEE_PRODUCT_PAGES)
@reads_query(PageInput)
async def show_product(product_id: int, query: PageInput) -> Response:
    """One product; the page number in the URL is the ledger's."""
    async with current_database().reading() as connection:
        shown = await get_product_page(
            connection,
            product_id,
            visible_to=current_actor(),
            timezone=settings().timezone,
            ledger_page=query.page,
        )
        walk = await walk_list(
            ProductFilters,
            lambda filters: find_product_neighbours(connection, product_id, filters, visible_to=current_actor()),
            list_url=LIST,
            crumb="Products",
            found_by="search",
        )
    return await page_or_block(
        "products/product.html",
        block=("product_page", "stock_ledger"),
        shown=shown,
        product=shown.product,
        walk=walk,
        url=f"{LIST}/{product_id}",
        reason_words=REASON_WORDS,
        figures=_list_figures(shown),
        chart=_draw_sales(shown.sales),
        timeline=_make_timeline(shown),
        image_url=make_image_url(product_id, shown.product.image_hash, shown.product.image_url),
    )


@blueprint.get(f"{LIST}/<id:product_id>/edit")
@staff_page(Right.EDIT_PRODUCTS)
async def show_product_form(product_id: int) -> Response:
    """Every field of a product, open for editing."""
    return await _show_form(await get_product_detail(db(), product_id, visible_to=current_actor()))


@blueprint.post(f"{LIST}/<id:product_id>/edit")
@staff_page(Right.EDIT_PRODUCTS)
async def save_product(product_id: int) -> Response:
    """Change the fields that differ."""

    async def save(data: EditProduct, version: int | None) -> Any:
        return await edit_product(db(), product_id, data, by=current_actor(), version=version)

    async def read_present() -> Present:
        there = await get_product_detail(db(), product_id, visible_to=current_actor())
        return Present(there.version, _write_values(there))

    tried = await attempt_merging(EditProduct, save, read_present)
    if tried.result is None:
        detail = await get_product_detail(db(), product_id, visible_to=current_actor())
        return await _show_form(detail, tried)
    return await redirect_to(f"{LIST}/{product_id}", toast=f"{tried.result.name} saved")


@blueprint.get(f"{LIST}/<id:product_id>/picture")
@staff_page(Right.EDIT_PRODUCTS)
async def show_picture_form(product_id: int) -> Response:
    """Ask for a picture."""
    return await _ask_for_picture(product_id)


@blueprint.post(f"{LIST}/<id:product_id>/picture")
@staff_page(Right.EDIT_PRODUCTS)
@body_limit(PICTURE_MEGABYTES)
async def save_picture(product_id: int) -> Response:
    """Save the uploaded picture, or remove the product's own."""
    files = await request.files
    data = files["picture"].read() if "picture" in files else b""
    removes = (await request.form).get("act") == "remove"

    async def save(_: NoFields) -> Any:
        if not data and not removes:
            raise InvalidInput("Choose a picture first.", fields={"picture": "Choose a JPEG, PNG or WebP file"})
        return await replace_picture(db(), product_id, None if removes else data, by=current_actor())

    tried = await attempt(NoFields, save)
    if tried.refusal is not None:
        return await _ask_for_picture(product_id, tried)
    return await redirect_to(f"{LIST}/{product_id}", toast="Picture removed" if removes else "Picture saved")


@blueprint.get(f"{LIST}/<id:product_id>/stock")
@staff_page(Right.CORRECT_STOCK)
async def show_stock_form(product_id: int) -> Response:
    """Ask how many units there are."""
    return await _ask_for_stock(product_id)


@blueprint.post(f"{LIST}/<id:product_id>/stock")
@staff_page(Right.CORRECT_STOCK)
async def save_stock(product_id: int) -> Response:
    """Record the counted level in the ledger."""

    async def save(data: SetStock) -> StockLevel:
        if data.is_tracked and data.level is None:
            raise InvalidInput("Enter how many there are.", fields={"level": "Write how many units there are"})
        return await set_stock_level(
            db(),
            product_id,
            data.level if data.is_tracked else None,
            reason=StockReason.COUNTED,
            note=data.note,
            by=current_actor(),
            seen=StockLevel(None, data.seen),
        )

    tried = await attempt(SetStock, save)
    if tried.result is None:
        return await _ask_for_stock(product_id, tried)
    after = tried.result.after
    toast = "Stock is no longer tracked" if after is None else f"{format_plural(after, 'unit')} in stock"
    return await redirect_to(f"{LIST}/{product_id}", toast=toast)


async def _show_form(product: ProductDetail, tried: MergedAttempt[Any] | None = None) -> Response:
    """The form with the product's values, or after a refusal with the typed values."""
    there = _write_values(product)
    categories = await list_category_names(db())
    return await page_or_block(
        "products/edit.html",
        block="product_form",
        status=tried.status if tried else 200,
        product=product,
        url=f"{LIST}/{product.id}",
        # A refused form keeps the version at which it was opened; it gets the new one only after showing both values.
        version=tried.typed.get("version", "") if tried and not tried.is_stale else product.version,
        opened=keep_opened(tried, there),
        categories=categories,
        values=there | ({name: tried.typed.get(name, "") for name in there} if tried else {}),
        errors=tried.errors if tried else {},
        problem=tried.problem if tried and not tried.is_stale else "",
        conflict=_describe_conflict(tried, dict(categories)),
    )


def _write_values(product: ProductDetail) -> dict[str, str]:
    """The form's fields as text; a flag is "on" or "0", as its checkbox sends it."""
    written = {name: _write(getattr(product, name)) for name in FORM_FIELDS}
    return written | {name: "on" if getattr(product, name) else "0" for name in FLAGS}


def _write(value: Any) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _describe_conflict(tried: MergedAttempt[Any] | None, categories: dict[int, str]) -> dict[str, Any] | None:
    """Who changed the product in the meantime, when, and both values of each field changed by both."""
    if tried is None:
        return None

    def in_words(name: str, value: str) -> str:
        if name == "category_id":
            return categories.get(read_id(value) or 0, value)
        return {"on": "yes", "0": "no"}.get(value, value) if name in FLAGS else value

    return tried.describe_conflict(FIELD_LABELS, in_words)


async def _ask_for_picture(product_id: int, tried: Attempt[Any] | None = None) -> Response:
    return await _ask("products/picture.html", product_id, tried)


async def _ask_for_stock(product_id: int, tried: Attempt[Any] | None = None) -> Response:
    return await _ask("products/stock.html", product_id, tried)


async def _ask(template: str, product_id: int, tried: Attempt[Any] | None) -> Response:
    """A question about the product as a page or in the dialog."""
    act = template.rpartition("/")[2].removesuffix(".html")
    return await page_or_block(
        template,
        block="dialog",
        product=await get_product_detail(db(), product_id, visible_to=current_actor()),
        url=f"{LIST}/{product_id}/{act}",
        back_url=f"{LIST}/{product_id}",
        typed=tried.typed if tried else {},
        **refusal_of(tried),
    )


def _list_figures(shown: ProductPage) -> list[dict[str, str]]:
    """Sales figures of the period; each links to the orders that contain the product."""
    sales, product = shown.sales, shown.product
    orders = "/portal/orders" + with_query(
        {"search": product.sku, "from_date": sales.first_day, "to_date": sales.last_day, "cancelled": "false"}
    )
    cost = product.cost_per_item
    margin = f"{(1 - cost / product.unit_price) * 100:.0f}% margin" if cost and product.unit_price else ""
    return [
        _figure("Sold", format_number(sales.units), orders, "units in 90 days", "Units in orders, except cancelled"),
        _figure("Orders", format_number(sales.orders), orders, "in 90 days", "Orders with it, except cancelled"),
        _figure("Revenue", format_money(sales.revenue), orders, "in 90 days", "Line totals, before discounts"),
        _figure("Price", format_money(product.unit_price), orders, margin, "For new orders; old orders keep theirs"),
    ]


def _figure(label: str, value: str, url: str, was: str, meaning: str) -> dict[str, str]:
    no_change = {"tone": "quiet", "arrow": "", "change": ""}
    return no_change | {"label": label, "value": value, "url": url, "was": was, "meaning": meaning}


def _draw_sales(sales: ProductSales) -> Chart:
    today = sales.last_day
    period = format_range(sales.first_day, today, today=today)
    points = []
    for week in sales.weeks:
        days = format_range(
            max(week.first_day, sales.first_day), min(week.first_day + timedelta(days=6), today), today=today
        )
        points.append(
            Point(
                label=f"{week.first_day:%b} {week.first_day.day}",
                value=float(week.units),
                title=f"{days}: {format_plural(week.units, 'unit')}, {format_money(week.revenue)}",
                cells=(days, format_number(week.units), format_number(week.orders), format_money(week.revenue)),
                soft=week is sales.weeks[-1],
            )
        )
    return draw_chart(
        points,
        title="Units sold by week",
        period=f"{period}, cancelled orders left out",
        summary=f"Units sold by week, {period}: {format_plural(sales.units, 'unit')}.",
        columns=("Week", "Units", "Orders", "Revenue"),
        unit="",
        wide=BESIDE_FACTS,
        legend=(("bar", "Units"), ("bar-soft", "This week so far")),
    )


def _make_timeline(shown: ProductPage) -> list[dict[str, Any]]:
    return [
        {
            "icon": "plus" if event.what == ADDED else "pencil",
            "tone": "good" if event.what == ADDED else "",
            "text": event.what if event.what == ADDED or event.before or event.after else f"{event.what} changed",
            "before": event.before or "",
            "after": event.after or "",
            "note": "",
            "who": event.who,
            "at": event.at,
        }
        for event in shown.timeline
    ]
