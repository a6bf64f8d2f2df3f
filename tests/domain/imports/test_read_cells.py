"""The cells of books: what is no moment is a bad row, and never the end of the import."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.imports.read_cells import read_moment
from integrations import easypost_answers

CHICAGO, KIRITIMATI = ZoneInfo("America/Chicago"), ZoneInfo("Pacific/Kiritimati")


@pytest.mark.parametrize(
    ("cell", "zone", "moment"),
    [
        ("2026-11-24", CHICAGO, datetime(2026, 11, 24, 18, tzinfo=UTC)),
        ("11/24/2026", CHICAGO, datetime(2026, 11, 24, 18, tzinfo=UTC)),
        ("2026-11-01T01:30:00-06:00", CHICAGO, datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
        ("0001-01-01", CHICAGO, datetime(1, 1, 1, 17, 50, 36, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", CHICAGO, None),
        ("9999-12-31T23:00:00", CHICAGO, None),
        ("9999-12-31T23:00:00-14:00", CHICAGO, None),
        ("0001-01-01T00:00:00", KIRITIMATI, datetime(1, 1, 1, 10, 29, 20, tzinfo=UTC)),
        ("2026-02-30", CHICAGO, None),
        ("2026-11-24T25:00:00", CHICAGO, None),
        ("soon, perhaps", CHICAGO, None),
    ],
)
def test_a_moment_is_read_or_is_none(cell: str, zone: ZoneInfo, moment: datetime | None) -> None:
    assert read_moment(cell, zone) == moment


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", "soon", ""])
def test_a_carriers_moment_that_no_clock_shows_is_none(text: str) -> None:
    assert easypost_answers._moment(text) is None
