"""PDFs from HTML, made by child processes.

The PDF library takes a second to load, and on a machine without its libraries or fonts it would take the server down.
"""

import asyncio
import gc
import multiprocessing
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from domain.kernel.errors import OutsideServiceFailed

STATIC = Path(__file__).resolve().parent.parent / "static"
LONGEST_SECONDS = 60
# A child that has made this many documents is replaced, which limits its memory leaks.
DOCUMENTS_PER_CHILD = 200


# The size of the cache of documents in bytes; the newest are kept.
MOST_AT_HAND = 16_000_000


class _Pool:
    children: ProcessPoolExecutor | None = None


class _AtHand:
    papers: ClassVar[OrderedDict[bytes, bytes]] = OrderedDict()
    size = 0


async def render_again(html: str) -> bytes:
    """Like `render_pdf`, but return a recent PDF of the same HTML if there is one.

    For documents that are not stored: a viewer fetches the document a second time, and people print a slip again.
    """
    known = sha256(html.encode()).digest()
    if (paper := _AtHand.papers.get(known)) is None:
        paper = await render_pdf(html)
        _AtHand.size += len(paper) - len(_AtHand.papers.pop(known, b""))
        _AtHand.papers[known] = paper
        while _AtHand.size > MOST_AT_HAND:
            _AtHand.size -= len(_AtHand.papers.popitem(last=False)[1])
    return paper


async def render_pdf(html: str) -> bytes:
    """Return the PDF of an HTML page that refers only to our own static files, by paths below `static/`.

    Raises OutsideServiceFailed if the PDF process dies or takes longer than a minute.
    """
    # Retry once with new children: another document may have killed the one that also had this document.
    for _ in range(2):
        with suppress(BrokenProcessPool):
            return await _render_once(html)
    raise OutsideServiceFailed(
        "The PDF could not be made. Are the libraries that make PDFs installed (see docs/operations.md)?"
    )


async def _render_once(html: str) -> bytes:
    children = _children()
    try:
        work = children.submit(_write_pdf, html)
        return await asyncio.wait_for(asyncio.wrap_future(work), LONGEST_SECONDS)
    except BrokenProcessPool:
        _retire(children)
        raise
    except TimeoutError:
        if work.running():
            # A child that hangs must not block later documents; one that was only waiting can be replaced without harm.
            _retire(children)
        raise OutsideServiceFailed("The PDF took too long to make. Try fewer pages.") from None


def _retire(children: ProcessPoolExecutor) -> None:
    """Start new documents in new children; the pending ones in these are finished."""
    if _Pool.children is children:
        _Pool.children = None
    children.shutdown(wait=False)


def close_documents() -> None:
    """Stop the child processes; the next document starts new ones."""
    children, _Pool.children = _Pool.children, None
    if children is not None:
        children.shutdown(wait=False, cancel_futures=True)


def _children() -> ProcessPoolExecutor:
    if _Pool.children is None:
        _Pool.children = ProcessPoolExecutor(
            max_workers=2,
            # A fork of the server would share its sockets and its event loop with the child.
            mp_context=multiprocessing.get_context("forkserver"),
            max_tasks_per_child=DOCUMENTS_PER_CHILD,
        )
    return _Pool.children


@cache
def _fonts() -> Any:
    """Return the fonts of all documents, loaded by a child's first document; each is named by its rule in paper.css."""
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


def _write_pdf(html: str) -> bytes:
    """Runs in the child."""
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    class StaticFiles(URLFetcher):  # type: ignore[misc, no-any-unimported, unused-ignore]
        """Reads our own static files; documents can access nothing else."""

        def fetch(self, url: str, headers: object = None) -> object:
            path = Path(unquote(urlsplit(url).path)).resolve()
            if not url.startswith("file://") or STATIC not in path.parents:
                raise ValueError(f"Documents may not refer to {url}")
            return super().fetch(url, headers)

    page = HTML(string=html, base_url=STATIC.as_uri() + "/", url_fetcher=StaticFiles(allowed_protocols={"file"}))
    # Tagged, with language and title, so that a screen reader reads tables as tables.
    document: bytes = page.write_pdf(font_config=_fonts(), pdf_variant="pdf/ua-1")
    _freeze_what_stays()
    return document


@cache
def _freeze_what_stays() -> None:
    """Exclude the PDF library, loaded by the first document, from garbage collection in this child.

    Otherwise every fourth document takes half as long again, while all objects of the library are scanned.
    """
    gc.collect()
    gc.freeze()
