"""The customs declaration of a parcel to another country: the lines of its order, their value and weight."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from domain.kernel.actor import Actor
from domain.kernel.addresses import HOME_COUNTRY
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Filled200, Input, Text20, Text60
from domain.kernel.money import round_half_up
from domain.orders.filters import ITEMS
from domain.warehouse.label_request import Parcel
from domain.warehouse.queue import get_queue_row
from models import OrderItem, Product, columns_of, table_of
from models.session import current_database

PRODUCTS = columns_of(Product)
# Above this value, an export must be filed with the AES, and its number is on the label.
FREE_UP_TO = Decimal(2500)
NO_FILING, NO_FILING_TO_CANADA = "NOEEI 30.37(a)", "NOEEI 30.36"
_LEAST_OUNCES = Decimal("0.1")


class Contents(StrEnum):
    """What is sent, in the terms of customs forms."""

    MERCHANDISE = "merchandise"
    SAMPLE = "sample"
    GIFT = "gift"
    RETURNED = "returned_goods"


class DeclareGoods(Input):
    """The data of a declaration that is not in the order's lines."""

    signer: Filled200
    """Who certifies the declaration."""
    contents: Contents = Contents.MERCHANDISE
    """The type of contents."""
    tariff_number: Text20 = ""
    """The harmonized tariff number of the goods, with six digits or more."""
    origin: Text60 = HOME_COUNTRY
    """The country of origin of the goods, as two letters."""
    filing: Text60 = ""
    """The AES number, for goods worth more than $2,500 that do not go to Canada."""


async def read_customs(
    order_number: str, parcels: list[Parcel], declared: DeclareGoods | None, *, by: Actor
) -> dict[str, Any] | None:
    """Return EasyPost's customs declaration of an order to another country; None for an order within the US.

    Raises InvalidInput naming what is missing, and Refused for several parcels, because each would need its own
    declaration.
    """
    async with current_database().session() as db:
        order = await get_queue_row(db, order_number, visible_to=by)
        if order.delivery_country == HOME_COUNTRY or declared is None:
            return None
        statement = (
            select(
                ITEMS.product_name,
                ITEMS.quantity - ITEMS.short_quantity,
                ITEMS.unit_price,
                PRODUCTS.ship_weight_oz,
            )
            .select_from(table_of(OrderItem).outerjoin(table_of(Product), PRODUCTS.id == ITEMS.product_id))
            .where(ITEMS.order_id == order.id, ITEMS.quantity > ITEMS.short_quantity)
            .order_by(ITEMS.position)
        )
        lines = (await db.execute(statement)).all()
    if len(parcels) > 1:
        raise Refused(
            "An order to another country must be one parcel: each parcel needs its own customs declaration.",
            code=Code.PARCELS_UNKNOWN,
        )
    worth = sum((round_half_up(price * quantity) for _, quantity, price, _ in lines), Decimal(0))
    filing = declared.filing
    if not filing and order.delivery_country == "CA":
        filing = NO_FILING_TO_CANADA
    if not filing and worth > FREE_UP_TO:
        sentence = "is required for goods worth more than $2,500"
        raise InvalidInput(f"The AES number {sentence}.", fields={"customs.filing": sentence})
    return {
        "customs_certify": True,
        "customs_signer": declared.signer,
        "contents_type": declared.contents.value,
        "restriction_type": "none",
        "non_delivery_option": "return",
        "eel_pfc": filing or NO_FILING,
        "customs_items": [
            {
                "description": name[:50],
                "quantity": quantity,
                "value": float(round_half_up(price * quantity)),
                "weight": float(max((weight or Decimal(0)) * quantity, _LEAST_OUNCES)),
                "origin_country": declared.origin.upper(),
                "hs_tariff_number": declared.tariff_number,
            }
            for name, quantity, price, weight in lines
        ],
    }
