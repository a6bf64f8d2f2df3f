"""Reading dates from imported cells: a value that is no date makes a bad row and does not end the import."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.imports import customers, orders
from domain.imports.kinds import BadRow, Setting
from domain.imports.read_cells import drop_decimals, read_moment
from domain.kernel.actor import SYSTEM
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


@pytest.mark.parametrize(
    ("cell", "hour", "placed"),
    [
        ("2026-11-24", 9, datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("11/24/2026", 9, datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("2026-11-24", 13, datetime(2026, 11, 24, 18, tzinfo=UTC)),
        ("2026-11-23", 9, datetime(2026, 11, 23, 18, tzinfo=UTC)),
        ("2026-11-25", 9, None),
        ("2026-11-24T09:30", 9, None),
    ],
)
def test_an_order_of_today_is_taken_in_the_morning_too(
    monkeypatch, cell: str, hour: int, placed: datetime | None
) -> None:
    monkeypatch.setattr(orders, "now", lambda: datetime(2026, 11, 24, hour, tzinfo=CHICAGO).astimezone(UTC))
    cells = {"order_number": "A-1", "order_date": cell, "customer_name": "Ann", "description": "Pan", "quantity": "1"}
    setting = Setting(CHICAGO, SYSTEM, 1)
    if placed is None:
        with pytest.raises(BadRow) as refusal:
            orders.read_order_row(cells | {"unit_price": "1"}, setting)
        assert refusal.value.faults == {"order_date": "is in the future"}
    else:
        assert orders.read_order_row(cells | {"unit_price": "1"}, setting).placed_at == placed


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("3125550142.0", "3125550142"),
        ("+13125550142.00", "+13125550142"),
        ("60607.0", "60607"),
        ("312.555.0142", "312.555.0142"),
        ("3125550142.5", "3125550142.5"),
        ("Anna.0", "Anna.0"),
        ("", ""),
    ],
)
def test_a_number_that_a_program_wrote_with_decimals_is_its_digits(cell: str, kept: str) -> None:
    assert drop_decimals(cell) == kept


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", "soon", ""])
def test_a_carriers_moment_that_no_clock_shows_is_none(text: str) -> None:
    assert easypost_answers._moment(text) is None


def test_names_of_files_are_kept_like_typed_ones() -> None:
    cells = {"email": "a@b.example", "company_name": "Cafe\u0301 \u202eelpaM\u202c", "first_name": "\u200b"}
    person = customers.read_customer(cells, Setting(CHICAGO, SYSTEM, 1))
    assert (person.company_name, person.first_name) == ("Caf\u00e9 elpaM", "")
    cells = {
        "order_number": "A-1",
        "order_date": "2024-03-18",
        "quantity": "1",
        "unit_price": "1",
        "description": "Pan",
    }
    assert orders.read_order_row(cells | {"company": "Acme\u200e"}, Setting(CHICAGO, SYSTEM, 1)).company == "Acme"
