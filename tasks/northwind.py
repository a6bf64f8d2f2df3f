"""Loads the Northwind books: a wholesaler's customers, products and orders, exact to the cent or not at all.

Every record has the id of the books, so that a second run adds and overwrites nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import ActorKind
from domain.kernel.addresses import compose_address
from domain.kernel.errors import Refused
from domain.kernel.money import ZERO, format_money
from domain.kernel.phone import parse_phone
from models import (
    Category,
    Customer,
    Order,
    OrderEvent,
    OrderItem,
    OrderSource,
    OrderStatus,
    Payment,
    PaymentMethod,
    PaymentStatus,
    PaymentTerms,
    Product,
    Role,
    Staff,
    StockMovement,
    StockReason,
)
from models.session import separate_transaction
from tasks.northwind_books import COUNTRIES, Books, BookSums, Row, add_up, discount_of, gross_of, noon_of, read_books
from tasks.northwind_vendors import load_vendors

# No password has this hash, so a colleague can't sign in until an administrator sets a password.
NO_PASSWORD = "!"  # noqa: S105 - see above.
BY_THE_BOOKS = {"actor_kind": ActorKind.SYSTEM, "actor_name": "Northwind books"}


async def load_northwind(directory: Path) -> str:
    """Load the books in `directory` in one transaction and return counts and sums of both sides.

    Raises Refused, and loads nothing, if a file is missing or our sums differ from those of the books. Historical
    orders take no stock. A shipped order counts as delivered and paid on that day, since the books contain no payments;
    the others are confirmed and unpaid.
    """
    books = read_books(directory)
    async with separate_transaction() as db:
        staff = await _load_staff(db, books)
        await _load_catalogue(db, books)
        await load_vendors(db, books, {row["product_id"]: sku_of(row["product_id"]) for row in books.products})
        await _load_customers(db, books, staff)
        new_orders = await _load_orders(db, books, staff)
        loaded, expected = await _add_up_loaded(db, books), add_up(books)
        if loaded != expected:
            raise Refused(f"Nothing was loaded, since it does not add up. The books: {expected}. Here: {loaded}.")
    news = f"{new_orders:,} orders are new" if new_orders else "all of it was here already"
    return f"Northwind: {loaded}. That is what the books say; {news}."


def external_id(number: str) -> str:
    """Return the external id of a customer or an order of the books."""
    return f"northwind:{number}"


def sku_of(product_id: str) -> str:
    """Return the SKU for a product of the books, which have no SKUs."""
    return f"NW-{int(product_id):03d}"


async def _load_staff(db: AsyncSession, books: Books) -> dict[str, int]:
    """Load the employees as sales reps without a password; return their ids by the number in the books."""
    usernames = {row["employee_id"]: f"northwind-{row['last_name'].lower()}" for row in books.employees}
    await _insert(
        db,
        Staff,
        [
            {
                "username": usernames[row["employee_id"]],
                "password_hash": NO_PASSWORD,
                "first_name": row["first_name"],
                "last_name": row["last_name"],
                "full_name": f"{row['first_name']} {row['last_name']}",
                "role": Role.SALES_REP,
                "created_at": noon_of(row["hire_date"]),
                "updated_at": noon_of(row["hire_date"]),
            }
            for row in books.employees
        ],
    )
    rows = await db.execute(select(Staff.username, Staff.id).where(Staff.username.in_(usernames.values())))
    ids = {row.username: row.id for row in rows}
    return {number: ids[username] for number, username in usernames.items()}


async def _load_catalogue(db: AsyncSession, books: Books) -> None:
    """Load categories, products and their opening stock; the name of a product's supplier is its brand."""
    names = {row["category_id"]: row["category_name"] for row in books.categories}
    rows = [{"name": row["category_name"], "description": row["description"]} for row in books.categories]
    await _insert(db, Category, rows)
    found = await db.execute(
        select(func.lower(Category.name), Category.id).where(
            func.lower(Category.name).in_([name.lower() for name in names.values()])
        )
    )
    category_ids: dict[str, int] = {row[0]: row[1] for row in found}
    suppliers = {row["supplier_id"]: row["company_name"] for row in books.suppliers}
    started_at = noon_of(min(row["order_date"] for row in books.orders))
    new = await _insert(
        db,
        Product,
        [
            {
                "name": row["product_name"],
                "sku": sku_of(row["product_id"]),
                "category_id": category_ids[names[row["category_id"]].lower()],
                "brand": suppliers[row["supplier_id"]],
                "unit_size": row["quantity_per_unit"],
                "unit_price": Decimal(row["unit_price"]),
                "stock_quantity": int(row["units_in_stock"]),
                "reorder_level": int(row["reorder_level"]),
                "is_active": row["discontinued"] == "0",
                "archived_at": None if row["discontinued"] == "0" else noon_of(books.orders[-1]["order_date"]),
                "created_at": started_at,
                "updated_at": started_at,
            }
            for row in books.products
        ],
        Product.id,
        Product.stock_quantity,
    )
    await _insert(
        db,
        StockMovement,
        [
            {"product_id": id_, "delta": level, "level_after": level, "reason": StockReason.OPENING} | BY_THE_BOOKS
            for id_, level in sorted(new)
            if level
        ],
    )


