"""Due dates of subscriptions: changes of the clocks, leap days, ends of months, and schedulers that missed days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from domain.kernel.clock import business_date
from domain.subscriptions import renew, settle
from domain.subscriptions.dates import choose_next_date, has_renewing_begun
from domain.subscriptions.renew import process_due
from models import JobRun, JobState, Renewal, Subscription
from tasks.job import JOBS, Work
from tasks.jobs import subscriptions as renewing
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories.orders import RULES

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("due", "interval", "renewed_on", "following"),
    [
        (date(2026, 3, 1), 7, date(2026, 3, 1), date(2026, 3, 8)),  # the night of 23 hours
        (date(2026, 3, 8), 30, date(2026, 3, 8), date(2026, 4, 7)),
        (date(2026, 10, 25), 7, date(2026, 10, 25), date(2026, 11, 1)),  # the night of 25 hours
        (date(2026, 11, 1), 365, date(2026, 11, 1), date(2027, 11, 1)),
        (date(2028, 2, 15), 14, date(2028, 2, 15), date(2028, 2, 29)),
        (date(2028, 2, 29), 365, date(2028, 2, 29), date(2029, 2, 28)),
        (date(2027, 2, 15), 14, date(2027, 2, 15), date(2027, 3, 1)),
        (date(2026, 1, 31), 30, date(2026, 1, 31), date(2026, 3, 2)),
        (date(2026, 12, 31), 31, date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 6, 1), 30, date(2026, 6, 4), date(2026, 7, 1)),  # three days late: the rhythm stays
        (date(2026, 6, 1), 7, date(2026, 6, 8), date(2026, 6, 15)),  # late by an interval: it begins again
        (date(2026, 6, 1), 7, date(2026, 6, 20), date(2026, 6, 27)),
    ],
)
def test_the_next_date_is_an_interval_later(due: date, interval: int, renewed_on: date, following: date) -> None:
    assert choose_next_date(due, interval, renewed_on=renewed_on) == following


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [(date(2026, 3, 7), 13), (date(2026, 3, 8), 12), (date(2026, 10, 31), 12), (date(2026, 11, 1), 13)],
)
def test_renewing_begins_at_seven_of_the_wall_clock(day: date, utc_hour: int) -> None:
    first = datetime(day.year, day.month, day.day, utc_hour, tzinfo=UTC)
    assert not has_renewing_begun(first - timedelta(minutes=1), CHICAGO)
    assert has_renewing_begun(first, CHICAGO)
    hours = [first.replace(hour=0, minute=0) + timedelta(hours=hour) for hour in range(48)]
    begun = [hour for hour in hours if business_date(hour, CHICAGO) == day and has_renewing_begun(hour, CHICAGO)]
    assert (begun[0], len(begun)) == (first, 17)


async def test_a_scheduler_that_slept_three_days_renews_once(committed: Any, stripe_settings: Any, monkeypatch) -> None:
    slept_until = datetime(2028, 3, 3, 15, tzinfo=UTC)
    today = date(2028, 3, 3)
    for module in (renew, settle):
        monkeypatch.setattr(module, "business_today", lambda _: today)
    monkeypatch.setattr(settle, "now", lambda: slept_until)
    async with committed.session() as db:
        await subscribe(db, stripe_settings, next_renewal_date=date(2028, 2, 29), interval_days=14)
        await subscribe(db, stripe_settings, next_renewal_date=date(2028, 2, 25), interval_days=7)
        await subscribe(db, stripe_settings, next_renewal_date=date(2028, 3, 4))
    assert [result.status for result in await process_due(stripe_settings, rules=RULES)] == ["succeeded", "succeeded"]
    assert await process_due(stripe_settings, rules=RULES) == []
    async with committed.session() as db:
        dates = (await db.scalars(select(Subscription.next_renewal_date).order_by(Subscription.id))).all()
        assert list(dates) == [date(2028, 3, 14), date(2028, 3, 10), date(2028, 3, 4)]
        assert await db.scalar(select(func.count()).select_from(Renewal)) == 2


async def test_the_job_renews_once_a_day_also_when_the_worker_slept_over_the_hour(
    db: Any, stripe_settings: Any, monkeypatch
) -> None:
    work = Work(1, {}, stripe_settings)
    renew_job = JOBS["process_due_renewals"].run
    monkeypatch.setattr(renewing, "now", lambda: datetime(2026, 6, 1, 11, 59, tzinfo=UTC))
    assert (await renew_job(work) or {}).keys() == {"skipped"}
    monkeypatch.setattr(renewing, "now", lambda: datetime(2026, 6, 1, 20, 0, tzinfo=UTC))
    assert await renew_job(work) == {"processed": 0, "failed": 0}
    for result in ({"skipped": "renewals run at 07:00"}, {"processed": 0, "failed": 0}):
        finished = datetime.now(UTC)
        db.add(
            JobRun(
                name="process_due_renewals", payload={}, state=JobState.DONE, finished_at=finished, result=result
            )
        )  # fmt: skip
        await db.flush()
        assert ("processed" in (await renew_job(work) or {})) is ("skipped" in result)
