"""Checks what a database contains, before it is migrated or another one is restored into it."""

from sqlalchemy import text

from models import Table
from models.session import current_database

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
_IS_KNOWN = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_REVISION = text("SELECT version_num FROM alembic_version")


async def find_revision() -> str | None:
    """Return the revision of the database; None for an empty one."""
    async with current_database().reading() as connection:
        if not await connection.scalar(_IS_KNOWN):
            return None
        revision: str | None = await connection.scalar(_REVISION)
    return revision


async def find_filled_table() -> str | None:
    """Return the name of a table that has rows; None if there is no data to lose."""
    async with current_database().reading() as connection:
        there = set((await connection.scalars(_TABLES)).all())
        for name in Table.metadata.tables:
            is_filled = text(f'SELECT EXISTS (SELECT FROM "{name}")')  # noqa: S608 - our own tables
            if name in there and await connection.scalar(is_filled):
                return name
    return None
