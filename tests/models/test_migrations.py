"""The migrated database is what the models describe: columns, constraints, indexes, triggers and functions.

Alembic compares no CHECKs, triggers or functions.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from models import Table
from models.migrations import alembic_config, newest_revision, older_revisions, upgrade
from models.session import Database, use_database
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from proofs.ground import passing_database
from settings import Settings
from tasks.demo import load_demo_company

FIRST = "0001"
WITHOUT_ORDER_NUMBERS = "06fd8a2c94e7"
# Ids of people and records that these tables keep as `integer` although the models say bigint (models/base.py:ByActor).
KEPT_NARROW = {
    f"{table}.actor_id"
    for table in (
        "audit_entry",
        "bank_account",
        "commission_month",
        "commission_rate",
        "credit_entry",
        "customer_merge",
        "customer_note",
        "import_run",
        "orders",
        "paper_check",
        "pay_link",
        "payment",
        "sales_target",
        "stock_movement",
        "stripe_intent",
    )
} | {"audit_entry.record_id"}
CONSTRAINTS = """
SELECT c.conrelid::regclass::text || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid) AS line
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname = 'public' AND c.conrelid <> 0 AND c.conrelid::regclass::text NOT LIKE 'pgqueuer%'
"""
INDEXES = """
SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'pgqueuer%'
AND tablename <> 'alembic_version'
"""
# Two indexes of the same rows, columns and order; one that is unique does what the other does.
REPEATED_INDEXES = """
SELECT a.indexrelid::regclass::text || ' repeats ' || b.indexrelid::regclass::text AS line
FROM pg_index AS a JOIN pg_index AS b ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
JOIN pg_class AS ca ON ca.oid = a.indexrelid JOIN pg_class AS cb ON cb.oid = b.indexrelid
WHERE NOT a.indisunique AND ca.relam = cb.relam AND ca.relnamespace = 'public'::regnamespace
  AND ca.relname NOT LIKE 'pgqueuer%' AND a.indkey::text = b.indkey::text AND a.indclass::text = b.indclass::text
  AND a.indexprs::text IS NOT DISTINCT FROM b.indexprs::text AND a.indpred::text IS NOT DISTINCT FROM b.indpred::text
  AND (a.indnatts = 1 OR a.indoption::text = b.indoption::text)
"""
COLUMNS = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||
  coalesce(column_default, '') || ' ' || coalesce(generation_expression, '') || ' ' ||
  coalesce(numeric_precision::text, '') || ' ' || coalesce(numeric_scale::text, '') AS line
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'pgqueuer%'
AND table_name <> 'alembic_version'
"""
TRIGGERS = """
SELECT pg_get_triggerdef(t.oid) AS line FROM pg_trigger t
WHERE NOT t.tgisinternal AND t.tgrelid::regclass::text NOT LIKE 'pgqueuer%'
"""
# The functions of the triggers. Spaces and comments of a body do not matter.
FUNCTIONS = r"""
SELECT regexp_replace(regexp_replace(pg_get_functiondef(oid), '--[^\n]*', '', 'g'), '\s+', '', 'g') AS line
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
  AND proname NOT LIKE '%pgqueuer%'
"""
# Triggers whose condition compares other columns than those whose updates they wait for.
UNEVEN_TRIGGERS = r"""
SELECT t.tgname || ' of ' || t.tgrelid::regclass AS line
FROM pg_trigger AS t CROSS JOIN LATERAL (
  SELECT ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = t.tgrelid AND attnum = ANY(t.tgattr) ORDER BY 1),
    ARRAY(SELECT DISTINCT m[1] FROM regexp_matches(pg_get_triggerdef(t.oid), 'old\.(\w+)', 'g') AS m ORDER BY 1)
) AS named(fires, compared)
WHERE NOT t.tgisinternal AND cardinality(fires) > 0 AND fires <> compared
"""
UNLOGGED = "SELECT relname::text AS line FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'"

STORAGE = """
SELECT relname || ' ' || array_to_string(reloptions, ' ') AS line FROM pg_class
WHERE relkind = 'r' AND reloptions IS NOT NULL AND relnamespace = 'public'::regnamespace
"""


async def describe(url: str) -> dict[str, set[str]]:
    """What a database is made of, as text."""
    connection = await connect(url)
    found = {
        name: {row["line"] for row in await connection.fetch(statement)}
        for name, statement in {
            "constraints": CONSTRAINTS,
            "indexes": INDEXES,
            "columns": COLUMNS,
            "triggers": TRIGGERS,
            "functions": FUNCTIONS,
            "unlogged": UNLOGGED,
            "storage": STORAGE,
        }.items()
    }
    await connection.close()
    found["constraints"] = {line for line in found["constraints"] if not line.startswith("alembic_version")}
    return found


