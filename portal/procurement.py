"""Procurement: what to buy soon, vendors with their products, and deliveries."""

from collections.abc import Sequence
from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.kernel.errors import Refused
from domain.kernel.phone import format_phone
from domain.procurement import products as goods
from domain.procurement import reorder
from domain.procurement import vendors as companies
from domain.procurement.products import AddVendorProduct, ListVendorProducts, UpdateProcurementProduct
from domain.procurement.vendors import CreateVendor, ListVendors, UpdateVendor
from models.session import current_database
from portal.attempts import Attempt, attempt, form_status, refusal_of
from portal.merging import MergedAttempt, Present, attempt_merging, choose_version, keep_opened
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
FIELD_WORDS = {
    "name": "Name", "contact_name": "Contact", "phone": "Phone", "email": "Email", "website": "Website",
    "address": "Address", "notes": "Notes", "category": "Category", "model_number": "Model number",
    "est_price_min": "Price from", "est_price_max": "Price to", "lead_time_days": "Lead time in days",
    "description": "Description",
}  # fmt: skip


@blueprint.get(HOME)
@staff_page(Right.EDIT_PROCUREMENT)
@reads_query(ListVendors)
async def show_procurement(query: ListVendors) -> Response:
    """What to buy soon, and the vendors."""
    async with current_database().listing() as connection:
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
    """The form for a new vendor, and saving it."""
    tried: Attempt[Any] | None = None
    if request.method == "POST":

        async def save(data: CreateVendor) -> Any:
            return await companies.create_vendor(db(), data, by=current_actor())

        tried = await attempt(CreateVendor, save)
        if tried.result is not None:
            return await redirect_to(f"{VENDORS}/{tried.result.id}", toast="Vendor kept")
    return await _show_vendor_form("New vendor", f"{VENDORS}/new", HOME, tried)


@blueprint.route(f"{VENDORS}/<id:vendor_id>/edit", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def edit_vendor(vendor_id: int) -> Response:
    """The form for changing a vendor, and saving it."""
    url = f"{VENDORS}/{vendor_id}"
    tried = await _save_vendor(vendor_id) if request.method == "POST" else None
    if tried is not None and tried.result is not None:
        return await redirect_to(url, toast="Vendor saved")
    vendor = await companies.get_vendor(db(), vendor_id)
    present = Present(vendor.version, _write_values(vendor, VENDOR_FIELDS))
    return await _show_vendor_form(f"Edit {vendor.name}", f"{url}/edit", url, tried, present)


@blueprint.route(f"{VENDORS}/<id:vendor_id>/delete", methods=["GET", "POST"])
@staff_page(Right.DELETE_VENDORS)
async def delete_vendor(vendor_id: int) -> Response:
    """Confirm what is deleted, and delete or archive the vendor."""
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
        text="Its products are deleted too. With requests for quotes it is archived instead; deliveries keep its name.",
        verb="Delete",
        url=f"{VENDORS}/{vendor_id}/delete",
        back_url=f"{VENDORS}/{vendor_id}",
        problem=problem,
    )


