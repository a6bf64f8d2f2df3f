"""The database's schema, step by step; `upgrade` brings a database to the newest."""

import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from models.migrations.locks import DEADLOCK, LOCK_NOT_AVAILABLE, state_of

# A server only asks which revisions there are, and need not load Alembic for it.
if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
# How long to wait before a step that did not get its lock is tried again.
PAUSES = (1.0, 3.0, 10.0, 30.0)
_NAMED = re.compile(r'^(down_)?revision = "([^"]+)"$', re.MULTILINE)


def alembic_config(database_url: str) -> "Config":
    """Alembic's configuration, without an ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, *, pauses: Sequence[float] = PAUSES) -> None:
    """Bring the database to the newest schema; safe to run from several programs at once.

    A step gives up where it would have to wait long for a lock, or met an act that waits for one of its own. It is
    tried again after each of the pauses, and goes on from the last step that was done.
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
    """The revision a migrated database stands at."""
    revisions, replaced = _read_revisions()
    (newest,) = revisions - replaced
    return newest


def older_revisions() -> frozenset[str]:
    """Every revision of this release but the newest: a database at one of them is not migrated yet."""
    return _read_revisions()[1]


def _read_revisions() -> tuple[frozenset[str], frozenset[str]]:
    """All revisions, and those that another one builds on, from the lines that name them in each step's file."""
    named = [found for file in (HERE / "versions").glob("*.py") for found in _NAMED.findall(file.read_text())]
    revisions, replaced = ({name for below, name in named if bool(below) is wanted} for wanted in (False, True))
    return frozenset(revisions), frozenset(replaced)


def list_steps(*, after: str | None) -> "list[Script]":
    """The steps from a revision to the newest schema, the next one first; None stands for an empty database."""
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory.from_config(alembic_config("")).iterate_revisions("head", after or "base")
    return [step for step in reversed(list(steps)) if step.revision != after]