async def _load_customers(db: AsyncSession, books: Books, staff: dict[str, int]) -> None:
    """Load the customers, on net 30 terms like all of Northwind's, with the rep of their newest order."""
    orders = sorted(books.orders, key=lambda row: (row["order_date"], int(row["order_id"])))
    newest = {row["customer_id"]: row for row in orders}
    reps = {row["customer_id"]: staff[row["employee_id"]] for row in orders}
    first = {row["customer_id"]: row for row in reversed(orders)}
    await _insert(
        db,
        Customer,
        [
            {
                "username": f"northwind-{row['customer_id'].lower()}",
                "external_id": external_id(row["customer_id"]),
                "company_name": row["company_name"],
                "first_name": row["contact_name"].partition(" ")[0],
                "last_name": row["contact_name"].partition(" ")[2],
                "payment_terms": PaymentTerms.NET30,
                "sales_rep_id": reps.get(row["customer_id"]),
                "notes": f"{row['contact_title']}. Fax {row['fax']}." if row["fax"] else f"{row['contact_title']}.",
                "created_at": noon_of(first.get(row["customer_id"], orders[0])["order_date"]),
                "updated_at": noon_of(newest.get(row["customer_id"], orders[0])["order_date"]),
            }
            | _read_phone(row, "phone")
            | {
                f"{kind}_{part}": value
                for kind in ("shipping", "billing")
                for part, value in (
                    ("street", row["address"]),
                    ("city", row["city"]),
                    ("state", row["region"]),
                    ("zip", row["postal_code"]),
                    ("country", COUNTRIES[row["country"]]),
                )
            }
            for row in books.customers
        ],
    )


def _read_phone(customer: Row, name: str) -> dict[str, str | None]:
    """Return the phone as a number that can be called, or as it was written."""
    phone = parse_phone(customer["phone"], COUNTRIES[customer["country"]])
    return {name: phone, f"{name}_raw": "" if phone else customer["phone"]}


async def _load_orders(db: AsyncSession, books: Books, staff: dict[str, int]) -> int:
    """Load the missing orders, with lines, timeline and the payments of shipped ones; return their number."""
    lines: dict[str, list[Row]] = defaultdict(list)
    for line in books.order_details:
        lines[line["order_id"]].append(line)
    customers = {row["customer_id"]: row for row in books.customers}
    keys = [external_id(number) for number in customers]
    found = await db.execute(select(Customer.external_id, Customer.id).where(Customer.external_id.in_(keys)))
    customer_ids = {row.external_id: row.id for row in found}
    rows = [
        _describe_order(order, lines[order["order_id"]], customers[order["customer_id"]])
        | {
            "customer_id": customer_ids[external_id(order["customer_id"])],
            "sales_rep_id": staff[order["employee_id"]],
        }
        for order in books.orders
    ]
    new = dict(await _insert(db, Order, rows, Order.external_id, Order.id))
    await _load_lines(db, books, {number: new[external_id(number)] for number in lines if external_id(number) in new})
    made = [row | {"id": new[row["external_id"]]} for row in rows if row["external_id"] in new]
    await _insert(db, OrderEvent, [event for row in made for event in _make_events(row)])
    await _insert(
        db,
        Payment,
        [
            {
                "order_id": row["id"],
                "customer_id": row["customer_id"],
                "method": PaymentMethod.NET30,
                "amount": row["amount_paid"],
                "applied_amount": row["amount_paid"],
                "note": "Settled before the books were loaded",
                "created_at": row["shipped_at"],
            }
            | BY_THE_BOOKS
            for row in made
            if row["amount_paid"]
        ],
    )
    return len(new)


def _describe_order(order: Row, lines: list[Row], customer: Row) -> dict[str, Any]:
    """Return an order as a row of our table; the times are the dates of the books at noon."""
    subtotal = sum((gross_of(line) for line in lines), ZERO)
    discount = sum((discount_of(line) for line in lines), ZERO)
    total = subtotal - discount + Decimal(order["freight"])
    placed_at = noon_of(order["order_date"])
    shipped_at = noon_of(order["shipped_date"]) if order["shipped_date"] else None
    country = COUNTRIES[order["ship_country"]]
    return {
        "order_number": f"NW-{order['order_id']}",
        "external_id": external_id(order["order_id"]),
        "source": OrderSource.IMPORT,
        "status": OrderStatus.DELIVERED if shipped_at else OrderStatus.CONFIRMED,
        "takes_stock": False,
        "delivery_name": customer["contact_name"],
        "delivery_company": order["ship_name"],
        "delivery_address": order["ship_address"],
        "delivery_city": order["ship_city"],
        "delivery_state": order["ship_region"],
        "delivery_zip": order["ship_postal_code"],
        "delivery_country": country,
        "billing_address": compose_address(
            customer["address"], customer["city"], customer["region"], customer["postal_code"], customer["country"]
        ),
        "staff_notes": f"Wanted by {order['required_date']}.",
        "item_count": len(lines),
        "unit_count": sum(int(line["quantity"]) for line in lines),
        "subtotal": subtotal,
        "discount_amount": discount,
        "delivery_fee": Decimal(order["freight"]),
        "total_amount": total,
        "amount_paid": total if shipped_at else ZERO,
        "payment_method": PaymentMethod.NET30,
        "on_terms": True,
        "payment_status": PaymentStatus.PAID if shipped_at else PaymentStatus.UNPAID,
        "created_at": placed_at,
        "updated_at": shipped_at or placed_at,
        "confirmed_at": placed_at,
        "packed_at": shipped_at,
        "shipped_at": shipped_at,
        "delivered_at": shipped_at,
        **_read_phone(customer, "delivery_phone"),
        **BY_THE_BOOKS,
    }


