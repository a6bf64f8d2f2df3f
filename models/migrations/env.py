"""Alembic's environment: one connection, an advisory lock so that two programs don't migrate at once, and a transaction
for each step, so that a long chain holds no lock longer than its step and a step that fails undoes nothing before it.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from models import Table

MIGRATION_LOCK = 7_205_318
# A step gives way to the company: one that waits for a lock makes everybody behind it wait too. A step that is known to
# take long (an index of a large table) says so itself: `op.execute("SET LOCAL statement_timeout = '30min'")`.
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "5min"
# pgqueuer makes and upgrades its own tables; alembic must not see them as ours.
FOREIGN_PREFIX = "pgqueuer"


def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """True for what the models describe."""
    return not (kind == "table" and (name or "").startswith(FOREIGN_PREFIX))


def run(connection: Connection) -> None:
    """Run the steps on one connection."""
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
    """Connect and run."""
    engine = create_async_engine(context.config.attributes["database_url"], poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_online())
