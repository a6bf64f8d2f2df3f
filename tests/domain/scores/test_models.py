"""The models of repeat purchases against what their authors published."""

import csv
from pathlib import Path

import numpy as np
import pytest

from domain.scores.bgnbd import chance_alive, expect_orders, fit
from domain.scores.gamma_gamma import expect_worth, fit_worth
from domain.scores.shapes import Rhythm, Worth
from domain.scores.tiers import choose_tiers
from models import Tier

CDNOW = Path(__file__).parents[2] / "data" / "cdnow" / "customers_summary.csv"
SAMPLE = CDNOW.with_name("sample.txt")


@pytest.fixture(scope="module")
def rhythm() -> Rhythm:
    rows = list(csv.DictReader(CDNOW.open()))
    columns = (np.array([float(row[name]) for row in rows]) for name in ("frequency", "recency", "T"))
    return fit(*columns)


def test_cdnow_has_the_published_parameters(rhythm) -> None:
    assert [round(value, 3) for value in (rhythm.r, rhythm.alpha, rhythm.a, rhythm.b)] == [0.243, 4.414, 0.793, 2.426]
    assert round(rhythm.log_likelihood, 2) == -9582.43


def test_a_published_customer_is_expected_to_buy_as_published(rhythm) -> None:
    customer = (np.array([2.0]), np.array([30.43]), np.array([38.86]))
    assert round(float(expect_orders(rhythm, *customer, weeks=39)[0]), 3) == 1.226
    assert round(float(chance_alive(rhythm, *customer)[0]), 4) == 0.7266


def test_equal_histories_may_be_counted_by_weight() -> None:
    frequency, recency, age = np.array([0.0, 2.0, 2.0]), np.array([0.0, 10.0, 10.0]), np.array([20.0, 20.0, 20.0])
    one_by_one = fit(frequency, recency, age)
    weighted = fit(frequency[:2], recency[:2], age[:2], np.array([1.0, 2.0]))
    assert weighted.log_likelihood == pytest.approx(one_by_one.log_likelihood, rel=1e-6)


def test_few_histories_of_the_same_pace_are_expected_to_go_on_at_it() -> None:
    """Their maximum lies at infinity: everybody buys at the same rate, four orders in three times twenty weeks, and
    nobody leaves. Far out a likelihood is nothing but rounding, which promised some customers 10^18 orders."""
    histories = (np.array([0.0, 2.0, 2.0]), np.array([0.0, 10.0, 10.0]), np.array([20.0, 20.0, 20.0]))
    rhythm = fit(*histories)
    assert rhythm.log_likelihood == pytest.approx(4 * np.log(4 / 60) - 4, rel=1e-3)
    assert expect_orders(rhythm, *histories, weeks=15) == pytest.approx([1.0, 1.0, 1.0], rel=0.01)
    assert chance_alive(rhythm, *histories) == pytest.approx([1.0, 1.0, 1.0], rel=1e-6)


def test_order_days_that_are_all_worth_the_same_are_expected_to_stay_so() -> None:
    often, worth = np.array([1.0, 2.0, 3.0, 5.0]), np.full(4, 50.0)
    model = fit_worth(often, worth)
    assert max(model.p, model.q) < 8200
    assert expect_worth(model, often, worth) == pytest.approx(worth, rel=1e-3)


def test_one_order_leaves_no_doubt_by_the_model_and_a_equal_to_one_divides_nothing() -> None:
    model = Rhythm(0.5, 5.0, 1.0, 2.0, 0.0)
    nothing = (np.array([0.0]), np.array([0.0]), np.array([30.0]))
    assert chance_alive(model, *nothing)[0] == 1.0
    assert 0 < expect_orders(model, *nothing, weeks=10)[0] < 10


def test_the_worth_of_cdnows_customers_is_as_published() -> None:
    """P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value", 2013: p, q and gamma of CDNOW, and
    what its spreadsheet expects of the first ten customers."""
    spent: dict[str, dict[str, float]] = {}
    for line in SAMPLE.read_text().splitlines():
        _, customer, day, _, dollars = line.split()
        if day <= "19970930":
            days = spent.setdefault(customer, {})
            days[day] = days.get(day, 0.0) + float(dollars)
    repeats = [[days[day] for day in sorted(days)[1:]] for days in spent.values()]
    frequency = np.array([float(len(values)) for values in repeats])
    value = np.array([sum(values) / max(len(values), 1) for values in repeats])
    came_back = frequency > 0
    model = fit_worth(frequency[came_back], value[came_back])
    assert (round(model.p, 2), round(model.q, 2), round(model.v, 2)) == (6.25, 3.74, 15.44)
    expected = [round(float(worth), 2) for worth in expect_worth(model, frequency, value)[:10]]
    assert expected == [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]


def test_the_value_of_order_days_is_found_again_in_simulated_ones() -> None:
    draw = np.random.default_rng(1)
    days = draw.integers(1, 8, 20_000).astype(float)
    rate = draw.gamma(3.74, 1 / 15.45, 20_000)
    found = fit_worth(days, draw.gamma(6.25 * days, 1 / (rate * days)))
    assert (found.p, found.q, found.v) == pytest.approx((6.25, 3.74, 15.45), rel=0.07)


def test_few_orders_lean_to_the_mean_of_all() -> None:
    model = Worth(6.25, 3.74, 15.45)
    everybody = 6.25 * 15.45 / (3.74 - 1)
    none, one, many = expect_worth(model, np.array([0.0, 1.0, 200.0]), np.array([0.0, 100.0, 100.0]))
    assert none == pytest.approx(everybody)
    assert everybody < one < many < 100


def test_the_first_rule_that_fits_names_the_tier() -> None:
    frequency = np.array([0, 2, 9, 9, 9, 9, 9, 1], dtype=float)
    alive = np.array([1.0, 0.3, 0.8, 0.8, 0.5, 0.2, 0.5, 0.2])
    value = np.array([1, 1, 99, 0, 1, 1, 1, 1], dtype=float)
    overdue = np.array([False, False, False, False, True, True, False, True])
    assert choose_tiers(frequency, alive, value, overdue) == [
        Tier.NEW, Tier.PROMISING, Tier.CHAMPION, Tier.LOYAL, Tier.AT_RISK, Tier.DORMANT, Tier.STEADY, Tier.DORMANT,
    ]  # fmt: skip
