"""Loads the suppliers of the Northwind books as vendors, each with their products."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.addresses import compose_address
from domain.kernel.phone import parse_phone
from models import Product, Vendor, VendorProduct
from tasks.northwind_books import COUNTRIES, Books, Row


async def load_vendors(db: AsyncSession, books: Books, skus: dict[str, str]) -> None:
    """Insert the missing vendors with their products; `skus` are our SKUs by the number in the books.

    The books contain no costs and no lead times.
    """
    rows = [_make_vendor(row) for row in books.suppliers]
    new = insert(Vendor).on_conflict_do_nothing(index_elements=[Vendor.external_id])
    made = await db.execute(new.returning(Vendor.external_id, Vendor.id), rows)
    vendors = {row.external_id: row.id for row in made}
    if not vendors:
        return
    found = await db.execute(select(Product.sku, Product.id).where(Product.sku.in_(skus.values())))
    ids = {row.sku: row.id for row in found}
    categories = {row["category_id"]: row["category_name"] for row in books.categories}
    products = [
        {
            "vendor_id": vendors[supplier_id(row["supplier_id"])],
            "product_id": ids[skus[row["product_id"]]],
            "name": row["product_name"],
            "category": categories[row["category_id"]],
            "active": row["discontinued"] == "0",
        }
        for row in books.products
        if supplier_id(row["supplier_id"]) in vendors
    ]
    await db.execute(insert(VendorProduct), products)


def supplier_id(number: str) -> str:
    """Return the external id of a supplier of the books."""
    return f"northwind:{number}"


def _make_vendor(row: Row) -> dict[str, str]:
    country = COUNTRIES[row["country"]]
    address = compose_address(row["address"], row["city"], row["region"], row["postal_code"], country)
    # Homepages are written as "name#address#" in the books.
    _, _, website = row["homepage"].partition("#")
    return {
        "external_id": supplier_id(row["supplier_id"]),
        "name": row["company_name"],
        "contact_name": row["contact_name"],
        "notes": row["contact_title"],
        "phone": parse_phone(row["phone"], country) or row["phone"],
        "address": address,
        "website": website.rstrip("#"),
    }
