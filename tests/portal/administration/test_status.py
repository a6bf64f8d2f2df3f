"""The page of the program's state: what needs a person is said with what to do, and figures are those of the lists."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from domain.system.health import DISK_FULL, _refused_at, note_refusal
from domain.system.status import TimetableEntry
from models import JobRun, OutboxMessage, Role
from models.session import Database
from portal.administration.status import write_seconds, write_size, write_turn
from tests.factories import make_staff, sign_in
from tests.portal.forms import read_page
from tests.statements import noted_statements

PAGE = "/portal/status"
CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
async def admin(client: TestClientProtocol, db: AsyncSession) -> Any:
    person = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, person)
    return person


async def schedule(db: AsyncSession, name: str, cron: str, *, minutes: float) -> None:
    await db.execute(
        text("INSERT INTO pgqueuer_schedules (expression, entrypoint, created) VALUES (:cron, :name, :at)"),
        {"cron": cron, "name": name, "at": now() - timedelta(minutes=minutes)},
    )


def run(name: str, state: str, *, minutes: float = 1, took: float = 0) -> JobRun:
    ended = now() - timedelta(minutes=minutes)
    return JobRun(name=name, payload={}, state=state, started_at=ended - timedelta(seconds=took), finished_at=ended)


def squeeze(page: str) -> str:
    return " ".join(page.split())


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_only_administrators_see_it(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(PAGE)).status_code == 403


async def test_where_nothing_is_wrong_it_says_so(client: TestClientProtocol, admin: Any) -> None:
    page = await read_page(client, PAGE)
    assert "All well" in page
    assert "Needs you" not in page
    assert "No worker has started yet" in page


async def test_the_timetable_is_read_once(client: TestClientProtocol, database: Database, admin: Any) -> None:
    async with noted_statements(database) as statements:
        await read_page(client, PAGE)
    assert sum("pgqueuer_schedules" in text for text in statements) == 1


async def test_what_needs_a_person_stands_first_and_leads_to_its_rows(
    client: TestClientProtocol, db: AsyncSession, admin: Any
) -> None:
    await schedule(db, "send_reminders", "*/5 * * * *", minutes=60)
    await schedule(db, "fold_order_days", "*/5 * * * *", minutes=60)
    db.add_all([run("send_reminders", "failed"), run("send_reminders", "parked"), run("import_products", "failed")])
    db.add(run("fold_order_days", "done", took=75))
    message: dict[str, Any] = {
        "channel": "email",
        "kind": "test",
        "recipient": "kim@kitchen.example",
        "subject": "Your order",
    }
    db.add_all([OutboxMessage(**message, state=state) for state in ("failed", "failed", "queued")])
    await db.commit()
    page = squeeze(await read_page(client, PAGE))
    needs = page.partition("Needs you")[2].partition("Figures now")[0]
    for title, link in (
        ("3 jobs stopped", 'href="/portal/jobs"'),
        ("1 entry of the timetable late", 'href="#timetable"'),
        ("2 messages failed", 'href="/portal/outbox?state=failed"'),
    ):
        assert title in needs
        assert link in needs
    assert "Send reminders missed two turns" in needs
    assert "3 to see to" in page
    rows = page.partition("<tbody>")[2]
    assert rows.index("Send reminders") < rows.index("Fold order days")
    assert "1 min 15 s" in rows
    assert 'href="/portal/jobs?q=send_reminders&amp;state=attention"' in rows
    listed = await read_page(client, "/portal/jobs?q=send_reminders&state=attention")
    assert "1–2 of 2" in listed
    assert "1–2 of 2" in await read_page(client, "/portal/outbox?state=failed")


async def test_a_full_disk_is_said(client: TestClientProtocol, admin: Any) -> None:
    note_refusal(DISK_FULL)
    try:
        assert "The disk of the database is full" in await read_page(client, PAGE)
    finally:
        _refused_at.clear()


async def test_services_say_which_settings_they_lack(app: Quart, client: TestClientProtocol, admin: Any) -> None:
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = settings.model_copy(
        update={"twilio_account_sid": "AC1", "twilio_auth_token": "secret-token", "twilio_from": ""}
    )
    try:
        page = squeeze(await read_page(client, PAGE))
    finally:
        app.config["SETTINGS"] = settings
    assert "Set TWILIO_FROM<" in page
    assert "secret-token" not in page


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 min"),
        ("17 * * * *", "hourly"),
        ("5 14-22 * * *", "hourly by day"),
        ("10 8 * * *", "2:10\N{NO-BREAK SPACE}am"),
    ],
)
def test_a_turn_is_said_in_words_and_in_the_time_of_the_business(cron: str, said: str) -> None:
    entry = TimetableEntry("job", cron, None, None, 0, is_late=False)
    assert write_turn(entry, CHICAGO, datetime(2026, 11, 24, 12, tzinfo=UTC)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"), (0.24, "0.2 s"), (41.2, "41 s"), (59.7, "1 min"), (60, "1 min"), (232, "3 min 52 s"),
        (7_500, "2 h 5 min"), (518_400, "6 days"),
    ],
)  # fmt: skip
def test_a_stretch_of_time_is_said_in_its_largest_units(seconds: float | None, said: str) -> None:
    assert write_seconds(seconds) == said


def test_a_size_is_said_in_megabytes_or_gigabytes() -> None:
    assert [write_size(size) for size in (10, 84_200_000, 12_640_000_000)] == ["1 MB", "84 MB", "12.6 GB"]
