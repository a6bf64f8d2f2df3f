"""Answers about vendors and their products; prices are null for who may not see costs."""

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
    """Whom to ask for."""
    address: str
    notes: str
    active: bool
    """False for an archived vendor."""
    version: int


class VendorProductOut(Answer):
    id: int
    vendor_id: int
    product_id: int | None
    """The product of ours that it is, if any."""
    name: str
    category: str
    description: str
    model_number: str
    est_price_min: MoneyOut | None
    """The least that one costs, in US dollars."""
    est_price_max: MoneyOut | None
    """The most that one costs, in US dollars."""
    lead_time_days: DaysOut | None
    """Days from the order to the delivery."""
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
