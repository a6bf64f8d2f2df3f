"""The totals of an invoice: lines, discount, shipping, and tax on goods only, rounded half up once."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from domain.kernel.errors import InvalidInput
from domain.kernel.input_errors import bad_field
from domain.kernel.money import MOST_MONEY, ZERO, format_money, round_half_up

MOST_TAX_RATE = Decimal(30)
_RATE_STEP = Decimal("0.001")


def _read_rate(value: Any, info: ValidationInfo) -> Decimal:
    """Read a percentage, a JSON number or text from a form, with at most three decimals."""
    wrong = bad_field("must be a percentage with at most three decimals, from 0 to 30")
    if isinstance(value, str) and (info.context or {}).get("source") in {"form", "query"}:
        text = value.strip().removesuffix("%").strip()
        if not text.replace(".", "", 1).isascii() or not text.replace(".", "", 1).isdigit() or len(text) > 12:
            raise wrong
        rate = Decimal(text)
    elif isinstance(value, float) and info.mode == "json":
        rate = Decimal(repr(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        rate = Decimal(max(min(value, 1000), -1000))
    elif isinstance(value, Decimal):
        rate = value
    else:
        raise bad_field("is required") if value is None else wrong
    if not rate.is_finite() or not 0 <= rate <= MOST_TAX_RATE or rate != rate.quantize(_RATE_STEP):
        raise wrong
    return rate.quantize(_RATE_STEP) + Decimal("0.000")


TaxRateIn = Annotated[
    Decimal,
    PlainValidator(_read_rate),
    WithJsonSchema({"type": "number", "multipleOf": 0.001, "minimum": 0, "maximum": float(MOST_TAX_RATE)}),
]


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """The amounts of an invoice in US dollars; `tax_rate` is in percent."""

    subtotal: Decimal
    discount_amount: Decimal
    shipping_fee: Decimal
    tax_rate: Decimal
    tax_amount: Decimal
    total_amount: Decimal


def calculate_invoice_totals(
    line_totals: Iterable[Decimal],
    *,
    discount: Decimal = ZERO,
    shipping: Decimal = ZERO,
    tax_rate: Decimal = ZERO,
) -> InvoiceTotals:
    """Add up an invoice. Raises InvalidInput for a discount above the subtotal, or a total too large to be stored."""
    subtotal = sum(line_totals, ZERO)
    if discount > subtotal:
        limit = f"must be at most {format_money(subtotal)}, the value of the lines"
        raise InvalidInput(f"The discount {limit}.", fields={"discount_amount": limit})
    if subtotal > MOST_MONEY:
        raise _too_large()
    tax = round_half_up((subtotal - discount) * tax_rate / 100)
    total = subtotal - discount + shipping + tax
    if total > MOST_MONEY:
        raise _too_large()
    return InvoiceTotals(subtotal, discount, shipping, tax_rate, tax, total)


def _too_large() -> InvalidInput:
    return InvalidInput(
        f"The invoice is too large: it may come to at most {format_money(MOST_MONEY)}.",
        fields={"items": "cost too much together"},
    )