@asynccontextmanager
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a database of its own, gone afterwards."""
    async with passing_database(postgres, f"test_models_{secrets.token_hex(4)}") as url:
        yield url


async def test_the_migrated_database_is_what_the_models_describe(
    postgres: EmbeddedPostgres, database_urls: dict[str, str]
) -> None:
    async with empty_database(postgres) as url:
        connection = await connect(url)
        await connection.execute("CREATE EXTENSION pg_trgm")
        await connection.close()
        engine = create_async_engine(url)
        async with engine.begin() as made:
            await made.run_sync(Table.metadata.create_all)
        await engine.dispose()
        wanted = await describe(url)
    assert wanted["constraints"]
    wide = {f"{column} bigint YES   64 0": f"{column} integer YES   32 0" for column in KEPT_NARROW}
    assert wide.keys() <= wanted["columns"]
    wanted["columns"] = {wide.get(line, line) for line in wanted["columns"]}
    assert await describe(database_urls["committed"]) == wanted


async def test_no_index_repeats_another(database_urls: dict[str, str]) -> None:
    connection = await connect(database_urls["committed"])
    repeated = [row["line"] for row in await connection.fetch(REPEATED_INDEXES)]
    await connection.close()
    assert repeated == []


async def test_a_trigger_fires_for_each_column_that_it_compares(database_urls: dict[str, str]) -> None:
    connection = await connect(database_urls["committed"])
    uneven = [row["line"] for row in await connection.fetch(UNEVEN_TRIGGERS)]
    await connection.close()
    # An invoice's order number is looked up whenever it or the order is written, and nothing is compared. Another level
    # at which stock is low announces nothing by itself.
    assert sorted(uneven) == ["invoice_copies_order_number of invoice", "webhooks_of_low of product"]


async def test_the_demo_company_goes_down_to_the_first_schema_and_up_again(
    postgres: EmbeddedPostgres, settings: Settings
) -> None:
    async with empty_database(postgres) as url:
        steps = alembic_config(url)
        await asyncio.to_thread(command.upgrade, steps, FIRST)
        first = await describe(url)
        await asyncio.to_thread(upgrade, url)
        newest = await describe(url)
        database = Database(url, pool_size=2)
        use_database(database)
        await load_demo_company(settings, customers=20, products=24, orders=100, seed=1)
        await database.close()
        raw = await connect(url)
        # Whether the demo company has a check in these days depends on the day, so this one brings its own.
        await raw.execute(
            """
            DELETE FROM paper_check_image;
            WITH made AS (
              INSERT INTO paper_check (order_id, state, amount) SELECT min(id), 'rejected', 10 FROM orders RETURNING id
            )
            INSERT INTO paper_check_image (check_id, side, content_type, data, object_key)
            SELECT id, 'front', 'image/jpeg', 'front'::bytea, '' FROM made
            UNION ALL SELECT id, 'back', 'image/jpeg', NULL, 'moved' FROM made
            """
        )
        # Going down to the first schema drops all invoices, so the step that copies order numbers is tried here.
        await asyncio.to_thread(command.downgrade, steps, WITHOUT_ORDER_NUMBERS)
        await asyncio.to_thread(upgrade, url)
        invoices = await raw.fetchrow(
            """
            SELECT count(*) FILTER (WHERE i.order_number = o.order_number),
              count(*) FILTER (WHERE i.order_number IS NULL), count(o.id), count(*) - count(o.id)
            FROM invoice AS i LEFT JOIN orders AS o ON o.id = i.order_id
            """
        )
        assert invoices[:2] == invoices[2:]
        assert min(invoices) > 0
        await asyncio.to_thread(command.downgrade, steps, FIRST)
        assert await describe(url) == first
        await asyncio.to_thread(upgrade, url)
        assert await describe(url) == newest
        counts = await raw.fetchrow(
            """
            SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM savings_request WHERE search_text <> ''),
              (SELECT array_agg(side) FROM paper_check_image)
            """
        )
        await raw.close()
    # What was moved away can't come back; everything else is there.
    assert tuple(counts) == (100, 3, ["front"])


async def test_every_foreign_key_has_an_index(database_urls: dict[str, str]) -> None:
    connection = await connect(database_urls["committed"])
    bare = await connection.fetch(
        """
        SELECT c.conrelid::regclass::text AS table, a.attname AS column
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND NOT EXISTS (
          SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
        )
        """
    )
    await connection.close()
    assert [tuple(row) for row in bare] == []


def test_the_revisions_are_those_that_alembic_finds() -> None:
    steps = ScriptDirectory.from_config(alembic_config(""))
    assert newest_revision() == steps.get_current_head()
    assert older_revisions() | {newest_revision()} == {step.revision for step in steps.walk_revisions()}
    assert newest_revision() not in older_revisions()