async def _load_lines(db: AsyncSession, books: Books, order_ids: dict[str, int]) -> None:
    """Load the lines of these orders (our ids by the number in the books) at their historical prices."""
    products = {row["product_id"]: row for row in books.products}
    suppliers = {row["supplier_id"]: row["company_name"] for row in books.suppliers}
    skus = [sku_of(number) for number in products]
    found = await db.execute(select(Product.sku, Product.id).where(Product.sku.in_(skus)))
    product_ids = {row.sku: row.id for row in found}
    position: dict[str, int] = defaultdict(int)
    rows = []
    for line in books.order_details:
        if line["order_id"] not in order_ids:
            continue
        position[line["order_id"]] += 1
        product = products[line["product_id"]]
        rows.append(
            {
                "order_id": order_ids[line["order_id"]],
                "position": position[line["order_id"]],
                "product_id": product_ids[sku_of(line["product_id"])],
                "product_name": product["product_name"],
                "product_sku": sku_of(line["product_id"]),
                "product_brand": suppliers[product["supplier_id"]],
                "product_unit_size": product["quantity_per_unit"],
                "quantity": int(line["quantity"]),
                "unit_price": Decimal(line["unit_price"]),
                "line_total": gross_of(line),
            }
        )
    await _insert(db, OrderItem, rows)


def _make_events(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the timeline of a loaded order: placed, confirmed, and if it was shipped, delivered and paid."""
    shared = {"order_id": order["id"], "note": "", "changes": None, **BY_THE_BOOKS}
    placed = {"kind": "placed", "from_status": None, "to_status": OrderStatus.CONFIRMED, "note": "From the books"}
    events = [shared | placed | {"created_at": order["created_at"]}]
    if order["shipped_at"]:
        moved = {"kind": "moved", "from_status": OrderStatus.CONFIRMED, "to_status": OrderStatus.DELIVERED}
        paid = {"kind": "paid", "from_status": None, "to_status": None}
        paid_amount = {"changes": {"amount": format_money(order["amount_paid"])}}
        events.append(shared | moved | {"created_at": order["shipped_at"]})
        events.append(shared | paid | paid_amount | {"created_at": order["shipped_at"]})
    return events


async def _insert(db: AsyncSession, table: type[Any], rows: Sequence[dict[str, Any]], *wanted: Any) -> list[Any]:
    """Insert the missing rows, and return the wanted columns of the inserted ones."""
    if not rows:
        return []
    statement = insert(table).on_conflict_do_nothing()
    if not wanted:
        await db.execute(statement, rows)
        return []
    return list((await db.execute(statement.returning(*wanted), rows)).all())


async def _add_up_loaded(db: AsyncSession, books: Books) -> BookSums:
    """Return the same counts and sums as for the books, from our tables."""
    orders = Order.external_id.in_([external_id(row["order_id"]) for row in books.orders])
    customers = Customer.external_id.in_([external_id(row["customer_id"]) for row in books.customers])
    products = Product.sku.in_([sku_of(row["product_id"]) for row in books.products])
    goods = (
        await db.execute(
            select(
                func.count(),
                func.coalesce(func.sum(Order.subtotal), ZERO),
                func.coalesce(func.sum(Order.subtotal - Order.discount_amount), ZERO),
                func.coalesce(func.sum(Order.delivery_fee), ZERO),
            ).where(orders)
        )
    ).one()
    lines = await db.scalar(select(func.count()).select_from(OrderItem).join(Order).where(orders))
    stock = (
        select(func.coalesce(func.sum(StockMovement.delta), 0))
        .join(Product, Product.id == StockMovement.product_id)
        .where(products, StockMovement.reason == StockReason.OPENING)
    )
    return BookSums(
        customers=await db.scalar(select(func.count()).select_from(Customer).where(customers)) or 0,
        products=await db.scalar(select(func.count()).select_from(Product).where(products)) or 0,
        orders=goods[0],
        lines=lines or 0,
        full_price=goods[1],
        after_discounts=goods[2],
        freight=goods[3],
        units_in_stock=await db.scalar(stock) or 0,
    )
