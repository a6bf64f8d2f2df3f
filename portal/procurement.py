"""Procurement: what has to be bought soon, vendors with what they sell, and what came from whom."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.kernel.errors import Refused
from domain.procurement import products as goods
from domain.procurement import reorder
from domain.procurement import vendors as companies
from domain.procurement.products import AddVendorProduct, ListVendorProducts, UpdateProcurementProduct
from domain.procurement.vendors import CreateVendor, ListVendors, UpdateVendor
from models.session import current_database
from portal.attempts import Attempt, attempt, form_status, refusal_of
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_procurement", __name__)
HOME = "/portal/procurement"
VENDORS = f"{HOME}/vendors"
PRODUCTS = f"{HOME}/products"
VENDOR_FIELDS = ("name", "contact_name", "phone", "email", "website", "address", "notes")
PRODUCT_FIELDS = (
    "name", "category", "model_number", "est_price_min", "est_price_max", "lead_time_days", "description", "notes",
)  # fmt: skip


@blueprint.get(HOME)
@staff_page(Right.EDIT_PROCUREMENT)
@reads_query(ListVendors)
async def show_procurement(query: ListVendors) -> Response:
    """What has to be bought soon, and the vendors."""
    async with current_database().reading() as connection:
        page = await companies.list_vendors(connection, query)
        soon = await reorder.list_reorder_soon(connection, visible_to=current_actor())
    return await page_or_block(
        "procurement/home.html", block=("vendor_table", "reorder_table"), page=page, soon=soon, filters=query
    )


@blueprint.get(f"{VENDORS}/<id:vendor_id>")
@staff_page(Right.EDIT_PROCUREMENT)
async def show_vendor(vendor_id: int) -> Response:
    """One vendor with its products and its deliveries."""
    async with current_database().reading() as connection:
        vendor = await companies.get_vendor(connection, vendor_id)
        everything = ListVendorProducts(all="1")
        page = await goods.list_products(connection, everything, visible_to=current_actor(), vendor_id=vendor_id)
        bought = await reorder.list_bought(connection, vendor_id, visible_to=current_actor())
    return await page_or_block(
        "procurement/vendor.html",
        block="vendor_page",
        vendor=vendor,
        products=page.rows,
        bought=bought,
        url=f"{VENDORS}/{vendor_id}",
    )


@blueprint.route(f"{VENDORS}/new", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def create_vendor() -> Response:
    """Ask for a new vendor, and keep it."""
    tried: Attempt[Any] | None = None
    if request.method == "POST":

        async def save(data: CreateVendor) -> Any:
            return await companies.create_vendor(db(), data, by=current_actor())

        tried = await attempt(CreateVendor, save)
        if tried.result is not None:
            return await redirect_to(f"{VENDORS}/{tried.result.id}", toast="Vendor kept")
    return await _show_vendor_form("New vendor", f"{VENDORS}/new", HOME, tried.typed if tried else {}, tried)


@blueprint.route(f"{VENDORS}/<id:vendor_id>/edit", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def edit_vendor(vendor_id: int) -> Response:
    """Ask for changes of a vendor, and keep them."""
    url = f"{VENDORS}/{vendor_id}"
    tried: Attempt[Any] | None = None
    if request.method == "POST":

        async def save(data: UpdateVendor) -> Any:
            cleared = {
                name: "" for name in data.model_fields_set if getattr(data, name) is None and name in VENDOR_FIELDS
            }
            return await companies.update_vendor(db(), vendor_id, data.model_copy(update=cleared), by=current_actor())

        tried = await attempt(UpdateVendor, save)
        if tried.result is not None:
            return await redirect_to(url, toast="Vendor saved")
    vendor = await companies.get_vendor(db(), vendor_id)
    values = tried.typed if tried else {name: getattr(vendor, name) for name in VENDOR_FIELDS}
    return await _show_vendor_form(f"Edit {vendor.name}", f"{url}/edit", url, values, tried, version=vendor.version)


@blueprint.route(f"{VENDORS}/<id:vendor_id>/delete", methods=["GET", "POST"])
@staff_page(Right.DELETE_VENDORS)
async def delete_vendor(vendor_id: int) -> Response:
    """Say what goes, and delete or archive the vendor."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            message = await companies.delete_vendor(db(), vendor_id, by=current_actor())
            return await redirect_to(HOME, toast=message)
        except Refused as refusal:
            problem, status = refusal.message, form_status(refusal)
    vendor = await companies.get_vendor(db(), vendor_id)
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        status=status,
        title=f"Delete {vendor.name}?",
        text="Its products go too. One that a request for a quote names is archived instead; deliveries keep its name.",
        verb="Delete",
        url=f"{VENDORS}/{vendor_id}/delete",
        back_url=f"{VENDORS}/{vendor_id}",
        problem=problem,
    )


