"""The inputs of voice tools: strict JSON as everywhere, but "2", "true" and "false" are accepted for their values.

Every tool takes the caller's number as `phone_number` or `phone`, in any common format, and the id of the conversation.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from domain.access.tokens import is_random_order_number
from domain.kernel.inputs import Count, Filled60, Id, Input, MoneyIn, PhoneIn, Quantity, Text200
from domain.kernel.phone import parse_phone

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_AMOUNT = re.compile(r"\$?[0-9]{1,12}(\.[0-9]{1,2})?")
_SIGNS = re.compile(r"[^0-9A-Z]")


def _read_number(value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if _WHOLE.fullmatch(text) else value


def _read_flag(value: Any) -> Any:
    text = value.strip().lower() if isinstance(value, str) else ""
    return {"true": True, "false": False}.get(text, value)


def _read_amount(value: Any) -> Any:
    text = value.strip().replace(",", "") if isinstance(value, str) else ""
    return float(text.removeprefix("$")) if _AMOUNT.fullmatch(text) else value


SpokenInt = Annotated[int, BeforeValidator(_read_number)]
SpokenId = Annotated[Id, BeforeValidator(_read_number)]
SpokenCount = Annotated[Count, BeforeValidator(_read_number)]
SpokenQuantity = Annotated[Quantity, BeforeValidator(_read_number)]
SpokenFlag = Annotated[bool, BeforeValidator(_read_flag)]
SpokenMoney = Annotated[MoneyIn, BeforeValidator(_read_amount)]


class ToolInput(Input):
    """The base class of all tool inputs. The conversation's id is used to recognise repeats."""

    call_id: Text200 | None = Field(None, validation_alias=AliasChoices("call_id", "conversation_id"))
    """The platform's id of the call; may also be sent as `conversation_id`."""

    @property
    def caller_phone(self) -> str | None:
        """The phone number in E.164 that the request is about, or None."""
        return None


class PhoneInput(ToolInput):
    """A tool with an optional caller's number."""

    phone_number: PhoneIn | None = None
    """The caller's number in any common format."""
    phone: PhoneIn | None = None
    """The same as `phone_number`; one of the two is enough."""

    @property
    def caller_phone(self) -> str | None:
        """The phone number in E.164, or None."""
        sent = self.phone_number or self.phone
        return parse_phone(sent) if sent else None


class CallerInput(PhoneInput):
    """A tool that requires the caller's number."""

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """Report a missing phone number."""
        return super().find_faults(sent) | ({} if names_phone(sent) else {"phone_number": "is required"})

    @property
    def caller(self) -> str:
        """The caller's number in E.164."""
        number = self.caller_phone
        assert number is not None  # validation guarantees a number
        return number


def names_phone(sent: Mapping[str, Any]) -> bool:
    """Return True if either of the two fields has a value, whether or not it is a number."""
    return any(str(sent.get(name) or "").strip() for name in ("phone_number", "phone"))


def read_order_number(said: str) -> str:
    """Return an order number in its stored form, from "lld 7kq4 m9xd" or "L L D, 7 K Q 4, M 9 X D"."""
    signs = _SIGNS.sub("", said.upper())
    grouped = f"{signs[:3]}-{signs[3:7]}-{signs[7:]}"
    return grouped if is_random_order_number(grouped) else said.strip().upper()


OrderNumberIn = Filled60
