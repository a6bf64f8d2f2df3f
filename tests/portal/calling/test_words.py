"""The words of the calling screens for calling hours, time zones, objections and a customer's usual order day."""

from decimal import Decimal

import pytest

from domain.calling.segments import CallerDay, UsualDay
from domain.calling.zones import find_zones
from portal.calling.day_figures import make_figures
from portal.calling.words import describe_zones, part_objections


@pytest.mark.parametrize(
    ("phone", "zip_code", "words"),
    [
        ("+19185550127", "74104-1234", "Central, by ZIP 74104; area code 918 agrees"),
        ("+14155550148", "10001", "Eastern, by ZIP 10001, and Pacific by area code 415: calls must be allowed in both"),
        ("+12705550100", "", "Central and Eastern, by area code 270"),
        ("+18005550148", "", "Not known: calls must be allowed in every US time zone"),
        ("+18005550148", "60601", "Central, by ZIP 60601"),
        (None, "", "Not known: calls must be allowed in every US time zone"),
    ],
)
def test_a_zone_is_named_with_what_says_so(phone: str | None, zip_code: str, words: str) -> None:
    assert describe_zones(phone, zip_code, find_zones(phone, zip_code)) == words


def test_objections_stand_below_a_line_of_their_own() -> None:
    script = "Hi {contact}.\r\n\r\n## Objections:\r\n\r\nToo dear: bulk prices.\r\n\r\nObjections end here."
    assert part_objections(script) == ("Hi {contact}.\n", "\nToo dear: bulk prices.\n\nObjections end here.")
    assert part_objections("Ask for objections.") == ("Ask for objections.", "")


DAY = CallerDay(35, 7, Decimal("2714.80"))


def test_a_day_is_held_against_a_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.calling.day_figures.may", lambda *_: False)
    monkeypatch.setattr("portal.calling.day_figures.current_actor", lambda: None)

    def say(day: CallerDay, usual: UsualDay | None) -> list[str]:
        figures = make_figures(day, usual, Decimal("95.02"), day_word="Monday")
        return [f"{figure.value} {figure.arrow} {figure.change} {figure.was}" for figure in figures]

    assert say(DAY, UsualDay(28.75, 5.0, Decimal("2324.65"))) == [
        "35 up 6 on a usual Monday",
        "7 up 2 on a usual Monday",
        "20.0% up 2.6 points from 17.4%",
        "$2,714.80 up $390.15 from $2,324.65",
        "$95.02   due when paid",
    ]
    assert say(CallerDay(1, 0, Decimal(0)), UsualDay(2.0, 0.0, Decimal(0)))[:2] == [
        "1 down 1 on a usual Monday",
        "0   as usual",
    ]
    assert say(DAY, None)[0] == "35   today"