@blueprint.route(f"{VENDORS}/<id:vendor_id>/products/new", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def add_product(vendor_id: int) -> Response:
    """The form for a vendor's product, and saving it."""
    url = f"{VENDORS}/{vendor_id}"
    tried: Attempt[Any] | None = None
    if request.method == "POST":

        async def save(data: AddVendorProduct) -> Any:
            return await goods.add_product(db(), vendor_id, data, by=current_actor())

        tried = await attempt(AddVendorProduct, save)
        if tried.result is not None:
            return await redirect_to(url, toast="Product kept")
    vendor = await companies.get_vendor(db(), vendor_id)
    return await _show_product_form(f"New product of {vendor.name}", f"{url}/products/new", url, tried)


@blueprint.route(f"{PRODUCTS}/<id:product_id>/edit", methods=["GET", "POST"])
@staff_page(Right.EDIT_PROCUREMENT)
async def edit_product(product_id: int) -> Response:
    """The form for changing a vendor's product, and saving it."""
    tried = await _save_product(product_id) if request.method == "POST" else None
    if tried is not None and tried.result is not None:
        return await redirect_to(f"{VENDORS}/{tried.result.vendor_id}", toast="Product saved")
    row = await goods.get_product(db(), product_id, visible_to=current_actor())
    url, back = f"{PRODUCTS}/{product_id}/edit", f"{VENDORS}/{row.vendor_id}"
    present = Present(row.version, _write_values(row, PRODUCT_FIELDS))
    vendor = await companies.get_vendor(db(), row.vendor_id)
    return await _show_product_form(f"Edit {row.name} of {vendor.name}", url, back, tried, present)


@blueprint.post(f"{PRODUCTS}/<id:product_id>/delete")
@staff_page(Right.EDIT_PROCUREMENT)
async def delete_product(product_id: int) -> Response:
    """Delete a vendor's product."""
    row = await goods.get_product(db(), product_id, visible_to=current_actor())
    await goods.delete_product(db(), product_id, by=current_actor())
    return await redirect_to(f"{VENDORS}/{row.vendor_id}", toast=f"{row.name} deleted")


async def _save_vendor(vendor_id: int) -> MergedAttempt[Any]:
    async def save(data: UpdateVendor, version: int | None) -> Any:
        cleared = {name: "" for name in data.model_fields_set if getattr(data, name) is None and name in VENDOR_FIELDS}
        wanted = data.model_copy(update=cleared | {"version": version})
        return await companies.update_vendor(db(), vendor_id, wanted, by=current_actor())

    async def read_present() -> Present:
        there = await companies.get_vendor(db(), vendor_id)
        return Present(there.version, _write_values(there, VENDOR_FIELDS))

    return await attempt_merging(UpdateVendor, save, read_present)


async def _save_product(product_id: int) -> MergedAttempt[Any]:
    async def save(data: UpdateProcurementProduct, version: int | None) -> Any:
        wanted = data.model_copy(update={"version": version})
        return await goods.update_product(db(), product_id, wanted, by=current_actor())

    async def read_present() -> Present:
        there = await goods.get_product(db(), product_id, visible_to=current_actor())
        return Present(there.version, _write_values(there, PRODUCT_FIELDS))

    return await attempt_merging(UpdateProcurementProduct, save, read_present)


def _write_values(row: Any, names: Sequence[str]) -> dict[str, str]:
    """The form values of a row, with the phone formatted."""
    values = {name: "" if getattr(row, name) is None else str(getattr(row, name)) for name in names}
    return values | ({"phone": format_phone(values["phone"])} if values.get("phone") else {})


async def _show_vendor_form(
    title: str, url: str, back_url: str, tried: Attempt[Any] | None, present: Present | None = None
) -> Response:
    return await _show_form("procurement/vendor_form.html", title, url, back_url, tried, present)


async def _show_product_form(
    title: str, url: str, back_url: str, tried: Attempt[Any] | None, present: Present | None = None
) -> Response:
    return await _show_form("procurement/product_form.html", title, url, back_url, tried, present)


async def _show_form(  # noqa: PLR0917 - what the form shows
    template: str, title: str, url: str, back_url: str, tried: Attempt[Any] | None, present: Present | None
) -> Response:
    """A form with the row's values, or after a refusal with the typed values."""
    return await page_or_block(
        template,
        block="procurement_form",
        title=title,
        url=url,
        back_url=back_url,
        values=tried.typed if tried else present.values if present else {},
        # A refused form keeps the version at which it was opened; it gets the new one only after showing both values.
        version=None if present is None else choose_version(tried, present),
        opened=keep_opened(tried, present.values) if present else "",
        conflict=tried.describe_conflict(FIELD_WORDS) if isinstance(tried, MergedAttempt) else None,
        **refusal_of(tried),
    )
