"""The lines of an invoice: typed by staff or from products, which fill in missing values."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import InvalidInput
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Id, Input, MoneyIn, Quantity, Text60, Text200
from domain.kernel.money import MOST_MONEY
from domain.orders.totals import choose_unit_price
from models import InvoiceItem, OrderItem, Product

MOST_LINES = 500


class InvoiceLine(Input):
    """One line: a product, whose texts and price are used where they are missing here, or free text with a price."""

    product_id: Id | None = None
    """The product; omitted for a line of free text."""
    description: Text200 | None = None
    """What is sold; by default the product's name."""
    sku: Text60 | None = None
    """The article number; by default the product's. With no description or price it identifies the product."""
    quantity: Quantity
    """The number of units."""
    unit_price: MoneyIn | None = None
    """US dollars per unit; by default the product's price at this quantity."""


InvoiceLines = Annotated[list[InvoiceLine], Field(min_length=1, max_length=MOST_LINES)]


@dataclass(frozen=True, slots=True)
class Line:
    """One line as the invoice stores it."""

    product_id: int | None
    description: str
    sku: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal


async def fill_lines(db: AsyncSession, asked: Sequence[InvoiceLine]) -> list[Line]:
    """Return the lines, completed from their products. Raises InvalidInput naming every incomplete line."""
    found = await _find_products(db, asked)
    bad: dict[str, str] = {}
    lines: list[Line] = []
    for place, line in enumerate(asked):
        product = found.get(line.product_id if line.product_id is not None else _sku_alone(line))
        if line.product_id is not None and product is None:
            bad[f"items.{place}.product_id"] = "is unknown"
            continue
        if product is None and not line.description:
            bad[f"items.{place}.description"] = "is required without a product"
        if product is None and line.unit_price is None:
            bad[f"items.{place}.unit_price"] = "is required without a product"
        price = line.unit_price if line.unit_price is not None else _price_of(product, line.quantity)
        if price * line.quantity > MOST_MONEY:
            bad[f"items.{place}.unit_price"] = "costs too much at this quantity"
        description = line.description or (product.name if product else "")
        sku = line.sku or (product.sku if product else "")
        lines.append(
            Line(product.id if product else None, description, sku, line.quantity, price, price * line.quantity)
        )
    if bad:
        raise refuse_fields(bad)
    return lines


def _sku_alone(line: InvoiceLine) -> str | None:
    """Return the SKU of a line that is incomplete without its product; otherwise None."""
    says_enough = line.description and line.unit_price is not None
    return line.sku.lower() if line.sku and not says_enough else None


async def _find_products(db: AsyncSession, asked: Sequence[InvoiceLine]) -> dict[int | str | None, Product]:
    """Return the products that the lines name, by id and by SKU in lower case."""
    ids = {line.product_id for line in asked if line.product_id is not None}
    skus = {sku for line in asked if line.product_id is None and (sku := _sku_alone(line))}
    if not ids and not skus:
        return {}
    which = or_(Product.id.in_(sorted(ids)), func.lower(Product.sku).in_(sorted(skus)))
    products = (await db.execute(select(Product).where(which))).scalars().all()
    by_sku: dict[int | str | None, Product] = {
        product.sku.lower(): product for product in products if product.is_active
    }
    return by_sku | {product.id: product for product in products}


def _price_of(product: Product | None, quantity: int) -> Decimal:
    if product is None:
        return Decimal(0)
    price, _ = choose_unit_price(
        quantity,
        unit_price=product.unit_price,
        bulk_price=product.bulk_price,
        bulk_quantity=product.bulk_quantity,
    )
    return price


async def list_sold_lines(db: AsyncSession, order_id: int) -> list[Line]:
    """Return the lines of an order as they were sold. Raises InvalidInput for an order without any."""
    found = await db.execute(select(OrderItem).where(OrderItem.order_id == order_id).order_by(OrderItem.position))
    lines = [
        Line(item.product_id, item.product_name, item.product_sku, item.quantity, item.unit_price, item.line_total)
        for item in found.scalars()
    ]
    if not lines:
        raise InvalidInput("The order has no lines to invoice.", fields={"order_number": "has no lines"})
    return lines


async def write_lines(db: AsyncSession, invoice_id: int, lines: Sequence[Line]) -> None:
    """Replace the lines of the invoice with these."""
    await db.execute(delete(InvoiceItem).where(InvoiceItem.invoice_id == invoice_id))
    db.add_all(
        InvoiceItem(
            invoice_id=invoice_id,
            position=position,
            product_id=line.product_id,
            description=line.description,
            sku=line.sku,
            quantity=line.quantity,
            unit_price=line.unit_price,
            line_total=line.line_total,
        )
        for position, line in enumerate(lines, start=1)
    )
    await db.flush()


async def list_lines(db: AsyncSession, invoice_id: int) -> list[Line]:
    """Return the lines of an invoice."""
    found = await db.execute(
        select(
            InvoiceItem.product_id,
            InvoiceItem.description,
            InvoiceItem.sku,
            InvoiceItem.quantity,
            InvoiceItem.unit_price,
            InvoiceItem.line_total,
        )
        .where(InvoiceItem.invoice_id == invoice_id)
        .order_by(InvoiceItem.position)
    )
    return [Line(*row) for row in found]
