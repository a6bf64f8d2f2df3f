"""Imports: upload a file, map its columns, see all bad lines in a dry run, then a job writes the rows."""

from datetime import timedelta
from typing import Any, BinaryIO

from quart import Blueprint, Response, request

from documents.filters import format_plural
from domain.access.rights import Right
from domain.imports import books, queries
from domain.imports.kinds import ImportKind
from domain.imports.queries import RunRow
from domain.imports.start import StartImport, start_import, stop_import
from domain.imports.upload import find_kind, upload_file
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import read_values
from domain.kernel.paging import PageInput
from models import ImportState, RowOutcome
from models.session import current_database
from portal.attempts import form_status
from portal.render import page_or_block, redirect_to, wants_block
from web.exports import audits_export
from web.guards import staff_page
from web.reading import form_pairs, reads_query
from web.request import current_actor, db
from web.streams import stream_file
from web.uploads import reads_spooled

blueprint = Blueprint("portal_imports", __name__)
LIST = "/portal/imports"
SHOWN_ROWS = 20
# Number of columns shown; one less beside the mapping.
SHOWN_ALONE, SHOWN_BESIDE_MAPPING = 5, 4
STATE_LOOKS = {
    ImportState.DRAFT: ("quiet", "pencil", "Draft"),
    ImportState.QUEUED: ("info", "clock", "Waiting"),
    ImportState.RUNNING: ("info", "loader-2", "Running"),
    ImportState.DONE: ("good", "circle-check", "Done"),
    ImportState.STOPPED: ("warn", "player-pause", "Stopped"),
    ImportState.FAILED: ("bad", "alert-circle", "Failed"),
}
KINDS = (books.CUSTOMERS, books.PRODUCTS, books.ORDERS)
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@blueprint.get(LIST)
@staff_page(Right.SEE_IMPORTS)
@reads_query(PageInput)
async def show_imports(query: PageInput) -> Response:
    """Every import, the newest first."""
    async with current_database().reading() as connection:
        page = await queries.list_runs(connection, query, visible_to=current_actor())
    return await page_or_block("imports/list.html", block="import_table", page=page, looks=STATE_LOOKS, kinds=KINDS)


@blueprint.get(f"{LIST}/running")
@staff_page(Right.SEE_IMPORTS)
async def show_running() -> Response:
    """The progress bars of running imports in the side menu."""
    if not wants_block():
        return await redirect_to(LIST)
    async with current_database().reading() as connection:
        runs = await queries.list_open_runs(connection)
    return await page_or_block("imports/running.html", block="side_tasks", side_tasks=runs)


@blueprint.get(f"{LIST}/new/<kind>")
@staff_page(Right.IMPORT_BOOKS)
async def show_upload(kind: str) -> Response:
    """Ask for the file."""
    return await _show_upload(find_kind(kind))


@blueprint.post(f"{LIST}/new/<kind>")
@staff_page(Right.IMPORT_BOOKS)
@reads_spooled("file")
async def upload(kind: str, file: BinaryIO, filename: str) -> Response:
    """Store the file and continue to its columns, with a dry run started."""
    chosen = find_kind(kind)
    try:
        async with db().begin_nested():
            run = await upload_file(db(), chosen, file, filename, needs_columns=False, by=current_actor())
            if all(name in run.mapping.values() for name in chosen.required) and run.mapping:
                await start_import(db(), run.id, StartImport(is_dry=True), by=current_actor())
    except InvalidInput as refusal:
        return await _show_upload(chosen, problem=refusal.message, status=form_status(refusal))
    return await redirect_to(f"{LIST}/{run.id}")


@blueprint.get(f"{LIST}/<id:run_id>")
@staff_page(Right.SEE_IMPORTS)
async def show_import(run_id: int) -> Response:
    """One import: its columns, progress or result."""
    return await _show(run_id)


@blueprint.post(f"{LIST}/<id:run_id>/start")
@staff_page(Right.IMPORT_BOOKS)
async def start(run_id: int) -> Response:
    """Start the import with the chosen columns, as a dry run or for real."""
    pairs = await form_pairs()
    columns = _read_columns(pairs)
    is_dry = pairs.get("act", [""])[-1] == "check"
    try:
        data = read_values(StartImport, {"columns": columns, "is_dry": is_dry})
        async with db().begin_nested():
            await start_import(db(), run_id, data, by=current_actor())
    except (InvalidInput, Refused) as refusal:
        sentence = "; ".join(f"Columns {fault}" for fault in refusal.fields.values()) or refusal.message
        return await _show(run_id, problem=sentence, status=form_status(refusal), columns=columns)
    return await redirect_to(f"{LIST}/{run_id}", toast=None if is_dry else "The import runs")


def _read_columns(pairs: dict[str, list[str]]) -> dict[str, str]:
    """The column chosen for each field."""
    chosen = {name: values[-1] for name, values in pairs.items() if name.startswith("column:")}
    return {name.removeprefix("column:"): column for name, column in chosen.items() if column}


@blueprint.post(f"{LIST}/<id:run_id>/stop")
@staff_page(Right.IMPORT_BOOKS)
async def stop(run_id: int) -> Response:
    """Stop after the current batch."""
    await stop_import(db(), run_id, by=current_actor())
    return await redirect_to(f"{LIST}/{run_id}", toast="The import is stopped; imported rows stay")


