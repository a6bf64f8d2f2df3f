"""Imports prospects from a CSV file during the request: counts of new and listed rows, and the error of each bad
row."""

from typing import Any, BinaryIO

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.imports import from_api, queries
from domain.kernel.errors import InvalidInput
from domain.sales.prospects import FIELDS, PROSPECTS
from models.session import current_database
from portal.attempts import form_status
from portal.calling.list import LIST
from portal.render import page_or_block
from web.guards import staff_page
from web.request import current_actor, settings
from web.uploads import reads_spooled

blueprint = Blueprint("portal_calling_upload", __name__)
PAGE = f"{LIST}/upload"


@blueprint.get(PAGE)
@staff_page(Right.UPLOAD_PROSPECTS)
async def show_upload() -> Response:
    """Ask for the file."""
    return await _show()


@blueprint.post(PAGE)
@staff_page(Right.UPLOAD_PROSPECTS)
@reads_spooled("file")
async def upload_prospects(file: BinaryIO, filename: str) -> Response:
    """Import the file; a long one continues in the background."""
    me = current_actor()
    try:
        run = await from_api.import_and_wait(PROSPECTS, file, filename, timezone=settings().timezone, by=me)
    except InvalidInput as refusal:
        return await _show(problem=refusal.message, status=form_status(refusal))
    async with current_database().reading() as connection:
        bad = await queries.list_kept_rows(connection, run.id)
    return await _show(run=run, bad=bad)


async def _show(*, run: Any = None, bad: Any = (), problem: str = "", status: int = 200) -> Response:
    return await page_or_block(
        "calling/upload.html", block="upload_page", status=status, run=run, bad=bad, problem=problem, fields=FIELDS
    )
