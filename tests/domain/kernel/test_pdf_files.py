"""A PDF that would run something is found, however its names are written or packed; plain ones pass."""

import zlib

import pytest

from documents.pdf import render_pdf
from domain.kernel.pdf_files import MOST_UNPACKED, find_active_name


def make_pdf(*objects: bytes) -> bytes:
    numbered = (b"%d 0 obj%sendobj\n" % (number, content) for number, content in enumerate(objects, 1))
    return b"%PDF-1.7\n" + b"".join(numbered) + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def stream(content: bytes, head: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\r\n%s\nendstream " % (head, len(content), content)


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
SCRIPT = b"<</S/JavaScript/JS(app.alert(1))>>"


@pytest.mark.parametrize(
    ("objects", "name"),
    [
        ((b"<</Type/Catalog/OpenAction" + SCRIPT + b">>",), "/JavaScript"),
        ((CATALOG, b"<</S /J#61vaScript /J#53 (app.alert(1))>>"), "/JavaScript"),
        ((CATALOG, b"<</S/Rendition/JS 7 0 R>>"), "/Rendition"),
        ((CATALOG, b"<</S/Launch/F(calc.exe)>>"), "/Launch"),
        ((CATALOG, b"<</Names<</EmbeddedFiles 4 0 R>>>>"), "/EmbeddedFiles"),
        ((CATALOG, stream(b"q Q"), b"<</AA<</O" + SCRIPT + b">>>>"), "/JavaScript"),
        ((CATALOG, stream(zlib.compress(b"7 0 " + SCRIPT), b"/Type/ObjStm/Filter/FlateDecode")), "/JavaScript"),
        ((CATALOG, stream(b"no zlib at all", b"/Type/ObjStm/Filter/FlateDecode")), "/ObjStm"),
        ((CATALOG, stream(zlib.compress(bytes(33_000_000)), b"/Type/ObjStm/Filter/FlateDecode")), "/ObjStm"),
        # What is hidden from a reader that takes the document by its word.
        ((CATALOG, stream(zlib.compress(b"7 0 " + SCRIPT), b"/Type/Obj#53tm/Filter/FlateDecode")), "/JavaScript"),
        (
            (CATALOG, stream(zlib.compress(SCRIPT), b"/Type/ObjStm/X(%s)/Filter/FlateDecode" % (b"x" * 5000))),
            "/JavaScript",
        ),
        ((CATALOG, b"<</X(\nstream\n)>>", SCRIPT, b"<</X(endstream)>>"), "/JavaScript"),
        ((CATALOG, stream(b"3 0 obj" + SCRIPT + b"endobj")), "/JavaScript"),
        ((CATALOG, b"(stream\n)", stream(zlib.compress(SCRIPT), b"/Type/ObjStm/Filter/FlateDecode")), "/JavaScript"),
        ((CATALOG, stream(zlib.compress(SCRIPT)[:-9], b"/Type/ObjStm/Filter/FlateDecode")), "/ObjStm"),
        ((CATALOG, stream(zlib.compress(b"7"), b"/Type/ObjStm/DecodeParms<</Predictor 12>>")), "/ObjStm"),
    ],
)
def test_what_a_reader_would_run_is_found(objects: tuple[bytes, ...], name: str) -> None:
    assert find_active_name(make_pdf(*objects)) == name


def test_what_may_be_unpacked_is_bounded_for_the_document_as_a_whole() -> None:
    head = b"/Type/ObjStm/Filter/FlateDecode"
    all_of_it, more = stream(zlib.compress(bytes(MOST_UNPACKED)), head), stream(zlib.compress(b"0"), head)
    assert find_active_name(make_pdf(CATALOG, all_of_it)) is None
    assert find_active_name(make_pdf(CATALOG, all_of_it, more)) == "/ObjStm"


@pytest.mark.parametrize(
    "objects",
    [
        (CATALOG,),
        (b"<</Type/Catalog/OpenAction[3 0 R/Fit]/PageMode/UseNone>>", b"<</Title(Launch of /JSON and /XFAct)>>"),
        # The letters of a picture or of packed pages mean nothing.
        (CATALOG, stream(b"\x89/JS /XFA \xff"), stream(zlib.compress(b"(/JS) Tj"), b"/Filter/FlateDecode")),
        (CATALOG, stream(zlib.compress(b"7 0 <</Type/Page>>"), b"/Type/ObjStm/Filter/FlateDecode")),
    ],
)
def test_a_document_that_only_shows_something_passes(objects: tuple[bytes, ...]) -> None:
    assert find_active_name(make_pdf(*objects)) is None


async def test_an_invoice_of_a_real_program_passes() -> None:
    assert find_active_name(await render_pdf("<h1>Invoice</h1><p>4 stock pots $412.00</p>")) is None
