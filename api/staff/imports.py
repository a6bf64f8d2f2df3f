"""Imports for staff: uploading a file and asking for its progress."""

from typing import Any, BinaryIO

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.refusals import SPREADSHEET
from api.schemas.imports import ImportedCustomersOut, ImportStatusOut, StartedImportOut
from domain.access.rights import Right
from domain.imports import books, from_api, queries
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, answers_file, refuses
from web.request import current_actor, settings
from web.streams import answer_file
from web.uploads import reads_spooled

blueprint = Blueprint("staff_imports", __name__)
tag_blueprint(blueprint, ["imports"])
STILL_RUNNING = "The import goes on in the background. Ask for its state by job_id."


@blueprint.post("/api/staff/customers/import")
@staff_only(Right.IMPORT_BOOKS)
@reads_spooled("file")
@answers(ImportedCustomersOut)
@refuses(*SPREADSHEET)
async def import_customers(file: BinaryIO, filename: str) -> Any:
    """Import customers from CSV: known ones are skipped, bad rows are reported by line; 202 if it takes long."""
    run = await from_api.import_and_wait(
        books.CUSTOMERS, file, filename, timezone=settings().timezone, by=current_actor()
    )
    if run.is_open:
        body = ImportedCustomersOut(job_id=run.id, message=STILL_RUNNING)
        return Response(body.to_bytes(), 202, content_type="application/json")
    return _show(run) | {"job_id": run.id, "errors": await _read_errors(run.id)}


@blueprint.post("/api/sales/imports")
@staff_only(Right.IMPORT_BOOKS)
@reads_spooled("file")
@answers(StartedImportOut, 202)
@refuses(*SPREADSHEET)
async def import_orders(file: BinaryIO, filename: str) -> Any:
    """Import historical orders from CSV in a background job that survives a restart."""
    run_id = await from_api.import_later(books.ORDERS, file, filename, by=current_actor())
    return {"job_id": run_id, "message": STILL_RUNNING}


@blueprint.get("/api/sales/imports/template")
@staff_only(Right.SEE_IMPORTS)
@answers_file("text/csv")
async def import_template() -> Response:
    """A sample CSV for historical orders."""
    return answer_file(from_api.write_sample(books.ORDERS), "historical-orders.csv")


@blueprint.get("/api/sales/imports/<id:job_id>")
@staff_only(Right.SEE_IMPORTS)
@answers(ImportStatusOut)
async def import_status(job_id: int) -> Any:
    """Status and progress of an import."""
    async with current_database().reading() as connection:
        run = await queries.get_run(connection, job_id, visible_to=current_actor())
    names = ("id", "kind", "status", "filename", "last_error", "created_at", "finished_at")
    return _show(run) | {name: getattr(run, name) for name in names} | {"errors": await _read_errors(job_id)}


def _show(run: queries.RunRow) -> dict[str, Any]:
    """The counts with the contract's key names."""
    return {
        "total_rows": run.total_rows,
        "processed": run.processed_rows,
        "created": run.created_rows,
        "skipped": run.skipped_rows,
        "bad": run.bad_rows,
    }


async def _read_errors(run_id: int) -> list[queries.KeptRow]:
    async with current_database().reading() as connection:
        return await queries.list_kept_rows(connection, run_id)
