"""The input for buying labels: addresses, parcels and customs, validated before EasyPost is asked."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from domain.boxes.measures import Inches, Ounces
from domain.kernel.addresses import HOME_COUNTRY
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Filled60, Input, MoneyIn, Text60, Text200
from domain.warehouse.easypost_account import as_json, write_phone
from domain.warehouse.queue import QueueRow

# For one API request, and for one order in the warehouse.
MOST_PARCELS, MOST_BOXES = 20, 60
_STATES = frozenset(
    re.findall(
        "..",
        "ALAKAZARCACOCTDEDCFLGAHIIDILINIAKSKYLAMEMDMAMIMNMSMOMTNENVNHNJNMNYNCNDOHOKORPARISCSDTNTXUTVTVAWAWVWIWY"
        "ASGUMPPRVIAAAEAP",
    )
)
_ZIP = re.compile(r"[0-9]{5}(-?[0-9]{4})?", re.ASCII)


def _read_country(value: object) -> object:
    """Read a country as two capital letters; an empty value is the US."""
    return (value.strip().upper() or HOME_COUNTRY) if isinstance(value, str) else value


class LabelAddress(Input):
    """The sender or the recipient of a parcel; an empty one means our own address, or the order's."""

    name: Text200 = ""
    """The sender's or recipient's name."""
    company: Text200 = ""
    """Their company."""
    street1: Text200 = ""
    """Street and number."""
    street2: Text200 = ""
    """Suite, floor or unit."""
    city: Text60 = ""
    """City."""
    state: Text60 = ""
    """State, as two letters in the US."""
    zip: Text60 = ""
    """ZIP or postal code."""
    country: Annotated[Text60, BeforeValidator(_read_country)] = HOME_COUNTRY
    """Country as two letters."""
    phone: Text60 = ""
    """Phone number, which some services need."""
    email: Text200 = ""
    """Email."""

    @property
    def is_empty(self) -> bool:
        """True if nothing but a country was sent."""
        return not any(value for name, value in self.model_dump().items() if name != "country")

    @model_validator(mode="after")
    def _check(self) -> "LabelAddress":
        if self.is_empty:
            return self
        missing = [name for name in ("street1", "city") if not getattr(self, name)]
        if missing:
            raise bad_field(f"needs {' and '.join(missing)}")
        if not re.fullmatch(r"[A-Z]{2}", self.country):
            raise bad_field("needs a country of two letters")
        if self.country == HOME_COUNTRY and self.state.upper() not in _STATES:
            raise bad_field("needs a state of the US, as two letters")
        if self.country == HOME_COUNTRY and not _ZIP.fullmatch(self.zip):
            raise bad_field("needs a ZIP of 5 or 9 digits")
        return self

    def as_request(self) -> dict[str, Any]:
        """Return the address in EasyPost's format."""
        return as_json(self.model_dump() | {"phone": write_phone(self.phone), "state": self.state.upper()})


class Parcel(Input):
    """One box, with the carrier's units."""

    length: Inches
    """Length in inches."""
    width: Inches
    """Width in inches."""
    height: Inches
    """Height in inches."""
    weight: Ounces
    """Weight in ounces."""

    @property
    def size(self) -> tuple[Decimal, ...]:
        """The values that make two parcels the same for a carrier."""
        return (self.length, self.width, self.height, self.weight)

    def as_request(self) -> dict[str, float]:
        """Return the parcel in EasyPost's format."""
        return {name: float(value) for name, value in self.model_dump().items()}


class BuyLabels(Input):
    """Labels for one or more parcels of an order, all with one service."""

    carrier: Filled60
    """The carrier of the rate, as it was offered."""
    service: Filled60
    """The carrier's service, as it was offered."""
    from_address: LabelAddress
    """The sender; {} is our warehouse."""
    to_address: LabelAddress
    """The recipient; {} is the order's delivery address."""
    parcels: Annotated[list[Parcel], Field(min_length=1, max_length=MOST_PARCELS)]
    """The parcels, 1 to 20 of them."""
    customs_info: dict[str, Any] | None = None
    """EasyPost's customs declaration; required for a destination outside the US."""
    insurance: MoneyIn | None = None
    """US dollars for which each parcel is insured."""

    @model_validator(mode="after")
    def _check_customs(self) -> "BuyLabels":
        if self.to_address.country != HOME_COUNTRY and not self.customs_info:
            raise bad_field("is required for a destination outside the US", field="customs_info")
        return self


class BuyBoxLabels(BuyLabels):
    """Like BuyLabels, for all boxes of an order packed in the warehouse."""

    parcels: Annotated[list[Parcel], Field(min_length=1, max_length=MOST_BOXES)]
    """The boxes, 1 to 60 of them."""


def address_of_order(order: QueueRow) -> dict[str, Any]:
    """Return the delivery address of an order in EasyPost's format."""
    return as_json(
        {
            "name": order.delivery_name,
            "company": order.delivery_company,
            "street1": order.delivery_address,
            "city": order.delivery_city,
            "state": order.delivery_state,
            "zip": order.delivery_zip,
            "country": order.delivery_country or HOME_COUNTRY,
            "phone": write_phone(order.delivery_phone),
            "email": order.delivery_email or "",
        }
    )


def write_requests(
    data: BuyLabels, *, origin: Mapping[str, Any], destination: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the request to EasyPost for each parcel, without its reference, which comes with the row."""
    shared: dict[str, Any] = {
        "from_address": dict(origin),
        "to_address": dict(destination),
        "options": {"label_format": "PDF", "label_size": "4x6"},
    }
    if data.customs_info:
        shared["customs_info"] = data.customs_info
    return [shared | {"parcel": parcel.as_request()} for parcel in data.parcels]
