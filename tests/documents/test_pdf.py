"""PDFs: they hold what the HTML says, reach no file but our own, and a dead child does not end the server."""

import asyncio
import os
import signal
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from documents import pdf
from documents.pdf import _AtHand, close_documents, render_again, render_pdf
from domain.kernel.errors import OutsideServiceFailed
from domain.kernel.qr_code import draw_qr
from domain.order_desk.packing_slip import QUIET_MODULES, draw_barcode
from tests.qr_codes import read_qr_of_paper


async def test_a_page_becomes_a_pdf() -> None:
    assert (await render_pdf("<p>Hello</p>")).startswith(b"%PDF-")


async def test_a_pdf_is_tagged_for_screen_readers() -> None:
    made = await render_pdf('<html lang="en"><head><title>Slip</title></head><body><h1>Slip</h1><p>x</p></body></html>')
    root: Any = PdfReader(BytesIO(made)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"


@pytest.mark.parametrize(
    "text", ["LLD-K8RM-5WQN", "https://kitchen.example/pay/invoice/MTI.awztng.U4DZoRpdQFW-abSob1A"]
)
async def test_a_qr_code_on_paper_reads_as_its_text(text: str) -> None:
    drawn = draw_qr(text)
    assert (drawn.size, drawn.path[:12]) == ({13: 29, 66: 45}[len(text)], "M4 4h7v1h-7z")
    picture = f'<svg viewBox="0 0 {drawn.size} {drawn.size}" width="76" height="76"><path d="{drawn.path}"/></svg>'
    assert read_qr_of_paper(await render_pdf(f"<p>Scan this</p>{picture}")) == text


async def test_a_document_reaches_no_file_outside_the_static_ones(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>s</text></svg>')
    plain = await render_pdf("<p>x</p>")
    for source in (secret.as_uri(), "../run.py", "http://127.0.0.1:9/x.png"):
        with_image = await render_pdf(f'<p>x</p><img src="{source}" width="9" height="9">')
        assert len(with_image) < len(plain) + 400


async def test_a_killed_child_is_replaced() -> None:
    await render_pdf("<p>Hello</p>")
    pool = pdf._Pool.children
    assert pool is not None
    for child in list(pool._processes):
        os.kill(child, signal.SIGKILL)
    await asyncio.sleep(0)
    assert (await render_pdf("<p>Again</p>")).startswith(b"%PDF-")
    close_documents()


async def test_a_child_that_dies_takes_no_document_of_others_with_it() -> None:
    async def make(number: int) -> bool:
        return (await render_pdf(f"<p>{number}</p>")).startswith(b"%PDF-")

    await render_pdf("<p>Hello</p>")
    made = [asyncio.ensure_future(make(number)) for number in range(6)]
    await asyncio.sleep(0)
    pool = pdf._Pool.children
    assert pool is not None
    os.kill(next(iter(pool._processes)), signal.SIGKILL)
    assert await asyncio.gather(*made) == [True] * 6
    close_documents()


async def test_a_document_that_takes_too_long_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    await render_pdf("<p>Hello</p>")
    pool = pdf._Pool.children
    monkeypatch.setattr(pdf, "LONGEST_SECONDS", 0)
    with pytest.raises(OutsideServiceFailed, match="too long"):
        await render_pdf("<p>Late</p>")
    monkeypatch.setattr(pdf, "LONGEST_SECONDS", 60)
    waiting = asyncio.ensure_future(render_pdf("<p>Other</p>"))
    await asyncio.sleep(0)
    assert pool is not None
    pdf._retire(pool)
    assert (await waiting).startswith(b"%PDF-")
    assert (await render_pdf("<p>Next</p>")).startswith(b"%PDF-")
    close_documents()


@pytest.mark.parametrize("text", ["LLD-K8RM-5WQN", "1", "A long number of staff's own 2026/11"])
def test_a_barcode_keeps_its_quiet_zones_and_begins_with_the_start_pattern(text: str) -> None:
    drawn = draw_barcode(text)
    first, last = drawn.bars[0], drawn.bars[-1]
    assert first.x == QUIET_MODULES
    assert drawn.width - (last.x + last.width) == QUIET_MODULES
    # Every symbol has 11 modules, the stop pattern 13.
    assert (drawn.width - 2 * QUIET_MODULES - 13) % 11 == 0
    # Code 128's stop pattern ends in a bar of two modules.
    assert last.width == 2


async def test_a_paper_just_made_is_at_hand_until_others_take_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    async def render(html: str) -> bytes:
        made.append(html)
        return html.encode() * 4

    monkeypatch.setattr("documents.pdf.render_pdf", render)
    monkeypatch.setattr(_AtHand, "papers", OrderedDict())
    monkeypatch.setattr(_AtHand, "size", 0)
    monkeypatch.setattr("documents.pdf.MOST_AT_HAND", 10)
    asked = ("ab", "ab", "cd", "ab", "cd")
    assert [await render_again(html) for html in asked] == [html.encode() * 4 for html in asked]
    assert made == ["ab", "cd", "ab", "cd"]
