"""Procurement for staff: vendors and their products."""

from dataclasses import asdict
from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.procurement import (
    DeletedVendorOut,
    DeletedVendorProductOut,
    VendorOut,
    VendorProductOut,
    VendorWithProductsOut,
)
from domain.access.rights import Right
from domain.procurement import products as goods
from domain.procurement import vendors as companies
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads, reads_query
from web.request import current_actor, db

blueprint = Blueprint("staff_procurement", __name__)
tag_blueprint(blueprint, ["procurement"])
VENDORS = "/api/procurement/vendors"
PRODUCTS = "/api/procurement/products"


@blueprint.get(VENDORS)
@staff_only(Right.SEE_PROCUREMENT)
@reads_query(companies.ListVendors)
@answers(list[VendorOut])
async def list_vendors(query: companies.ListVendors) -> Any:
    """Vendors by name; only active ones unless all=1."""
    async with current_database().listing() as connection:
        return await companies.list_vendors(connection, query)


@blueprint.post(VENDORS)
@staff_only(Right.EDIT_PROCUREMENT)
@reads(companies.CreateVendor)
@answers(VendorOut, 201)
async def create_vendor(data: companies.CreateVendor) -> Any:
    """Add a vendor."""
    return await companies.create_vendor(db(), data, by=current_actor())


@blueprint.get(f"{VENDORS}/<id:id>")
@staff_only(Right.SEE_PROCUREMENT)
@answers(VendorWithProductsOut)
async def get_vendor(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """One vendor with its products, including archived ones."""
    everything = goods.ListVendorProducts(all="1")
    async with current_database().reading() as connection:
        vendor = await companies.get_vendor(connection, id)
        page = await goods.list_products(connection, everything, visible_to=current_actor(), vendor_id=id)
    return asdict(vendor) | {"products": page.rows}


@blueprint.put(f"{VENDORS}/<id:id>")
@staff_only(Right.EDIT_PROCUREMENT)
@reads(companies.UpdateVendor)
@answers(VendorOut)
async def update_vendor(id: int, data: companies.UpdateVendor) -> Any:  # noqa: A002
    """Change a vendor; only the fields sent."""
    return await companies.update_vendor(db(), id, data, by=current_actor())


@blueprint.delete(f"{VENDORS}/<id:id>")
@staff_only(Right.DELETE_VENDORS)
@answers(DeletedVendorOut)
async def delete_vendor(id: int) -> Any:  # noqa: A002
    """Delete a vendor and its products; one with requests for quotes is archived, and the message says so."""
    return {"message": await companies.delete_vendor(db(), id, by=current_actor())}


@blueprint.get(f"{VENDORS}/<id:id>/products")
@staff_only(Right.SEE_PROCUREMENT)
@reads_query(goods.ListVendorProducts)
@answers(list[VendorProductOut])
async def list_vendor_products(id: int, query: goods.ListVendorProducts) -> Any:  # noqa: A002
    """One vendor's products; only active ones unless all=1."""
    async with current_database().listing() as connection:
        return await goods.list_products(connection, query, visible_to=current_actor(), vendor_id=id)


@blueprint.post(f"{VENDORS}/<id:id>/products")
@staff_only(Right.EDIT_PROCUREMENT)
@reads(goods.AddVendorProduct)
@answers(VendorProductOut, 201)
async def add_vendor_product(id: int, data: goods.AddVendorProduct) -> Any:  # noqa: A002
    """Add a product to a vendor."""
    return await goods.add_product(db(), id, data, by=current_actor())


@blueprint.get(PRODUCTS)
@staff_only(Right.SEE_PROCUREMENT)
@reads_query(goods.ListProcurementProducts)
@answers(list[VendorProductOut])
async def list_procurement_products(query: goods.ListProcurementProducts) -> Any:
    """Products of all vendors by name; only active ones unless all=1."""
    async with current_database().listing() as connection:
        return await goods.list_products(connection, query, visible_to=current_actor())


@blueprint.put(f"{PRODUCTS}/<id:id>")
@staff_only(Right.EDIT_PROCUREMENT)
@reads(goods.UpdateProcurementProduct)
@answers(VendorProductOut)
async def update_procurement_product(id: int, data: goods.UpdateProcurementProduct) -> Any:  # noqa: A002
    """Change a vendor's product; it can also move to another vendor."""
    return await goods.update_product(db(), id, data, by=current_actor())


@blueprint.delete(f"{PRODUCTS}/<id:id>")
@staff_only(Right.EDIT_PROCUREMENT)
@answers(DeletedVendorProductOut)
async def delete_procurement_product(id: int) -> Any:  # noqa: A002
    """Delete a vendor's product."""
    await goods.delete_product(db(), id, by=current_actor())
    return {}
