"""Documents that both the API and the portal return: a packing slip is the same PDF in both."""

from collections.abc import Sequence
from urllib.parse import quote

from quart import Response

from documents.pdf import render_again
from domain.kernel.clock import now
from domain.order_desk.packing_slip import list_packing_slips
from models.session import current_database
from web.request import current_actor, settings
from web.templates import render_template


async def answer_slips(numbers: Sequence[str], filename: str) -> Response:
    """Return the packing slips of these orders as one PDF, each starting on a new page."""
    # Release the pool's connection while the document is made.
    async with current_database().session() as session:
        slips = await list_packing_slips(session, numbers, visible_to=current_actor())
    html = await render_template(
        "pdf/packing_slip.html", slips=slips, printed_at=now(), company_address=settings().company_address
    )
    # It shows the minute of printing, so within that minute it is the same document.
    return answer_pdf(await render_again(html), filename)


def answer_pdf(data: bytes, filename: str) -> Response:
    """Return a PDF to be displayed and not cached, also with an ASCII file name for old programs."""
    response = Response(data, content_type="application/pdf")
    plain = filename.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "")
    # Of a name in another script only the spaces would remain.
    plain = " ".join(plain.split()).replace(" .pdf", ".pdf")
    named = f'inline; filename="{plain}"'
    response.headers["Content-Disposition"] = (
        named if plain == filename else f"{named}; filename*=UTF-8''{quote(filename)}"
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
