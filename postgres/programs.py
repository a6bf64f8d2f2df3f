"""Finds PostgreSQL's programs on this machine; a data directory must be opened by the version that created it."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 14
DEBIAN_DIRECTORY = Path("/usr/lib/postgresql")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't be used; the message is a sentence for the person at the terminal."""


@dataclass(frozen=True)
class PostgresPrograms:
    """The directory of the programs of one PostgreSQL, and its major version."""

    directory: Path
    major: int

    def path(self, name: str) -> str:
        """Return the full path of a program such as `initdb`."""
        return str(self.directory / name)


def find_postgres_programs(pg_bin: Path | None, needed_major: int | None = None) -> PostgresPrograms:
    """Choose the programs: those of PG_BIN, else the newest of Debian's, else those on PATH.

    With `needed_major` (a data directory exists), only that version is accepted. Raises EmbeddedPostgresError, naming
    the version needed and those found.
    """
    found = [_examine(pg_bin)] if pg_bin else _installed_programs()
    recent = [programs for programs in found if programs.major >= OLDEST_MAJOR]
    fitting = [programs for programs in recent if needed_major in {None, programs.major}]
    if fitting:
        return max(fitting, key=lambda programs: programs.major)
    there = ", ".join(str(programs.major) for programs in found) or "none"
    if needed_major is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL {OLDEST_MAJOR} or newer is needed (found: {there}); install Debian's package "
            "postgresql, or set PG_BIN to the directory of its programs, or DATABASE_URL to a server."
        )
    raise EmbeddedPostgresError(
        f"The data directory was made by PostgreSQL {needed_major}, whose programs are not here "
        f"(found: {there}); install postgresql-{needed_major}, or set PG_BIN to where its programs are."
    )


def _installed_programs() -> list[PostgresPrograms]:
    """List Debian's versions, else the one on PATH, whose link is resolved to the real directory."""
    versions = [path for path in DEBIAN_DIRECTORY.glob("*/bin") if path.parent.name.isdigit()]
    found = [PostgresPrograms(path, int(path.parent.name)) for path in versions if (path / "postgres").exists()]
    on_path = shutil.which("pg_ctl")
    if not found and on_path:
        found.append(_examine(Path(on_path).resolve().parent))
    return found


def _examine(directory: Path) -> PostgresPrograms:
    """Ask the `postgres` of a directory for its version. Raises EmbeddedPostgresError if there is none."""
    try:
        answer = subprocess.run(
            [str(directory / "postgres"), "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"PG_BIN should be the directory of PostgreSQL's programs, but {directory} has no postgres that runs."
        ) from error
    version = re.search(r"(\d+)", answer.stdout)
    if version is None:
        raise EmbeddedPostgresError(f"{directory / 'postgres'} does not print its version.")
    return PostgresPrograms(directory, int(version[1]))
