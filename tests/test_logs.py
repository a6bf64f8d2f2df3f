"""A line of the log says what happened to which request, and nothing of what was sent."""

import logging
from collections.abc import Iterator

import orjson
import pytest

from logs import OURS, JsonLines, configure_logging, logging_about
from models import Role
from tests.factories import make_customer, make_staff, sign_in


class Kept(logging.Handler):
    """Keeps the lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def kept():
    handler = Kept()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def debugging() -> Iterator[Kept]:
    """Logging as the program sets it up with LOG_LEVEL=debug, with its lines kept."""
    root = logging.getLogger()
    before = root.level, root.handlers
    configure_logging("debug")
    handler = Kept()
    root.handlers = [handler]
    yield handler
    for name in (*OURS, "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.setLevel(before[0])
    root.handlers = before[1]


async def test_each_request_is_one_line_with_its_actor_route_and_status(client, db, kept) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, admin)
    answer = await client.get("/api/staff/me?secret=hush", headers={"X-Request-Id": "abcdef123456"})
    assert answer.status_code == 200
    [line] = [orjson.loads(line) for line in kept.lines if orjson.loads(line)["logger"] == "access"]
    assert line.pop("duration_ms") >= 0
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "access",
        "message": "GET /api/staff/me",
        "request_id": "abcdef123456",
        "actor": f"staff:{admin.id}",
        "method": "GET",
        "route": "/api/staff/me",
        "status": 200,
    }


async def test_what_people_send_is_in_no_line(client, kept) -> None:
    await client.post("/api/staff/login?token=hush-one", json={"username": "kim", "password": "hush-two"})
    await client.get("/pay/hush-three")
    assert kept.lines
    assert not any("hush" in line for line in kept.lines)


async def test_no_library_writes_down_what_a_payment_holds_though_we_debug(client, db, stripe, debugging) -> None:
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    body = {"amount": 12.5, "customer_name": "Hush One", "customer_email": "hush-two@lantern.example"}
    answer = await client.post("/api/payments/create-intent", json=body)
    secret = (await answer.get_json())["client_secret"]
    assert [orjson.loads(line)["logger"] for line in debugging.lines] == ["access"]
    written = "".join(debugging.lines).lower()
    assert secret not in written
    assert "hush" not in written


def test_what_we_say_ourselves_is_heard_at_the_level_that_is_set(debugging) -> None:
    for name in ("web.errors", "domain.payments.reconcile", "postgres.embedded", "portal.live", "tasks.worker"):
        logging.getLogger(name).debug("Ours")
    for name in ("botocore.endpoint", "aiosmtplib", "uvicorn.error", "sqlalchemy.engine.Engine"):
        logging.getLogger(name).debug("Theirs")
    assert {orjson.loads(line)["message"] for line in debugging.lines} == {"Ours"}
    assert len(debugging.lines) == 5


def test_a_jobs_lines_name_the_job(kept) -> None:
    with logging_about(job="send_message", job_id=7):
        logging.getLogger("tasks").warning("It failed", extra={"tries": 2})
    logging.getLogger("tasks").warning("Another")
    first, second = (orjson.loads(line) for line in kept.lines)
    assert (first["job"], first["job_id"], first["tries"]) == ("send_message", 7, 2)
    assert "job" not in second


def test_an_error_is_one_line_with_its_trace(kept) -> None:
    try:
        raise ValueError("wrong\nin two lines")
    except ValueError:
        logging.getLogger("tasks").exception("It broke")
    [line] = kept.lines
    assert "\n" not in line
    assert "ValueError: wrong" in orjson.loads(line)["error"]
