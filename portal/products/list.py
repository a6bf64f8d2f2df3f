"""The table of products, the same rows as CSV, new products, and the categories."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.catalogue.categories import (
    CreateCategory,
    EditCategory,
    create_category,
    edit_category,
    list_category_lines,
    list_category_names,
)
from domain.catalogue.create_product import CreateProduct, create_product
from domain.catalogue.product_table import (
    ProductFilters,
    count_products,
    export_products,
    list_product_lines,
)
from domain.kernel.errors import NotFound
from models.session import current_database
from portal.attempts import Attempt, attempt, refusal_of
from portal.lists import make_tabs
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db
from web.streams import stream_file

blueprint = Blueprint("portal_products", __name__)
LIST = "/portal/products"
CATEGORIES = "/portal/products/categories"
STOCK_WORDS = [
    ("", "Any stock"), ("available", "In stock"), ("low", "Low"), ("out", "Out of stock"), ("untracked", "Not tracked"),
]  # fmt: skip
TABS = (("active", "Active"), ("inactive", "Inactive"), ("all", "All"), ("no_picture", "No picture"))


@blueprint.get(LIST)
@staff_page(Right.SEE_PRODUCT_PAGES)
@reads_query(ProductFilters)
async def show_products(query: ProductFilters) -> Response:
    """The table, or the block of it that changed."""
    async with current_database().listing() as connection:
        page = await list_product_lines(connection, query, visible_to=current_actor())
        counts = await count_products(connection)
        categories = await list_category_names(connection)
    return await page_or_block(
        "products/list.html",
        block="product_table",
        page=page,
        filters=query,
        tabs=make_tabs(LIST, "active", [(name, word, counts[name]) for name, word in TABS], query.active),
        categories=[("", "Any category"), *categories],
        stock_words=STOCK_WORDS,
    )


@blueprint.get("/portal/products.csv")
@staff_page(Right.SEE_PRODUCT_PAGES)
@reads_query(ProductFilters)
async def download_products(query: ProductFilters) -> Response:
    """All products that match the filters as CSV, streamed."""
    rows = export_products(current_database(), query, visible_to=current_actor())
    return await stream_file(rows, "products.csv")


@blueprint.get("/portal/products/new")
@staff_page(Right.EDIT_PRODUCTS)
async def show_new_product() -> Response:
    """The form of a new product."""
    return await _show_new_form(None)


@blueprint.post("/portal/products/new")
@staff_page(Right.EDIT_PRODUCTS)
async def add_product() -> Response:
    """Add a product and open its page."""

    async def add(data: CreateProduct) -> Any:
        return await create_product(db(), data, by=current_actor())

    tried = await attempt(CreateProduct, add)
    if tried.result is None:
        return await _show_new_form(tried)
    return await redirect_to(f"{LIST}/{tried.result.id}", toast=f"{tried.result.name} added")


@blueprint.get(CATEGORIES)
@staff_page(Right.SEE_PRODUCT_PAGES)
async def show_categories() -> Response:
    """The categories by name."""
    async with current_database().reading() as connection:
        categories = await list_category_lines(connection)
    return await page_or_block("products/categories.html", block="category_table", categories=categories)


@blueprint.get(f"{CATEGORIES}/new")
@staff_page(Right.EDIT_PRODUCTS)
async def show_new_category() -> Response:
    """Ask for the name of a new category."""
    return await _ask_for_category("New category", f"{CATEGORIES}/new", "Add category")


@blueprint.post(f"{CATEGORIES}/new")
@staff_page(Right.EDIT_PRODUCTS)
async def add_category() -> Response:
    """Add a category."""

    async def add(data: CreateCategory) -> Any:
        return await create_category(db(), data, by=current_actor())

    tried = await attempt(CreateCategory, add)
    if tried.result is None:
        return await _ask_for_category("New category", f"{CATEGORIES}/new", "Add category", tried)
    return await redirect_to(CATEGORIES, toast=f"{tried.result.name} added")


@blueprint.get(f"{CATEGORIES}/<id:category_id>")
@staff_page(Right.EDIT_PRODUCTS)
async def show_category(category_id: int) -> Response:
    """Ask for a category's new name and description."""
    return await _ask_to_rename(category_id)


@blueprint.post(f"{CATEGORIES}/<id:category_id>")
@staff_page(Right.EDIT_PRODUCTS)
async def save_category(category_id: int) -> Response:
    """Change a category's name or description."""

    async def save(data: EditCategory) -> Any:
        return await edit_category(db(), category_id, data, by=current_actor())

    tried = await attempt(EditCategory, save)
    if tried.result is None:
        return await _ask_to_rename(category_id, tried)
    return await redirect_to(CATEGORIES, toast=f"{tried.result.name} saved")


async def _show_new_form(tried: Attempt[Any] | None) -> Response:
    return await page_or_block(
        "products/new.html",
        block="product_form",
        categories=await list_category_names(db()),
        values=tried.typed if tried else {},
        **refusal_of(tried),
    )


async def _ask_to_rename(category_id: int, tried: Attempt[Any] | None = None) -> Response:
    found = [line for line in await list_category_lines(db()) if line.id == category_id]
    if not found:
        raise NotFound("There is no such category.")
    values = {"name": found[0].name, "description": found[0].description}
    return await _ask_for_category(f"Edit {found[0].name}", f"{CATEGORIES}/{category_id}", "Save", tried, values=values)


async def _ask_for_category(
    title: str, url: str, verb: str, tried: Attempt[Any] | None = None, *, values: dict[str, str] | None = None
) -> Response:
    """The form as a page or in the dialog; after a refusal with the typed values."""
    return await page_or_block(
        "products/category.html",
        block="dialog",
        title=title,
        url=url,
        verb=verb,
        back_url=CATEGORIES,
        values=tried.typed if tried else values or {},
        **refusal_of(tried),
    )
