"""The backup drill: dumps a company to a file, restores it to a second database, and compares the rows and sums of
every table."""

import asyncio
import secrets
import tempfile
import time
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from models import Table
from models.session import Database, use_database
from postgres.connect import connect
from postgres.dump import dump_database, restore_database
from proofs.ground import check, proving_database
from settings import load_settings
from tasks.demo import load_demo_company

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
# The number of rows, and the sum of a hash of each row: any difference changes it.
FINGERPRINT = """
SELECT count(*) AS rows, coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint), 0)::text AS sum FROM "{}" AS t
"""
MONEY = {"orders": "total_amount", "order_item": "line_total", "payment": "amount", "credit_entry": "amount"}

Fingerprints = dict[str, tuple[int, str]]


async def prove(*, customers: int = 300, orders: int = 12_000) -> None:
    """Load a company, dump it, change the original, restore the dump elsewhere, and compare."""
    async with proving_database() as url:
        await asyncio.to_thread(_load, url, customers, orders)
        before = await _read(url)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "company.dump"
            began_at = time.monotonic()
            await asyncio.to_thread(dump_database, url, file)
            dumped_at = time.monotonic()
            await _write_on(url)
            name = f"proof_{secrets.token_hex(4)}"
            beside = make_url(url).set(database=name).render_as_string(hide_password=False)
            admin = await connect(make_url(url).set(database="postgres").render_as_string(hide_password=False))
            await admin.execute(f'CREATE DATABASE "{name}"')
            try:
                began_again_at = time.monotonic()
                await asyncio.to_thread(restore_database, beside, file)
                restored_at = time.monotonic()
                after = await _read(beside)
            finally:
                await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
                await admin.close()
            size = file.stat().st_size / 1e6
        print(
            f"  {len(before)} tables, {size:.1f} MB in the file,"
            f" dumped in {dumped_at - began_at:.1f} s, restored in {restored_at - began_again_at:.1f} s"
        )
        for table, (rows, total) in sorted(before.items()):
            if rows:
                same = "same" if after.get(table) == before[table] else "differs"
                print(f"    {table:28} {rows:>9,} rows  {total:>24}  {same}")
        check("every table of the program is in the comparison", Table.metadata.tables.keys() <= before.keys())
        check("the restored company has every row and every letter of the original", after == before)


def _load(url: str, customers: int, orders: int) -> None:
    async def load() -> None:
        database = Database(url, pool_size=2)
        use_database(database)
        await load_demo_company(load_settings(), customers=customers, products=60, orders=orders, seed=1)
        await database.close()

    asyncio.run(load())


async def _read(url: str) -> Fingerprints:
    """Each table's rows and sum; sums of money are printed beside them."""
    connection: asyncpg.Connection = await connect(url)
    try:
        found: Fingerprints = {}
        for table in [row["tablename"] for row in await connection.fetch(TABLES)]:
            row = await connection.fetchrow(FINGERPRINT.format(table))
            assert row is not None
            found[table] = (row["rows"], row["sum"])
        for table, column in MONEY.items():
            amount = await connection.fetchval(f'SELECT coalesce(sum({column}), 0) FROM "{table}"')
            found[f"{table}.{column}"] = (found[table][0], f"${amount:,.2f}")
        return found
    finally:
        await connection.close()


async def _write_on(url: str) -> None:
    """Later changes are not in the dump."""
    connection = await connect(url)
    await connection.execute("INSERT INTO category (name) VALUES ('Written after the dump')")
    await connection.close()
