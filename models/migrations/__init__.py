"""The migrations of the schema. `upgrade` brings a database to the newest revision."""

import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from models.migrations.locks import DEADLOCK, LOCK_NOT_AVAILABLE, state_of

# A server only needs the list of revisions, for which Alembic need not be loaded.
if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
# How long to wait before retrying a migration that did not get its lock.
PAUSES = (1.0, 3.0, 10.0, 30.0)
_NAMED = re.compile(r'^(down_)?revision = "([^"]+)"$', re.MULTILINE)


def alembic_config(database_url: str) -> "Config":
    """Return Alembic's configuration, without an ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, *, pauses: Sequence[float] = PAUSES) -> None:
    """Bring the database to the newest schema. Several programs may call this at the same time.

    A migration stops if it would wait too long for a lock, or if it deadlocks with an act. It is retried after each of
    the pauses, continuing after the last finished migration.
    """
    from alembic import command

    for pause in (*pauses, None):
        try:
            command.upgrade(alembic_config(database_url), "head")
        except DBAPIError as error:
            if pause is None or state_of(error) not in {LOCK_NOT_AVAILABLE, DEADLOCK}:
                raise
            log.warning("A step of the migration did not get its lock and is tried again")
            time.sleep(pause)
        else:
            return


def newest_revision() -> str:
    """Return the revision of a fully migrated database."""
    revisions, replaced = _read_revisions()
    (newest,) = revisions - replaced
    return newest


def older_revisions() -> frozenset[str]:
    """Return every revision except the newest. A database at one of them is not fully migrated."""
    return _read_revisions()[1]


def _read_revisions() -> tuple[frozenset[str], frozenset[str]]:
    """Return all revisions, and those that another one builds on, as named in the files of the migrations."""
    named = [found for file in (HERE / "versions").glob("*.py") for found in _NAMED.findall(file.read_text())]
    revisions, replaced = ({name for below, name in named if bool(below) is wanted} for wanted in (False, True))
    return frozenset(revisions), frozenset(replaced)


def list_steps(*, after: str | None) -> "list[Script]":
    """Return the migrations after a revision in the order in which they run. None means an empty database."""
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory.from_config(alembic_config("")).iterate_revisions("head", after or "base")
    return [step for step in reversed(list(steps)) if step.revision != after]