@blueprint.route(f"{VENDORS}/<id:vendor_id>/products/new", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def add_product(vendor_id: int) -> Response:
    """Ask for a product of the vendor, and keep it."""
    url = f"{VENDORS}/{vendor_id}"
    tried: Attempt[Any] | None = None
    if request.method == "POST":

        async def save(data: AddVendorProduct) -> Any:
            return await goods.add_product(db(), vendor_id, data, by=current_actor())

        tried = await attempt(AddVendorProduct, save)
        if tried.result is not None:
            return await redirect_to(url, toast="Product kept")
    await companies.get_vendor(db(), vendor_id)
    return await _show_product_form("New product", f"{url}/products/new", url, tried.typed if tried else {}, tried)


@blueprint.route(f"{PRODUCTS}/<id:product_id>/edit", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def edit_product(product_id: int) -> Response:
    """Ask for changes of a vendor's product, and keep them."""
    tried: Attempt[Any] | None = None
    if request.method == "POST":

        async def save(data: UpdateProcurementProduct) -> Any:
            return await goods.update_product(db(), product_id, data, by=current_actor())

        tried = await attempt(UpdateProcurementProduct, save)
        if tried.result is not None:
            return await redirect_to(f"{VENDORS}/{tried.result.vendor_id}", toast="Product saved")
    row = await goods.get_product(db(), product_id, visible_to=current_actor())
    kept = {name: "" if getattr(row, name) is None else str(getattr(row, name)) for name in PRODUCT_FIELDS}
    url, back = f"{PRODUCTS}/{product_id}/edit", f"{VENDORS}/{row.vendor_id}"
    return await _show_product_form(f"Edit {row.name}", url, back, tried.typed if tried else kept, tried, row.version)


@blueprint.post(f"{PRODUCTS}/<id:product_id>/delete")
@staff_page(Right.EDIT_PROCUREMENT)
async def delete_product(product_id: int) -> Response:
    """Take a product off its vendor."""
    row = await goods.get_product(db(), product_id, visible_to=current_actor())
    await goods.delete_product(db(), product_id, by=current_actor())
    return await redirect_to(f"{VENDORS}/{row.vendor_id}", toast=f"{row.name} deleted")


async def _show_vendor_form(
    title: str,
    url: str,
    back_url: str,
    values: dict[str, Any],
    tried: Attempt[Any] | None,
    *,
    version: int | None = None,
) -> Response:
    return await _show_form("procurement/vendor_form.html", title, url, back_url, values, tried, version)


async def _show_product_form(  # noqa: PLR0917 - what the form shows
    title: str, url: str, back_url: str, values: dict[str, Any], tried: Attempt[Any] | None, version: int | None = None
) -> Response:
    return await _show_form("procurement/product_form.html", title, url, back_url, values, tried, version)


async def _show_form(  # noqa: PLR0917 - what the form shows
    template: str,
    title: str,
    url: str,
    back_url: str,
    values: dict[str, Any],
    tried: Attempt[Any] | None,
    version: int | None,
) -> Response:
    return await page_or_block(
        template,
        block="procurement_form",
        title=title,
        url=url,
        back_url=back_url,
        values=values,
        version=version,
        **refusal_of(tried),
    )
