"""What voice agents send: the same strict JSON as everywhere, but "2", "true" and "false" count as what they mean.

Every tool takes the caller's number as `phone_number` or `phone`, in any common form, and the conversation that it
belongs to.
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
    """The base of every tool's input: which conversation it belongs to, so that a repeat is known."""

    call_id: Text200 | None = Field(None, validation_alias=AliasChoices("call_id", "conversation_id"))
    """The platform's id of the call; `conversation_id` is the same."""

    @property
    def caller_phone(self) -> str | None:
        """The number that it is about in E.164, where one was sent."""
        return None


class PhoneInput(ToolInput):
    """A tool that may be given a caller's number."""

    phone_number: PhoneIn | None = None
    """The caller's number in any common form."""
    phone: PhoneIn | None = None
    """The same as `phone_number`; one of the two is enough."""

    @property
    def caller_phone(self) -> str | None:
        """The number in E.164, where one was sent."""
        sent = self.phone_number or self.phone
        return parse_phone(sent) if sent else None


class CallerInput(PhoneInput):
    """A tool that needs the caller's number."""

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """A caller without a number."""
        return super().find_faults(sent) | ({} if names_phone(sent) else {"phone_number": "is required"})

    @property
    def caller(self) -> str:
        """The caller's number in E.164."""
        number = self.caller_phone
        assert number is not None  # the validators let no input without one pass
        return number


def names_phone(sent: Mapping[str, Any]) -> bool:
    """True when either of the two fields holds something, be it a number or not."""
    return any(str(sent.get(name) or "").strip() for name in ("phone_number", "phone"))


def read_order_number(said: str) -> str:
    """An order's number as it is kept, from "lld 7kq4 m9xd" or "L L D, 7 K Q 4, M 9 X D" just as well."""
    signs = _SIGNS.sub("", said.upper())
    grouped = f"{signs[:3]}-{signs[3:7]}-{signs[7:]}"
    return grouped if is_random_order_number(grouped) else said.strip().upper()


OrderNumberIn = Filled60
