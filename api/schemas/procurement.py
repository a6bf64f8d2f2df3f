"""Answers about vendors and their products; prices are null for callers who may not see costs."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

from api.schemas.base import Answer, MoneyOut

DaysOut = Annotated[
    Decimal,
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number", "minimum": 0}),
]


class VendorOut(Answer):
    id: int
    name: str
    website: str
    phone: str
    email: str
    contact_name: str
    """Name of the contact person."""
    address: str
    notes: str
    active: bool
    """False for an archived vendor."""
    version: int


class VendorProductOut(Answer):
    id: int
    vendor_id: int
    product_id: int | None
    """The matching product in our catalogue, if any."""
    name: str
    category: str
    description: str
    model_number: str
    est_price_min: MoneyOut | None
    """Lowest price per unit in US dollars."""
    est_price_max: MoneyOut | None
    """Highest price per unit in US dollars."""
    lead_time_days: DaysOut | None
    """Days from order to delivery."""
    notes: str
    active: bool
    version: int


class VendorWithProductsOut(VendorOut):
    products: list[VendorProductOut]


class DeletedVendorOut(Answer):
    success: bool = True
    message: str
    """Whether it was deleted or archived."""


class DeletedVendorProductOut(Answer):
    success: bool = True
