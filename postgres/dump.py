"""Dump a database into one file and restore it, with PostgreSQL's pg_dump and pg_restore in the custom format.

The programs get the address through libpq's environment variables, so that no password is in an argument.
"""

import os
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url

from postgres.programs import PostgresPrograms, find_postgres_programs


class DumpError(Exception):
    """The dump or the restore failed; the message is a sentence for the person at the terminal."""


def dump_database(database_url: str, file: Path, pg_bin: Path | None = None) -> None:
    """Write a consistent snapshot of the whole database to `file`; an older file is kept until the new one is complete.

    Raises DumpError with the message of pg_dump, also if the server is newer than the programs here.
    """
    programs = find_postgres_programs(pg_bin)
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        _run(programs, database_url, "pg_dump", "--format=custom", "--no-owner", "--no-acl", "--file", str(unfinished))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def restore_database(database_url: str, file: Path, pg_bin: Path | None = None) -> None:
    """Restore the database from `file` in one transaction: all of it or nothing; the previous content is dropped.

    Raises DumpError with the message of pg_restore.
    """
    if not file.is_file():
        raise DumpError(f"There is no file {file}.")
    how = ("--single-transaction", "--exit-on-error", "--clean", "--if-exists", "--no-owner", "--no-acl")
    database = make_url(database_url).database or ""
    _run(find_postgres_programs(pg_bin), database_url, "pg_restore", *how, "--dbname", database, str(file))


def _run(programs: PostgresPrograms, database_url: str, name: str, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [programs.path(name), *arguments],
            env=os.environ | libpq_environment(database_url),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise DumpError(f"{name} can't be started: {error.strerror}. Set PG_BIN to its directory.") from error
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        raise DumpError(f"{name} failed: {complaint[0].removeprefix(f'{name}: error: ')}")


def libpq_environment(database_url: str) -> dict[str, str]:
    """Return the address of a database as the environment variables that PostgreSQL's programs read."""
    url = make_url(database_url)
    found = {
        "PGHOST": str(url.query.get("host", url.host or "")),
        "PGPORT": str(url.port or url.query.get("port", 5432)),
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
        "PGDATABASE": url.database or "",
        "PGSSLMODE": str(url.query.get("ssl", "")),
    }
    return {name: value for name, value in found.items() if value}
