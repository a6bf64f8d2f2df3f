"""The proofs, small: the same code that `make prove` runs at full size."""

import pytest

from proofs import (
    bank,
    books,
    calling,
    circles,
    commissions,
    crash,
    customer_lists,
    fuzz,
    hostile,
    imports,
    invoices,
    oversell,
    payments,
    people,
    plans,
    profit,
    renewals,
    restarts,
    scores,
    sync,
    uploads,
    voice,
    voice_calls,
    warehouse,
    webhooks_out,
)
from proofs.hostile_texts import JSONS, TEXTS


async def test_the_last_units_are_never_sold_twice() -> None:
    await oversell.prove(buyers=30, units=7, hot_orders=30, hot_skus=4)


async def test_a_killed_server_loses_no_order_and_doubles_none() -> None:
    await crash.prove(orders=30, kills=2)


async def test_a_restart_of_the_database_loses_no_order_and_doubles_none() -> None:
    await restarts.prove(restarts=1, seconds=None, ticks=False)


async def test_many_rows_are_synced_by_as_many_statements_as_few() -> None:
    await sync.prove(rows=600, few=20, seconds=None, rounds=1)


async def test_no_hostile_file_is_taken_for_a_picture() -> None:
    await uploads.prove(rounds=2, small=True)


async def test_an_order_confirmed_four_ways_at_once_is_paid_once() -> None:
    await payments.prove_one(payments.confirm_four_ways, 8)


async def test_a_voice_agent_that_repeats_itself_places_one_order() -> None:
    await voice.prove(repeats=20)
    assert voice.count_leaks(200) == 0


async def test_calls_are_kept_once_and_no_card_or_order_to_the_judge_gets_through() -> None:
    await voice_calls.prove(calls=20, cards=20, injections=8)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_events_shuffled_and_repeated_end_as_in_order() -> None:
    await payments.prove_one(payments.shuffle_events, 40)


async def test_lost_answers_of_stripe_are_found_and_nothing_is_done_twice() -> None:
    await payments.prove_one(payments.lose_answers, 10)


async def test_each_due_renewal_is_charged_once_through_a_kill_and_lost_answers() -> None:
    await payments.prove_one(renewals.renew_all_once, 20)


async def test_scores_are_found_again_in_simulated_customers_and_hold_for_weeks_they_have_not_seen() -> None:
    await scores.prove(customers=20_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_banks_that_decide_days_later_end_each_order_once() -> None:
    await payments.prove_one(renewals.hear_banks_late, 12)


async def test_every_event_reaches_a_receiver_that_fails_hangs_and_is_down() -> None:
    await webhooks_out.prove(orders=12)


async def test_credit_is_spent_once_whoever_asks_at_once() -> None:
    await payments.prove_one(payments.rival_for_credit, 40)


async def test_labels_are_bought_once_events_end_alike_and_two_packers_count_once() -> None:
    await warehouse.prove(labels=12, events=24, rounds=8)


async def test_the_list_of_customers_goes_by_index_however_it_is_asked() -> None:
    await customer_lists.prove(customers=1_200, orders=12_000)


async def test_merges_lose_no_cent_and_no_mark_comes_off() -> None:
    await people.prove(merges=12, marks=12)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_imports_add_up_after_kills_and_a_round_trip_changes_nothing() -> None:
    await imports.prove(customers=2_000, orders=1_500, kills=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_whatever_is_sent_is_never_a_500() -> None:
    await fuzz.prove(examples=2, whole=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_hostile_texts_are_kept_as_they_are_or_refused() -> None:
    await hostile.prove(every=16, doors=2, texts=TEXTS, jsons=JSONS)


async def test_the_books_add_up_after_random_acts_and_a_race_over_one_limit() -> None:
    await books.prove(acts=250, circles=8)


async def test_no_circle_of_acts_brings_a_customer_above_the_limit() -> None:
    await circles.prove(orders=24, circles=10, acts=12)


async def test_invoice_numbers_have_no_gap_and_money_at_once_adds_up() -> None:
    await invoices.prove(invoices=60, receipts=40, owed=120)


async def test_callers_never_meet_marks_hide_at_once_and_scores_are_recomputed() -> None:
    await calling.prove(claims=15, marks=15, reads=80, entries=500, events=2_000)


async def test_the_commission_ledger_is_the_sum_recomputed_and_a_locked_month_stays() -> None:
    await commissions.prove(orders=12)


async def test_bank_account_numbers_are_found_nowhere_but_sealed() -> None:
    await bank.prove(accounts=12)


async def test_the_lists_of_floor_and_callers_go_by_index_with_constant_statements() -> None:
    await plans.prove(orders=9_000, entries=500)


async def test_profit_and_stats_are_the_sums_of_their_rows_in_constant_statements() -> None:
    await profit.prove(orders=4_000)
