"""Papers that both doors answer: a packing slip is the same PDF from the API and from the portal."""

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
    """The packing slips of these orders as one PDF, each on pages of its own."""
    # No connection of the pool waits while the paper is made.
    async with current_database().session() as session:
        slips = await list_packing_slips(session, numbers, visible_to=current_actor())
    html = await render_template(
        "pdf/packing_slip.html", slips=slips, printed_at=now(), company_address=settings().company_address
    )
    # The minute of printing stands on it: within that minute it is the same paper.
    return answer_pdf(await render_again(html), filename)


def answer_pdf(data: bytes, filename: str) -> Response:
    """A PDF to look at, which no cache keeps; its name also for programs that read ASCII alone."""
    response = Response(data, content_type="application/pdf")
    plain = filename.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "")
    # What is left of a name in other letters is its spaces.
    plain = " ".join(plain.split()).replace(" .pdf", ".pdf")
    named = f'inline; filename="{plain}"'
    response.headers["Content-Disposition"] = (
        named if plain == filename else f"{named}; filename*=UTF-8''{quote(filename)}"
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
