"""What an order costs, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import InvalidInput
from domain.kernel.money import MOST_MONEY, ZERO, round_half_up
from domain.orders.totals import (
    calculate_delivery_fee,
    calculate_totals,
    check_discount,
    choose_unit_price,
    price_line,
)

D = Decimal
PRICES = st.decimals(min_value=0, max_value=D("9999.99"), places=2)
QUANTITIES = st.integers(min_value=1, max_value=1000)


def test_the_bulk_price_begins_with_its_quantity() -> None:
    prices = {"unit_price": D("10.00"), "bulk_price": D("9.00"), "bulk_quantity": 12}
    assert choose_unit_price(11, **prices) == (D("10.00"), False)  # type: ignore[arg-type]
    assert choose_unit_price(12, **prices) == (D("9.00"), True)  # type: ignore[arg-type]


def test_half_a_bulk_price_is_none() -> None:
    assert choose_unit_price(99, unit_price=D(10), bulk_price=D(9), bulk_quantity=None) == (D(10), False)
    assert choose_unit_price(99, unit_price=D(10), bulk_price=None, bulk_quantity=1) == (D(10), False)


def test_each_line_is_rounded_half_up_by_itself() -> None:
    line = price_line(3, unit_price=D("0.335"))
    assert (line.line_total, line.is_bulk_price, line.unit_price) == (D("1.01"), False, D("0.335"))
    totals = calculate_totals([line.line_total, line.line_total])
    assert totals.subtotal == D("2.02")


def test_a_total_is_goods_less_discount_plus_fee() -> None:
    totals = calculate_totals([D("100.00"), D("50.50")], discount=D("10.25"), delivery_fee=D("25.00"))
    assert (totals.subtotal, totals.discount_amount, totals.delivery_fee, totals.total_amount) == (
        D("150.50"),
        D("10.25"),
        D("25.00"),
        D("165.25"),
    )


def test_no_lines_cost_nothing() -> None:
    assert calculate_totals([]).total_amount == ZERO


def test_a_discount_that_outgrew_the_goods_leaves_nothing_to_pay() -> None:
    assert calculate_totals([D("10.00")], discount=D("50.00"), delivery_fee=D("25.00")).total_amount == ZERO


def test_delivery_is_free_from_the_minimum_on_before_any_discount() -> None:
    assert calculate_delivery_fee(D("299.99"), free_from=D("300.00"), fee=D("25.00")) == D("25.00")
    assert calculate_delivery_fee(D("300.00"), free_from=D("300.00"), fee=D("25.00")) == ZERO


def test_an_order_too_dear_to_keep_is_refused() -> None:
    most = price_line(100_000, unit_price=MOST_MONEY).line_total
    with pytest.raises(InvalidInput) as refusal:
        calculate_totals([most])
    assert refusal.value.code == "order_too_large"
    assert calculate_totals([MOST_MONEY]).total_amount == MOST_MONEY
    with pytest.raises(InvalidInput):
        calculate_totals([MOST_MONEY], delivery_fee=D("0.01"))


def test_a_discount_is_bounded_by_the_goods_and_by_the_giver() -> None:
    check_discount(D("100.00"), D("100.00"))
    check_discount(D("15.00"), D("100.00"), most_percent=15)
    check_discount(ZERO, ZERO, most_percent=15)
    with pytest.raises(InvalidInput) as refusal:
        check_discount(D("100.01"), D("100.00"))
    assert refusal.value.fields == {"discount_amount": "must be at most $100.00 (the value of the goods)"}
    with pytest.raises(InvalidInput) as refusal:
        check_discount(D("15.01"), D("100.00"), most_percent=15)
    assert refusal.value.fields == {"discount_amount": "must be at most $15.00 (15% of the goods)"}
    with pytest.raises(InvalidInput) as refusal:
        check_discount(D("-0.01"), D("100.00"))
    assert refusal.value.fields == {"discount_amount": "must be at least 0"}


@given(st.lists(st.tuples(QUANTITIES, PRICES), max_size=30), PRICES, PRICES)
def test_totals_always_add_up_in_cents(lines: list[tuple[int, D]], discount: D, fee: D) -> None:
    priced = [price_line(quantity, unit_price=price) for quantity, price in lines]
    totals = calculate_totals([line.line_total for line in priced], discount=discount, delivery_fee=fee)
    assert totals.subtotal == sum((price * quantity for quantity, price in lines), ZERO)
    assert totals.total_amount == max(ZERO, totals.subtotal - discount + fee)
    assert totals.total_amount == round_half_up(totals.total_amount)


@given(QUANTITIES, st.decimals(min_value=0, max_value=100, places=4))
def test_a_line_is_never_half_a_cent_off(quantity: int, price: D) -> None:
    line = price_line(quantity, unit_price=price)
    assert abs(line.line_total - price * quantity) <= D("0.005")
    assert line.line_total == round_half_up(line.line_total)


@given(QUANTITIES, PRICES, st.none() | PRICES, st.none() | QUANTITIES)
def test_a_line_takes_one_of_the_catalogues_prices(
    quantity: int, unit_price: D, bulk_price: D | None, bulk_quantity: int | None
) -> None:
    line = price_line(quantity, unit_price=unit_price, bulk_price=bulk_price, bulk_quantity=bulk_quantity)
    earns_bulk = bulk_price is not None and bulk_quantity is not None and quantity >= bulk_quantity
    # Old data may have a bulk price above the unit price: the lower one is taken.
    earns_bulk = earns_bulk and bulk_price is not None and bulk_price <= unit_price
    assert line.is_bulk_price is earns_bulk
    assert line.unit_price == (bulk_price if earns_bulk else unit_price)