@blueprint.get(f"{LIST}/<id:run_id>/bad.csv")
@staff_page(Right.SEE_IMPORTS)
@audits_export("import")
async def download_bad_rows(run_id: int) -> Response:
    """The bad rows unchanged, with the reason in an extra last column."""
    async with current_database().reading() as connection:
        run = await queries.get_run(connection, run_id, visible_to=current_actor())
    return await stream_file(queries.export_bad_rows(current_database(), run), run.bad_filename)


async def _show_upload(kind: ImportKind, *, problem: str = "", status: int = 200) -> Response:
    return await page_or_block(
        "imports/upload.html",
        block="upload_form",
        status=status,
        kind=kind,
        problem=problem,
        steps=_make_steps(0),
        url=f"{LIST}/new/{kind.name}",
    )


async def _show(
    run_id: int, *, problem: str = "", status: int = 200, columns: dict[str, str] | None = None
) -> Response:
    async with current_database().reading() as connection:
        run = await queries.get_run(connection, run_id, visible_to=current_actor())
        first = await queries.read_first_rows(connection, run_id, most=SHOWN_ROWS)
        bad_counts = await queries.count_faults(connection, run_id)
        shown = _choose_rows(run, request.args.get("rows", ""))
        outcome = RowOutcome.SKIPPED if shown == "known" else RowOutcome.BAD
        rows = (
            first
            if shown == "first"
            else await queries.list_kept_rows(connection, run_id, outcome=outcome, most=SHOWN_ROWS)
        )
    waits = run.state == ImportState.DRAFT or (run.is_dry and run.finished_at is not None)
    fields = _choose_fields(
        run, {field for row in rows for field in row.faults}, SHOWN_BESIDE_MAPPING if waits else SHOWN_ALONE
    )
    return await page_or_block(
        "imports/import.html",
        block="import_page",
        status=status,
        run=run,
        rows=rows,
        shown=shown,
        tabs=_make_tabs(run, shown, len(first)),
        looks=STATE_LOOKS,
        mapping=columns if columns is not None else run.mapping,
        fields=[("", "Do not import"), *((each.name, each.label) for each in run.of_kind.fields)],
        shown_fields=fields,
        others={row.line_number: _tell_others(row, fields) for row in rows},
        samples={name: next((row.cells[name] for row in first if row.cells.get(name)), "") for name in run.headings},
        bad_counts=bad_counts,
        delimiter=DELIMITERS.get(run.delimiter, run.delimiter),
        waits=waits,
        took=_write_duration(run.took),
        left=_write_duration(run.time_left),
        steps=_make_steps(_find_step(run)),
        name_column=_name_column,
        problem=problem,
        url=f"{LIST}/{run_id}",
    )


def _choose_rows(run: RunRow, asked: str) -> str:
    """The rows shown: the requested ones, otherwise the bad ones, otherwise the first of the file."""
    return asked if asked in {"bad", "known", "first"} else "bad" if run.bad_rows or run.is_over else "first"


def _make_tabs(run: RunRow, shown: str, first: int) -> list[dict[str, Any]]:
    words = [("bad", "Bad rows", run.bad_rows), ("first", "First rows", first)]
    words.append(("known", run.of_kind.known_words, run.skipped_rows))
    return [
        {"word": word, "url": f"{LIST}/{run.id}?rows={name}", "count": count, "current": name == shown}
        for name, word, count in words
    ]


def _choose_fields(run: RunRow, faulty: set[str], most: int) -> list[tuple[str, str, str]]:
    """The columns to show, with their field and its name: the first, those with errors, then others up to `most`."""
    labels = {each.name: each.label for each in run.of_kind.fields}
    taken = [(column, field, labels[field]) for column, field in run.mapping.items() if field in labels]
    taken.sort(key=lambda each: list(labels).index(each[1]))
    chosen = taken[:1] + [each for each in taken[1:] if each[1] in faulty]
    chosen += [each for each in taken if each not in chosen]
    return sorted(chosen[:most], key=lambda each: list(labels).index(each[1]))


def _tell_others(row: queries.KeptRow, fields: list[tuple[str, str, str]]) -> str:
    """Errors of a row that belong to no column shown."""
    named = {field for _, field, _ in fields}
    return "; ".join(f"{field} {fault}".strip() for field, fault in row.faults.items() if field not in named)


def _write_duration(took: timedelta | None) -> str:
    if took is None:
        return ""
    minutes, seconds = divmod(max(round(took.total_seconds()), 1), 60)
    return f"{minutes} min {seconds} s" if minutes else format_plural(seconds, "second")


def _name_column(column: str) -> str:
    """A column's display name; it is stored in lower case with underscores."""
    words = column.replace("_", " ")
    return words[:1].upper() + words[1:]


def _find_step(run: RunRow) -> int:
    return 1 if run.state == ImportState.DRAFT or run.is_dry else 2 if run.is_open else 4


def _make_steps(place: int) -> list[dict[str, Any]]:
    words = [("File", "file-text"), ("Columns", "list-check"), ("Import", "upload"), ("Done", "circle-check")]
    return [
        {"word": word, "icon": "check" if number < place else icon, "state": _step_state(number, place)}
        for number, (word, icon) in enumerate(words)
    ]


def _step_state(number: int, place: int) -> str:
    return "done" if number < place else "next" if number == place else ""
