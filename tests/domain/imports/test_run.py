"""The import framework: batches committed with their counts, dry runs, stopping, and workers that are killed."""

import asyncio
from io import BytesIO

import pytest
from sqlalchemy import func, select

from domain.imports import books, run
from domain.imports.queries import export_bad_rows, get_run, list_kept_rows
from domain.imports.run import run_import
from domain.imports.start import StartImport, forget_old_imports, start_import, stop_import
from domain.imports.upload import upload_file
from domain.kernel.errors import InvalidInput, Refused
from models import Customer, ImportChunk, ImportRow, Role, RowOutcome
from tests.factories import as_actor, make_staff


def write_book(rows: int) -> bytes:
    lines = ["company_name,email"]
    lines += [f"Café {n},{'bad' if n % 100 == 7 else f'a{n}@b.example'}" for n in range(rows)]
    return "\n".join(lines).encode()


async def begin(database, data: bytes, **start) -> int:
    async with database.separate_transaction() as db:
        by = as_actor(await make_staff(db, Role.MANAGER))
        made = await upload_file(db, books.CUSTOMERS, BytesIO(data), "book.csv", needs_columns=False, by=by)
        await start_import(db, made.id, StartImport(**start), by=by)
        return made.id


async def test_workers_that_die_lose_nothing_and_double_nothing(committed, settings, monkeypatch) -> None:
    run_id = await begin(committed, write_book(1900))
    honest = run._keep

    async def die(*_args):
        raise ConnectionResetError

    for _ in range(2):
        await run_import(run_id, timezone=settings.timezone, seconds=0)
        monkeypatch.setattr(run, "_keep", die)
        with pytest.raises(ConnectionResetError):
            await run_import(run_id, timezone=settings.timezone)
        monkeypatch.setattr(run, "_keep", honest)
    done = await run_import(run_id, timezone=settings.timezone)
    assert (done.state, done.total_rows, done.processed_rows) == ("done", 1900, 1900)
    assert (done.created_rows, done.skipped_rows, done.bad_rows) == (1881, 0, 19)
    async with committed.session() as db:
        assert await db.scalar(select(func.count()).select_from(Customer)) == 1881
        assert await db.scalar(select(func.count()).select_from(ImportRow)) == 19


async def test_two_workers_on_one_import_take_turns(committed, settings) -> None:
    run_id = await begin(committed, write_book(1500))
    await asyncio.gather(*(run_import(run_id, timezone=settings.timezone) for _ in range(3)))
    async with committed.session() as db:
        row = await get_run(db, run_id, visible_to=as_actor(await make_staff(db)))
        assert (row.state, row.created_rows, row.bad_rows, row.percent) == ("done", 1485, 15, 100)
        assert await db.scalar(select(func.count()).select_from(Customer)) == 1485


async def test_a_dry_run_counts_and_writes_nothing_then_the_import_runs(database, db, settings) -> None:
    run_id = await begin(database, write_book(250), is_dry=True)
    dry = await run_import(run_id, timezone=settings.timezone)
    assert (dry.state, dry.created_rows, dry.bad_rows) == ("done", 247, 3)
    assert await db.scalar(select(func.count()).select_from(Customer)) == 0
    by = as_actor(await make_staff(db, Role.MANAGER))
    await start_import(db, run_id, StartImport(columns={"email": "email", "company_name": "company_name"}), by=by)
    await db.commit()
    done = await run_import(run_id, timezone=settings.timezone)
    assert (done.is_dry, done.created_rows) == (False, 247)
    assert await db.scalar(select(func.count()).select_from(Customer)) == 247
    with pytest.raises(Refused, match="already begun"):
        await start_import(db, run_id, StartImport(), by=by)


async def test_bad_rows_come_back_as_a_file_that_goes_in_once_mended(database, db, settings) -> None:
    run_id = await begin(database, write_book(20))
    await run_import(run_id, timezone=settings.timezone)
    row = await get_run(db, run_id, visible_to=as_actor(await make_staff(db)))
    text = b"".join([piece async for piece in export_bad_rows(database, row)]).decode("utf-8-sig")
    assert text == "company_name,email,error\r\nCafé 7,bad,email bad is not an email address\r\n"
    again = await begin(database, text.replace(",bad,", ",mended@b.example,").encode())
    mended = await run_import(again, timezone=settings.timezone)
    assert (mended.created_rows, mended.bad_rows) == (1, 0)


async def test_a_stopped_import_keeps_what_went_in(database, db, settings) -> None:
    run_id = await begin(database, write_book(1200))
    await run_import(run_id, timezone=settings.timezone, seconds=0)
    await run_import(run_id, timezone=settings.timezone, seconds=0)
    by = as_actor(await make_staff(db, Role.MANAGER))
    await stop_import(db, run_id, by=by)
    await db.commit()
    stopped = await run_import(run_id, timezone=settings.timezone)
    assert (stopped.state, stopped.processed_rows) == ("stopped", 500)
    assert await db.scalar(select(func.count()).select_from(Customer)) == 495
    with pytest.raises(Refused, match="already ended"):
        await stop_import(db, run_id, by=by)


async def test_columns_that_do_not_fit_are_named(database, db) -> None:
    by = as_actor(await make_staff(db, Role.MANAGER))
    made = await upload_file(db, books.ORDERS, BytesIO(b"Date;No\n1;2\n"), "x.csv", needs_columns=False, by=by)
    assert (made.mapping, made.delimiter, made.encoding) == ({"date": "order_date"}, ";", "UTF-8")
    columns = {"date": "order_number", "no": "order_number"}
    with pytest.raises(InvalidInput) as refused:
        await start_import(db, made.id, StartImport(columns=columns), by=by)
    assert set(refused.value.fields) == {"columns", "columns.date", "columns.no"}


async def test_rows_that_cannot_be_read_are_bad_and_old_imports_are_forgotten(database, db, settings) -> None:
    run_id = await begin(database, b'company_name,email\nA,a@b.example,extra\n"B"x,b@b.example\nC,c@b.example\n')
    done = await run_import(run_id, timezone=settings.timezone)
    assert (done.created_rows, done.bad_rows) == (1, 2)
    rows = await list_kept_rows(db, run_id, outcome=RowOutcome.BAD)
    assert [row.error for row in rows] == [
        "The row has 3 cells where the heading has 2",
        "The row has quotation marks that don't match",
    ]
    assert await forget_old_imports(db, days=-1) == 2
    assert await db.scalar(select(func.count()).select_from(ImportChunk)) == 0
