"""The EasyPost account in use, the sender's address, and how EasyPost's errors are reported to the caller."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from domain.kernel.addresses import parse_address
from domain.kernel.codes import Code
from domain.kernel.errors import NotConfigured, OutsideServiceFailed
from domain.kernel.phone import parse_phone
from integrations.easypost_client import EasyPostAccount, EasyPostRefused, KeyRefused
from integrations.errors import ServiceFailed
from settings import Settings

NO_KEY = (
    "Labels can't be bought here: the setting EASYPOST_API_KEY is missing. Ship with a typed tracking number instead."
)


def get_easypost(settings: Settings) -> EasyPostAccount:
    """Return this installation's EasyPost account. Raises NotConfigured naming the missing setting."""
    if not settings.easypost_api_key:
        raise NotConfigured(NO_KEY)
    return EasyPostAccount(settings.easypost_api_key, settings.easypost_api_base)


def get_warehouse_address(settings: Settings) -> dict[str, Any]:
    """Return the sender's address in EasyPost's format. Raises NotConfigured naming the missing setting."""
    address = parse_address(settings.warehouse_address)
    if not address.city:
        state = "is missing" if not settings.warehouse_address else 'is not like "Street, City, ST 12345"'
        raise NotConfigured(f"Labels can't be bought here: the setting WAREHOUSE_ADDRESS {state}.")
    return {
        "name": settings.company_name,
        "company": settings.company_name,
        "street1": address.street,
        "city": address.city,
        "state": address.state,
        "zip": address.zip,
        "country": address.country,
        "phone": write_phone(settings.warehouse_phone),
    }


def write_phone(text: str | None) -> str:
    """Return a phone number as carriers accept it: digits, ten of them in the US; empty if it is not a number."""
    number = parse_phone(text) if text else None
    return re.sub(r"[^0-9]", "", number.removeprefix("+1")) if number else ""


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without empty ones, because EasyPost treats an empty string as a value."""
    return {name: value for name, value in values.items() if value not in {None, ""}}


@contextmanager
def easypost_errors_as_refusals() -> Iterator[None]:
    """Convert a failure of EasyPost that bought nothing into a refusal that a person can act on."""
    try:
        yield
    except KeyRefused as error:
        raise OutsideServiceFailed(
            "EasyPost refused our key; the setting EASYPOST_API_KEY is wrong.", code=Code.EASYPOST_KEY_REFUSED
        ) from error
    except EasyPostRefused as error:
        raise OutsideServiceFailed(f"EasyPost refused: {error}", code=Code.LABEL_REFUSED) from error
    except ServiceFailed as error:
        raise OutsideServiceFailed("EasyPost did not answer. Nothing was bought; try again.") from error
