"""Imports: the uploaded file, the progress, and the outcome of each row that was not imported."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import ByActor, Table, count, created, flag, key, moment, one_of, text


class ImportState(StrEnum):
    """The progress of an import. A draft waits for its columns to be mapped."""

    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class RowOutcome(StrEnum):
    """The outcome of a stored row. Imported rows are not stored."""

    WAITING = "waiting"
    SKIPPED = "skipped"
    BAD = "bad"


class ImportRun(ByActor, table=True):
    """One file of one kind. A dry run writes nothing. The outcome of every group up to `last_group` is committed."""

    __tablename__ = "import_run"
    __table_args__ = (
        one_of("state", ImportState),
        Index("ix_import_run_open", "id", postgresql_where=sql("state IN ('queued', 'running')")),
    )

    id: int = key()
    kind: str
    state: str = Field(default="draft", sa_column_kwargs={"server_default": "draft"})
    is_dry: bool = flag(False)
    filename: str = text()
    size_bytes: int = Field(default=0, sa_type=BigInteger, nullable=False, sa_column_kwargs={"server_default": "0"})
    encoding: str = text()
    delimiter: str = text()
    headings: list[str] = Field(
        default_factory=list, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": "[]"}
    )
    # From the column names of the file to the fields of the kind; columns that are left out are missing.
    mapping: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": "{}"}
    )
    is_staged: bool = flag(False)
    last_group: int = count()
    total_rows: int = count()
    processed_rows: int = count()
    created_rows: int = count()
    skipped_rows: int = count()
    bad_rows: int = count()
    # The number of imported customers whose phone number must not be called or texted.
    marked_rows: int = count()
    last_error: str = text()
    created_at: datetime = created()
    started_at: datetime | None = moment()
    finished_at: datetime | None = moment()


class ImportChunk(Table, table=True):
    """A piece of the uploaded file, so that any worker on any machine can read it."""

    __tablename__ = "import_chunk"

    run_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="import_run.id", ondelete="CASCADE")
    position: int = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary, nullable=False)


class ImportRow(Table, table=True):
    """A row that waits to be imported, or was not imported. Rows of the same record have the same `group_number`."""

    __tablename__ = "import_row"
    __table_args__ = (
        one_of("outcome", RowOutcome),
        Index("ix_import_row_group", "run_id", "group_number", "line_number"),
        Index("ix_import_row_outcome", "run_id", "outcome", "line_number"),
    )

    run_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="import_run.id", ondelete="CASCADE")
    line_number: int = Field(primary_key=True)
    group_number: int
    cells: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    outcome: str = Field(default="waiting", sa_column_kwargs={"server_default": "waiting"})
    error: str = text()
    faults: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": "{}"}
    )
