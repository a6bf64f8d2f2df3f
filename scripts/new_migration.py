"""Write a migration from what the models say and the newest migrated database does not: `new_migration "title"`."""

import argparse
import asyncio
import secrets

from alembic import command

from models.migrations import alembic_config, upgrade
from postgres.connect import connect
from postgres.embedded import attached
from settings import load_settings_or_exit


async def _execute(database_url: str, statement: str) -> None:
    connection = await connect(database_url)
    await connection.execute(statement)
    await connection.close()


def main() -> None:
    """Make an empty database, migrate it, and write the difference into a new file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("title")
    title = parser.parse_args().title
    settings = load_settings_or_exit()
    name = f"migration_{secrets.token_hex(4)}"
    with attached(settings.data_dir, settings.pg_bin) as url:
        admin = url.replace("/ladle?", "/postgres?")
        fresh = url.replace("/ladle?", f"/{name}?")
        asyncio.run(_execute(admin, f'CREATE DATABASE "{name}"'))
        try:
            upgrade(fresh)
            command.revision(alembic_config(fresh), message=title, autogenerate=True)
        finally:
            asyncio.run(_execute(admin, f'DROP DATABASE "{name}" WITH (FORCE)'))


if __name__ == "__main__":
    main()
