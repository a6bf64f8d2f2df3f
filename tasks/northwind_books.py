"""Reads the Northwind books from their CSV files: their rows and their sums, exact to the cent."""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

from domain.kernel.errors import Refused
from domain.kernel.money import ZERO, format_money, round_half_up

FILES = ("categories", "suppliers", "products", "employees", "customers", "orders", "order_details")

# The books have country names in English; addresses and phone numbers need ISO codes.
COUNTRIES = {
    "Argentina": "AR", "Australia": "AU", "Austria": "AT", "Belgium": "BE", "Brazil": "BR", "Canada": "CA",
    "Denmark": "DK", "Finland": "FI", "France": "FR", "Germany": "DE", "Ireland": "IE", "Italy": "IT", "Japan": "JP",
    "Mexico": "MX", "Netherlands": "NL", "Norway": "NO", "Poland": "PL", "Portugal": "PT", "Singapore": "SG",
    "Spain": "ES", "Sweden": "SE", "Switzerland": "CH", "UK": "GB", "USA": "US", "Venezuela": "VE",
}  # fmt: skip

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Books:
    """The seven files as rows."""

    categories: list[Row]
    suppliers: list[Row]
    products: list[Row]
    employees: list[Row]
    customers: list[Row]
    orders: list[Row]
    order_details: list[Row]


@dataclass(frozen=True, slots=True)
class BookSums:
    """Counts and sums, comparable between the files and our tables; amounts in US dollars."""

    customers: int
    products: int
    orders: int
    lines: int
    full_price: Decimal
    after_discounts: Decimal
    freight: Decimal
    units_in_stock: int

    def __str__(self) -> str:
        return (
            f"{self.customers:,} customers, {self.products:,} products with {self.units_in_stock:,} units in stock, "
            f"{self.orders:,} orders with {self.lines:,} lines; {format_money(self.full_price)} at full price, "
            f"{format_money(self.after_discounts)} after discounts, {format_money(self.freight)} freight"
        )


def read_books(directory: Path) -> Books:
    """Read the files. Raises Refused naming the missing one."""
    found: dict[str, list[Row]] = {}
    for name in FILES:
        path = directory / f"{name}.csv"
        if not path.is_file():
            raise Refused(f"There are no Northwind books in {directory}: {path.name} is missing.")
        with path.open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    return Books(**found)


def add_up(books: Books) -> BookSums:
    """Return the counts and sums of the books."""
    return BookSums(
        customers=len(books.customers),
        products=len(books.products),
        orders=len(books.orders),
        lines=len(books.order_details),
        full_price=sum((gross_of(line) for line in books.order_details), ZERO),
        after_discounts=sum((gross_of(line) - discount_of(line) for line in books.order_details), ZERO),
        freight=sum((Decimal(order["freight"]) for order in books.orders), ZERO),
        units_in_stock=sum(int(product["units_in_stock"]) for product in books.products),
    )


def gross_of(line: Row) -> Decimal:
    """Return the amount of a line at full price."""
    return round_half_up(Decimal(line["unit_price"]) * int(line["quantity"]))


def discount_of(line: Row) -> Decimal:
    """Return the discount of a line: the gross amount less the net one, which is rounded to cents for each line."""
    gross = gross_of(line)
    return gross - round_half_up(gross * (1 - Decimal(line["discount"])))


def noon_of(day: str) -> datetime:
    """Return a date of the books as an instant: noon in Chicago, which is the same date from Alaska to Poland."""
    return datetime.combine(date.fromisoformat(day), time(18), tzinfo=UTC)
