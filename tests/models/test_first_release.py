"""A database of the first release with its rows is upgraded to the newest schema and loses nothing."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from alembic import command
from sqlalchemy.exc import DBAPIError

from models.migrations import alembic_config, newest_revision, upgrade
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from tests.models.test_migrations import empty_database

FIRST_RELEASE = "0004"
ROWS = Path(__file__).parent / "first_release.sql"
# What a step changes on purpose, by table and id: a link in a mail that was sent is shown no more.
CHANGED = {("outbox_message", 1000): {"body_text"}}
MASKED = "https://shop.example/reset?token=\ufffc"


async def make_first_release(url: str) -> asyncpg.Connection:
    """A connection to the company as the first release left it."""
    await asyncio.to_thread(command.upgrade, alembic_config(url), FIRST_RELEASE)
    connection = await connect(url)
    await connection.execute(ROWS.read_text())
    return connection


async def read_rows(connection: asyncpg.Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by the table's name."""
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {
        name: [orjson.loads(row[0]) for row in await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{name}" AS t')]
        for (name,) in tables
        if name != "alembic_version"
    }


def is_kept(table: str, row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """True when one of the rows has every value of the old one; what is searched is made from them again."""
    changed = CHANGED.get((table, row.get("id", 0)), set()) | {"search_text"}
    names = [name for name in row if name not in changed]
    return any(all(name in other and other[name] == row[name] for name in names) for other in rows)


async def test_the_first_releases_company_is_whole_after_the_upgrade(postgres: EmbeddedPostgres) -> None:
    async with empty_database(postgres) as url:
        connection = await make_first_release(url)
        before = await read_rows(connection)
        await asyncio.to_thread(upgrade, url)
        after = await read_rows(connection)
        await connection.close()
    empty = {name for name, rows in before.items() if not rows}
    assert empty == {"pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"}
    lost = [(name, row) for name, rows in before.items() for row in rows if not is_kept(name, row, after[name])]
    assert lost == []
    # What the steps add to it.
    orders = {row["id"]: row for row in after["orders"]}
    assert {row["on_terms"] for row in orders.values() if row["payment_method"] == "net30"} == {True}
    assert (orders[9]["allowances"], orders[9]["balance"], orders[9]["refund_due"]) == (20.0, 0, 0)
    (refund,) = (row for row in after["payment"] if row["id"] == 5)
    assert (refund["given_back"], refund["given_for"]) == ("allowance", "goodwill")
    (mail,) = (row for row in after["outbox_message"] if row["id"] == 1000)
    assert mail["body_text"] == MASKED


async def test_products_that_shared_a_barcode_in_two_spellings_are_told_apart(postgres: EmbeddedPostgres) -> None:
    async with empty_database(postgres) as url:
        connection = await make_first_release(url)
        await asyncio.to_thread(command.upgrade, alembic_config(url), "e5a2904c6b18")
        category = await connection.fetchval("SELECT min(id) FROM category")
        for number, (barcode, archived) in enumerate(
            (
                ("0012345678905", True),
                ("012345678905", False),
                ("CASE-1", False),
                ("case-1", False),
                ("4006381333931", False),
            )
        ):
            await connection.execute(
                "INSERT INTO product (id, name, category_id, sku, unit_price, barcode, archived_at)"
                " VALUES ($1, 'Pan', $2, $3, 1, $4, CASE WHEN $5 THEN now() END)",
                9001 + number, category, f"P-{number}", barcode, archived,
            )  # fmt: skip
        await asyncio.to_thread(upgrade, url)
        kept = await connection.fetch("SELECT barcode FROM product WHERE id > 9000 ORDER BY id")
        told = await connection.fetch("SELECT record_id, before, note FROM audit_entry WHERE record_id > 9000")
        await connection.close()
    assert [row["barcode"] for row in kept] == ["", "012345678905", "CASE-1", "", "4006381333931"]
    assert sorted((row["record_id"], orjson.loads(row["before"])["barcode"], row["note"]) for row in told) == [
        (9001, "0012345678905", "The product P-1 has the same barcode."),
        (9004, "case-1", "The product P-2 has the same barcode."),
    ]


async def test_a_step_gives_way_to_the_company_and_keeps_the_steps_before_it(postgres: EmbeddedPostgres) -> None:
    async with empty_database(postgres) as url:
        connection = await make_first_release(url)
        steps = alembic_config(url)
        steps.attributes["lock_timeout"] = "50ms"
        async with connection.transaction():
            await connection.execute("SELECT FROM customer")
            with pytest.raises(DBAPIError, match="lock timeout"):
                await asyncio.to_thread(command.upgrade, steps, "head")
            reached = await connection.fetchval("SELECT version_num FROM alembic_version")
        assert reached not in {FIRST_RELEASE, newest_revision()}
        await asyncio.to_thread(upgrade, url)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == newest_revision()
        await connection.close()


class NoLock(Exception):
    """What the driver raises where a lock was not to be had in time."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.parametrize("sqlstate", ["55P03", "40P01"])
def test_a_step_without_its_lock_is_tried_again(monkeypatch: pytest.MonkeyPatch, sqlstate: str) -> None:
    tries = []

    def fail_twice(*_: object) -> None:
        tries.append(1)
        if len(tries) <= 2:
            raise DBAPIError("ALTER TABLE customer", {}, NoLock(sqlstate))

    monkeypatch.setattr(command, "upgrade", fail_twice)
    with pytest.raises(DBAPIError):
        upgrade("", pauses=())
    upgrade("", pauses=(0, 0))
    assert len(tries) == 3
