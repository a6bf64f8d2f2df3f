"""Which EasyPost account is used, where parcels leave from, and how EasyPost's failures read to who asked."""

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

NO_KEY = "Labels can't be bought here: the setting EASYPOST_API_KEY is missing. Ship with a number typed in instead."


def get_easypost(settings: Settings) -> EasyPostAccount:
    """The account of this installation; raises NotConfigured naming the setting."""
    if not settings.easypost_api_key:
        raise NotConfigured(NO_KEY)
    return EasyPostAccount(settings.easypost_api_key, settings.easypost_api_base)


def get_warehouse_address(settings: Settings) -> dict[str, Any]:
    """Where parcels leave from, as EasyPost wants it; raises NotConfigured naming the setting."""
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
    """A phone as carriers take it: digits, ten of them at home; what is no number is left out."""
    number = parse_phone(text) if text else None
    return re.sub(r"[^0-9]", "", number.removeprefix("+1")) if number else ""


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what is empty: EasyPost takes an empty text for a value."""
    return {name: value for name, value in values.items() if value not in {None, ""}}


@contextmanager
def easypost_errors_as_refusals() -> Iterator[None]:
    """Turn a failure of EasyPost that bought nothing into a refusal that a person can act on."""
    try:
        yield
    except KeyRefused as error:
        raise OutsideServiceFailed(
            "EasyPost does not take our key; the setting EASYPOST_API_KEY is wrong.", code=Code.EASYPOST_KEY_REFUSED
        ) from error
    except EasyPostRefused as error:
        raise OutsideServiceFailed(f"EasyPost refused: {error}", code=Code.LABEL_REFUSED) from error
    except ServiceFailed as error:
        raise OutsideServiceFailed("EasyPost did not answer. Nothing was bought; try again.") from error
