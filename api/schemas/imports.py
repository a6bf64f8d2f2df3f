"""Answers about imports."""

from pydantic import Field

from api.schemas.base import Answer, TimeOut


class RowErrorOut(Answer):
    row: int
    """The line of the file, counted from 1 including the header."""
    error: str


class ImportedCustomersOut(Answer):
    success: bool = True
    job_id: int
    """Id of the import, for reading its status."""
    total_rows: int = 0
    created: int = 0
    skipped: int = 0
    """Rows whose email or phone already exists."""
    errors: list[RowErrorOut] = Field(default_factory=list)
    message: str = ""


class StartedImportOut(Answer):
    success: bool = True
    job_id: int
    """Id of the import, for reading its status."""
    message: str


class ImportStatusOut(Answer):
    id: int
    kind: str
    status: str
    """draft, queued, running, done, stopped or failed."""
    filename: str
    """The name of the uploaded file."""
    total_rows: int
    processed: int
    created: int
    skipped: int
    bad: int
    """Rows that were not imported; `errors` lists the first thousand."""
    errors: list[RowErrorOut]
    last_error: str
    """Why it failed; empty otherwise."""
    created_at: TimeOut
    finished_at: TimeOut | None
