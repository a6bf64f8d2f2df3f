"""The Northwind books come over exact to the cent, twice as well as once, and not at all when they do not add up.

The books stay outside this repository (`../shared/data/northwind`); where they are absent, the tests that need them
are skipped and say so.
"""

import csv
import os
import shutil
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.passwords import verify_password
from domain.kernel.errors import Refused
from models.session import Database, raw_connection, use_database
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from tasks.northwind import load_northwind
from tasks.northwind_books import BookSums, add_up, discount_of, gross_of, read_books
from tests.conftest import migrated_database

BOOKS = Path(__file__).parents[3] / "shared" / "data" / "northwind"
TABLES = (
    "staff", "category", "product", "customer", "orders", "order_item", "order_event", "payment", "stock_movement",
)  # fmt: skip


@pytest.fixture
def books() -> Path:
    if not BOOKS.is_dir():
        pytest.skip(f"The Northwind books are not at {BOOKS}.")
    return BOOKS


@pytest.fixture(scope="module")
async def loaded(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """A database of its own with the books loaded, for tests that only read."""
    if not BOOKS.is_dir():
        pytest.skip(f"The Northwind books are not at {BOOKS}.")
    async with migrated_database(postgres, f"test_{os.getpid()}_northwind") as url:
        database = Database(url, pool_size=2)
        use_database(database)
        await load_northwind(BOOKS)
        await database.close()
        connection = await connect(url)
        yield connection
        await connection.close()


def test_a_line_is_discounted_and_rounded_half_up_by_itself() -> None:
    line = {"unit_price": "4.50", "quantity": "3", "discount": "0.05"}  # 13.50 less 5 % is 12.825.
    assert gross_of(line) == Decimal("13.50")
    assert discount_of(line) == Decimal("0.67")


def test_the_books_add_up_to_what_their_readme_says(books: Path) -> None:
    assert add_up(read_books(books)) == BookSums(
        customers=91,
        products=77,
        orders=830,
        lines=2155,
        full_price=Decimal("1354458.59"),
        after_discounts=Decimal("1265793.29"),
        freight=Decimal("64942.69"),
        units_in_stock=3119,
    )


async def test_loading_tells_counts_and_sums_and_they_are_in_the_tables(books: Path, db: AsyncSession) -> None:
    said = await load_northwind(books)
    for figure in ("91 customers", "77 products", "830 orders", "2,155 lines", "$1,265,793.29", "$64,942.69"):
        assert figure in said
    connection = await raw_connection(db)
    row = await connection.fetchrow(
        "SELECT count(*) AS orders, sum(subtotal) AS gross, sum(discount_amount) AS discount, sum(delivery_fee) AS fee,"
        " sum(total_amount) AS total, bool_or(takes_stock) AS takes_stock,"
        " count(*) FILTER (WHERE status = 'confirmed') AS unshipped FROM orders"
    )
    assert row is not None
    assert dict(row) == {
        "orders": 830,
        "gross": Decimal("1354458.59"),
        "discount": Decimal("88665.30"),
        "fee": Decimal("64942.69"),
        "total": Decimal("1330735.98"),
        "takes_stock": False,
        "unshipped": 21,
    }
    assert await connection.fetchval("SELECT sum(line_total) FROM order_item") == Decimal("1354458.59")


async def test_an_order_keeps_its_date_prices_rep_and_country(loaded: asyncpg.Connection) -> None:
    order = await loaded.fetchrow(
        "SELECT o.*, s.full_name AS rep, c.company_name FROM orders AS o JOIN staff AS s ON s.id = o.sales_rep_id"
        " JOIN customer AS c ON c.id = o.customer_id WHERE order_number = 'NW-10250'"
    )
    assert order is not None
    assert (order["company_name"], order["rep"]) == ("Hanari Carnes", "Margaret Peacock")
    assert (order["delivery_country"], order["delivery_city"]) == ("BR", "Rio de Janeiro")
    assert order["created_at"].date().isoformat() == "1996-07-08"
    assert order["shipped_at"].date().isoformat() == "1996-07-12"
    # 10 × 7.70, 35 × 42.40 less 15 %, 15 × 16.80 less 15 %.
    assert (order["subtotal"], order["discount_amount"]) == (Decimal("1813.00"), Decimal("260.40"))
    assert (order["delivery_fee"], order["total_amount"]) == (Decimal("65.83"), Decimal("1618.43"))
    assert (order["status"], order["payment_status"], order["amount_paid"]) == ("delivered", "paid", Decimal("1618.43"))
    prices = await loaded.fetch("SELECT unit_price FROM order_item WHERE order_id = $1 ORDER BY position", order["id"])
    assert [row[0] for row in prices] == [Decimal("7.70"), Decimal("42.40"), Decimal("16.80")]


async def test_a_valid_phone_is_kept_as_a_number_and_any_other_as_written(loaded: asyncpg.Connection) -> None:
    rows = await loaded.fetch("SELECT external_id, phone, phone_raw, shipping_country FROM customer")
    assert len(rows) == 91
    assert all((row["phone"] is None) == (row["phone_raw"] != "") for row in rows)
    by_id = {row["external_id"]: row for row in rows}
    assert by_id["northwind:GREAL"]["phone"] == "+15035557555"
    assert by_id["northwind:ANATR"]["phone"] is None
    assert by_id["northwind:ANATR"]["phone_raw"] == "(5) 555-4729"
    assert by_id["northwind:AROUT"]["shipping_country"] == "GB"


async def test_stock_has_its_opening_row_and_discontinued_products_are_not_sold(loaded: asyncpg.Connection) -> None:
    wrong = await loaded.fetch(
        "SELECT sku FROM product AS p"
        " LEFT JOIN (SELECT product_id, sum(delta) AS sum FROM stock_movement GROUP BY 1) AS m ON m.product_id = p.id"
        " WHERE coalesce(m.sum, 0) <> p.stock_quantity"
    )
    assert wrong == []
    chai = await loaded.fetchrow("SELECT * FROM product WHERE sku = 'NW-001'")
    assert chai is not None
    assert (chai["name"], chai["stock_quantity"], chai["reorder_level"], chai["is_active"]) == ("Chai", 39, 10, False)
    assert (chai["unit_size"], chai["brand"]) == ("10 boxes x 30 bags", "Specialty Biscuits, Ltd.")
    assert await loaded.fetchval("SELECT count(*) FROM product WHERE is_active") == 67


async def test_suppliers_are_vendors_with_what_they_sell(books: Path, db: AsyncSession) -> None:
    await load_northwind(books)
    connection = await raw_connection(db)
    assert await connection.fetchval("SELECT count(*) FROM vendor") == 29
    rows = await connection.fetch(
        "SELECT v.name, count(*) AS products, count(*) FILTER (WHERE vp.active) AS sold, count(p.id) AS ours"
        " FROM vendor v JOIN vendor_product vp ON vp.vendor_id = v.id"
        " LEFT JOIN product p ON p.id = vp.product_id AND p.name = vp.name GROUP BY v.id ORDER BY v.id"
    )
    assert (len(rows), sum(row["products"] for row in rows), sum(row["sold"] for row in rows)) == (29, 77, 67)
    assert all(row["ours"] == row["products"] for row in rows)
    homestead = await connection.fetchrow("SELECT * FROM vendor WHERE name = 'Grandma Kelly''s Homestead'")
    assert homestead is not None
    assert (homestead["contact_name"], homestead["notes"]) == ("Regina Murphy", "Sales Representative")
    assert homestead["address"] == "707 Oxford Rd., Ann Arbor, MI 48104"
    await load_northwind(books)
    assert await connection.fetchval("SELECT count(*) FROM vendor_product") == 77


async def test_payments_and_timelines_agree_with_the_orders(loaded: asyncpg.Connection) -> None:
    wrong = await loaded.fetch(
        "SELECT o.order_number FROM orders AS o"
        " LEFT JOIN (SELECT order_id, sum(applied_amount) AS sum FROM payment GROUP BY 1) AS p ON p.order_id = o.id"
        " LEFT JOIN LATERAL (SELECT to_status FROM order_event WHERE order_id = o.id AND to_status IS NOT NULL"
        "   ORDER BY id DESC LIMIT 1) AS last ON true"
        " WHERE coalesce(p.sum, 0) <> o.amount_paid OR last.to_status IS DISTINCT FROM o.status"
    )
    assert wrong == []


async def test_nobody_signs_in_as_a_loaded_employee(loaded: asyncpg.Connection) -> None:
    rows = await loaded.fetch("SELECT role, password_hash FROM staff")
    assert [row["role"] for row in rows] == ["sales_rep"] * 9
    assert not await verify_password(rows[0]["password_hash"], "!")


async def test_a_second_run_changes_nothing(books: Path, database: Database, db: AsyncSession) -> None:
    await load_northwind(books)
    connection = await raw_connection(db)
    await connection.execute("UPDATE customer SET notes = 'Ours now' WHERE external_id = 'northwind:ALFKI'")
    await db.commit()

    async def read_all() -> list[str]:
        connection = await raw_connection(db)
        return [
            await connection.fetchval(f"SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM {table} AS t")
            for table in TABLES
        ]

    before = await read_all()
    assert "all of it was here already" in await load_northwind(books)
    assert await read_all() == before


async def test_books_that_do_not_add_up_here_load_nothing(books: Path, tmp_path: Path, db: AsyncSession) -> None:
    copy = tmp_path / "northwind"
    shutil.copytree(books, copy)
    path = copy / "orders.csv"
    path.chmod(0o644)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[1] = rows[2]  # An order that stands there twice, while its neighbour is lost.
    path.unlink()
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(Refused, match="Nothing was loaded, since it does not add up"):
        await load_northwind(copy)
    connection = await raw_connection(db)
    assert await connection.fetchval("SELECT count(*) FROM customer") == 0


async def test_a_folder_without_books_is_refused_in_one_sentence(tmp_path: Path, db: AsyncSession) -> None:
    with pytest.raises(Refused, match=r"categories\.csv is missing"):
        await load_northwind(tmp_path)
