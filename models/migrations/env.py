"""Alembic's environment: one connection, an advisory lock so that only one program migrates at a time, and one
transaction per migration. A long chain thus holds each lock only during one migration, and a failure does not undo the
migrations before it."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from models import Table

MIGRATION_LOCK = 7_205_318
# A migration gives way to running requests, because everything queues behind a migration that waits for a lock. One
# that is known to take long (an index on a large table) sets its own limit: `op.execute("SET LOCAL statement_timeout =
# '30min'")`.
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "5min"
# pgqueuer creates and upgrades its own tables; Alembic must ignore them.
FOREIGN_PREFIX = "pgqueuer"


def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """Return True for objects that the models describe."""
    return not (kind == "table" and (name or "").startswith(FOREIGN_PREFIX))


def run(connection: Connection) -> None:
    """Run the migrations on one connection."""
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
    lock_timeout = context.config.attributes.get("lock_timeout", LOCK_TIMEOUT)
    for name, value in (("lock_timeout", lock_timeout), ("statement_timeout", STATEMENT_TIMEOUT)):
        connection.execute(text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=Table.metadata,
            include_object=is_ours,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("RESET lock_timeout"))
        connection.execute(text("RESET statement_timeout"))
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()


async def run_online() -> None:
    """Connect and run the migrations."""
    engine = create_async_engine(context.config.attributes["database_url"], poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_online())
