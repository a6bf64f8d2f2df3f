"""What an invoice comes to, against plain arithmetic written from the definitions, and the paper carries the figures.

line_total = quantity × unit_price; tax = half up of (subtotal - discount) × rate / 100, shipping untaxed;
total = subtotal - discount + shipping + tax.
"""

import io
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as search
from hypothesis import strategies as st
from pypdf import PdfReader

from documents.invoice_pdf import make_invoice_writer
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.papers import get_invoice_pdf
from domain.invoices.totals import calculate_invoice_totals
from domain.kernel.actor import Actor, ActorKind
from models import Role

MANAGER = Actor(ActorKind.STAFF, 1, "Max", Role.MANAGER)
CENT = Decimal("0.01")
PRICES = st.decimals(min_value=0, max_value=5000, places=2)
RATES = st.decimals(min_value=0, max_value=30, places=3)
LINES = st.lists(st.tuples(st.integers(1, 400), PRICES), min_size=1, max_size=8)


def half_up(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def add_up(lines: list[tuple[int, Decimal]], share: int, shipping: Decimal, rate: Decimal) -> dict[str, Decimal]:
    """The figures by the definitions; the discount is a share of the subtotal in percent."""
    subtotal = sum((quantity * price for quantity, price in lines), Decimal("0.00"))
    discount = half_up(subtotal * share / 100)
    tax = half_up((subtotal - discount) * rate / 100)
    return {
        "subtotal": subtotal,
        "discount_amount": discount,
        "shipping_fee": shipping,
        "tax_amount": tax,
        "total_amount": subtotal - discount + shipping + tax,
    }


@given(lines=LINES, share=st.integers(0, 100), shipping=PRICES, rate=RATES)
@search(max_examples=300, deadline=None)
def test_totals_are_those_of_the_definitions(lines, share, shipping, rate):
    wanted = add_up(lines, share, shipping, rate)
    found = calculate_invoice_totals(
        [quantity * price for quantity, price in lines],
        discount=wanted["discount_amount"],
        shipping=shipping,
        tax_rate=rate,
    )
    assert {name: getattr(found, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("price", "rate", "tax"),
    [("0.50", "1", "0.01"), ("0.49", "1", "0.00"), ("100.00", "8.255", "8.26"), ("200.00", "0.0025", None)],
)
def test_half_a_cent_of_tax_goes_up_and_rates_have_three_decimals(price, rate, tax):
    if tax is None:
        with pytest.raises(ValueError, match="three decimals"):
            CreateInvoice.model_validate({"customer_name": "Ann", "items": [], "tax_rate": Decimal(rate)})
        return
    found = calculate_invoice_totals([Decimal(price)], discount=Decimal(0), shipping=Decimal(0), tax_rate=Decimal(rate))
    assert found.tax_amount == Decimal(tax)


@given(lines=LINES, share=st.integers(0, 100), shipping=PRICES, rate=RATES)
@search(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_kept_rows_and_the_paper_carry_the_same_figures(db, settings, lines, share, shipping, rate):
    wanted = add_up(lines, share, shipping, rate)
    body: dict[str, Any] = {
        "customer_name": "Ann",
        "status": "sent",
        "items": [
            {"description": f"Pan {place}", "quantity": quantity, "unit_price": price}
            for place, (quantity, price) in enumerate(lines)
        ],
        "discount_amount": wanted["discount_amount"],
        "shipping_fee": shipping,
        "tax_rate": rate,
    }
    invoice = await create_invoice(
        db, CreateInvoice.model_validate(body), by=MANAGER, timezone=ZoneInfo("America/Chicago")
    )
    invoice_id = invoice.id
    await db.commit()
    await db.refresh(invoice)
    assert {name: getattr(invoice, name) for name in wanted} == wanted
    paper = await get_invoice_pdf(invoice_id, visible_to=MANAGER, write_pdf=make_invoice_writer(settings))
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.data)).pages)
    figures = [wanted["subtotal"], wanted["total_amount"], *(quantity * price for quantity, price in lines)]
    if wanted["tax_amount"]:
        figures.append(wanted["tax_amount"])
    for figure in figures:
        assert f"${figure:,.2f}" in text
