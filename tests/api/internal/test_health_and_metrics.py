"""Health says whether to send requests here; metrics are for who has the token."""

import os
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from domain.jobs.enqueue import enqueue
from domain.kernel.clock import now
from domain.system import health
from domain.system.health import DISK_FULL, Readiness, _refused_at, note_refusal, wait_for_schema
from models import JobRun, Order, Payment
from models.migrations import list_steps
from models.session import Database, use_database
from tests.factories import make_product
from tests.factories.orders import make_order


@pytest.fixture
def with_token(app, settings):
    app.config["SETTINGS"] = settings.model_copy(update={"metrics_token": "the metrics token"})
    yield
    app.config["SETTINGS"] = settings


async def test_a_process_that_lives_says_so_without_a_database(app) -> None:
    use_database(Database("postgresql+asyncpg://nobody@127.0.0.1:1/none"))
    client = app.test_client()
    assert (await client.get("/healthz")).status_code == 200
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert (await answer.get_json())["database"] is False


async def test_a_migrated_database_makes_a_server_ready(client) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert await answer.get_json() == {
        "status": "ready",
        "database": True,
        "migrated": True,
        "queue_age_seconds": None,
        "jobs_overdue": False,
        "disk_full": False,
        "replica": None,
        "timetable": {},
        "timetable_late": [],
    }


async def test_the_timetable_says_when_each_of_its_jobs_last_succeeded(client, db) -> None:
    entry = "INSERT INTO pgqueuer_schedules (expression, entrypoint, created) VALUES (:cron, :name, :at)"
    for name, cron, minutes in (("fresh", "*/2 * * * *", 3), ("dead", "*/5 * * * *", 13), ("daily", "40 8 * * *", 900)):
        await db.execute(text(entry), {"cron": cron, "name": name, "at": now() - timedelta(minutes=minutes)})
    for name, minutes in (("fresh", 3), ("dead", 13), ("dead", 20)):
        run = JobRun(name=name, payload={}, state="done", finished_at=now() - timedelta(minutes=minutes))
        db.add(run)
    await db.commit()
    found = await (await client.get("/readyz")).get_json()
    assert {name: age and round(age / 60) for name, age in found["timetable"].items()} == {
        "daily": None,
        "dead": 13,
        "fresh": 3,
    }
    assert found["timetable_late"] == ["dead"]
    metrics = await (await client.get("/metrics", scope_base={"client": ("127.0.0.1", 1)})).get_data(as_text=True)
    assert 'ladle_timetable_age_seconds{job="dead"}' in metrics


async def test_a_full_disk_is_told(client) -> None:
    note_refusal(DISK_FULL)
    assert (await (await client.get("/readyz")).get_json())["disk_full"] is True
    _refused_at.clear()


async def test_a_server_waits_until_another_program_has_migrated(monkeypatch) -> None:
    asked: list[bool] = []

    async def answer() -> Readiness:
        asked.append(len(asked) == 2)
        return Readiness(database=bool(asked[1:]), migrated=asked[-1])

    monkeypatch.setattr(health, "check_readiness", answer)
    await wait_for_schema(60)
    assert asked == [False, False, True]


async def test_a_server_that_is_not_to_wait_asks_nothing(monkeypatch) -> None:
    monkeypatch.setattr(health, "check_readiness", None)
    await wait_for_schema(0)


async def test_an_older_schema_is_not_ready(client, db) -> None:
    before = list_steps(after=None)[-2].revision
    await db.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})
    await db.commit()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert (await answer.get_json())["migrated"] is False


async def test_a_server_goes_on_over_the_schema_of_a_release_that_comes_next(client, db) -> None:
    await db.execute(text("UPDATE alembic_version SET version_num = 'of_the_next_release'"))
    await db.commit()
    answer = await client.get("/readyz")
    assert (answer.status_code, (await answer.get_json())["migrated"]) == (200, True)


async def test_jobs_that_nobody_does_are_told_but_do_not_take_the_server_away(client, db) -> None:
    await enqueue(db, "double", {})
    await db.execute(text("UPDATE pgqueuer SET execute_after = now() - interval '11 minutes'"))
    await db.commit()
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    found = await answer.get_json()
    assert found["jobs_overdue"] is True
    assert found["queue_age_seconds"] >= 660


async def test_metrics_count_requests_by_route_and_what_is_open(client, db) -> None:
    await enqueue(db, "double", {})
    await db.commit()
    await client.get("/portal/orders/LLD-7KQ4-M9XD")
    await client.get("/no/such/page")
    answer = await client.get("/metrics", scope_base={"client": ("127.0.0.1", 1)})
    assert answer.status_code == 200
    lines = (await answer.get_data(as_text=True)).splitlines()
    assert 'ladle_jobs{state="queued"} 1.0' in lines
    assert "ladle_queue_depth 1.0" in lines
    assert any(line.startswith('ladle_requests_total{method="GET",route="unmatched",status="404"}') for line in lines)
    assert not any("M9XD" in line or "no/such" in line for line in lines)


async def test_without_a_token_metrics_are_for_this_machine_alone(client) -> None:
    answer = await client.get("/metrics", scope_base={"client": ("203.0.113.9", 1)})
    assert answer.status_code == 403


async def test_with_a_token_metrics_want_it(client, with_token) -> None:
    assert (await client.get("/metrics")).status_code == 401
    wrong = await client.get("/metrics", headers={"Authorization": "Bearer another token"})
    assert wrong.status_code == 401
    right = await client.get("/metrics", headers={"Authorization": "Bearer the metrics token"})
    assert right.status_code == 200


async def test_metrics_count_orders_money_connections_and_processes(client, db) -> None:
    placed = await make_order(db, (await make_product(db, stock=9), 3))
    order = await db.get_one(Order, placed.written.id)
    old = await make_order(db, (await make_product(db, stock=9), 1))
    (await db.get_one(Order, old.written.id)).created_at = now() - timedelta(hours=2)
    for amount in (Decimal("40.00"), Decimal("-7.50")):
        back, why = ("allowance", "goodwill") if amount < 0 else (None, None)
        db.add(
            Payment(order_id=order.id, amount=amount, method="check", state="succeeded", given_back=back, given_for=why)
        )
    await db.commit()
    answer = await client.get("/metrics", scope_base={"client": ("127.0.0.1", 1)})
    lines = (await answer.get_data(as_text=True)).splitlines()
    assert "ladle_orders_last_hour 1.0" in lines
    assert f"ladle_order_dollars_last_hour {float(order.total_amount)}" in lines
    assert f"ladle_orders_total {float(old.written.id)}" in lines
    assert 'ladle_money_dollars_last_hour{direction="received"} 40.0' in lines
    assert 'ladle_money_dollars_last_hour{direction="given_back"} 7.5' in lines
    assert "ladle_jobs_stale 0.0" in lines
    assert any(line.startswith(f'ladle_process_resident_bytes{{pid="{os.getpid()}"}}') for line in lines)
    figures = dict(line.rsplit(" ", 1) for line in lines if line.startswith("ladle_database_"))
    connections, most = (float(figures[f"ladle_database_connections{end}"]) for end in ("", "_most"))
    assert 0 < connections < most
