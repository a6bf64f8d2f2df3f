"""The calendar of the next 30 days: whole weeks, what is late on today, and from when on the stock is short."""

from datetime import date, timedelta
from decimal import Decimal

from domain.subscriptions.overview import DueDay, lay_out_weeks


def test_weeks_begin_on_sunday_and_end_after_thirty_days() -> None:
    today = date(2026, 11, 23)  # a Monday
    last = date(2026, 12, 23)
    days = [DueDay(today, 2, Decimal("15.50")), DueDay(last, 2, Decimal(7))]
    weeks = lay_out_weeks(days, today)
    assert (len(weeks), weeks[0][0][0], weeks[-1][-1][0]) == (5, date(2026, 11, 22), date(2026, 12, 26))
    assert [cell[2] for cell in weeks[0]] == [True] + [False] * 6
    cells = {day: due for week in weeks for day, due, _ in week}
    assert (cells[today], cells[last], cells[last + timedelta(days=1)]) == (*days, None)
