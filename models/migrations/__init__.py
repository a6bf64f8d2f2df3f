"""The database's schema, step by step; `upgrade` brings a database to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

HERE = Path(__file__).parent


def alembic_config(database_url: str) -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str) -> None:
    """Bring the database to the newest schema; safe to run from several programs at once."""
    command.upgrade(alembic_config(database_url), "head")


def newest_revision() -> str | None:
    """The revision a migrated database stands at."""
    return ScriptDirectory.from_config(alembic_config("")).get_current_head()


def list_steps(*, after: str | None) -> list[Script]:
    """The steps from a revision to the newest schema, the next one first; None stands for an empty database."""
    steps = ScriptDirectory.from_config(alembic_config("")).iterate_revisions("head", after or "base")
    return [step for step in reversed(list(steps)) if step.revision != after]
