"""The migrated database is what the models describe: columns, constraints, indexes; alembic sees no CHECKs."""

import secrets

from sqlalchemy.ext.asyncio import create_async_engine

from models import Table
from models.embedded import EmbeddedPostgres
from tests.conftest import connect_raw

CONSTRAINTS = """
SELECT c.conrelid::regclass::text || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid) AS line
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname = 'public' AND c.conrelid <> 0 AND c.conrelid::regclass::text NOT LIKE 'pgqueuer%'
"""
INDEXES = """
SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'pgqueuer%'
AND tablename <> 'alembic_version'
"""
COLUMNS = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||
  coalesce(column_default, '') || ' ' || coalesce(generation_expression, '') || ' ' ||
  coalesce(numeric_precision::text, '') || ' ' || coalesce(numeric_scale::text, '') AS line
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'pgqueuer%'
AND table_name <> 'alembic_version'
"""
TRIGGERS = """
SELECT t.tgrelid::regclass::text || ' ' || t.tgname AS line FROM pg_trigger t
WHERE NOT t.tgisinternal AND t.tgrelid::regclass::text NOT LIKE 'pgqueuer%'
"""
UNLOGGED = "SELECT relname::text AS line FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'"


async def describe(url: str) -> dict[str, set[str]]:
    """What a database is made of, as text."""
    connection = await connect_raw(url)
    found = {
        name: {row["line"] for row in await connection.fetch(statement)}
        for name, statement in {
            "constraints": CONSTRAINTS,
            "indexes": INDEXES,
            "columns": COLUMNS,
            "triggers": TRIGGERS,
            "unlogged": UNLOGGED,
        }.items()
    }
    await connection.close()
    found["constraints"] = {line for line in found["constraints"] if not line.startswith("alembic_version")}
    return found


async def test_the_migrated_database_is_what_the_models_describe(
    postgres: EmbeddedPostgres, database_urls: dict[str, str]
) -> None:
    name = f"test_models_{secrets.token_hex(4)}"
    admin = await connect_raw(postgres.database_url("postgres"))
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        connection = await connect_raw(postgres.database_url(name))
        await connection.execute("CREATE EXTENSION pg_trgm")
        await connection.close()
        engine = create_async_engine(postgres.database_url(name))
        async with engine.begin() as made:
            await made.run_sync(Table.metadata.create_all)
        await engine.dispose()
        wanted = await describe(postgres.database_url(name))
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()
    assert wanted["constraints"]
    assert await describe(database_urls["committed"]) == wanted


async def test_every_foreign_key_has_an_index(database_urls: dict[str, str]) -> None:
    connection = await connect_raw(database_urls["committed"])
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
