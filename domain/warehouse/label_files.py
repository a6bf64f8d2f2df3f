"""Printable labels: fetched once, stored in the database, and combined into one PDF."""

import asyncio
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, UnidentifiedImageError
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert

from domain.kernel.errors import NotFound, OutsideServiceFailed
from integrations.easypost_client import fetch_label
from integrations.errors import ServiceFailed
from models import Label, LabelFile, LabelState, columns_of
from models.session import current_database, separate_transaction

LABELS = columns_of(Label)
FILES = columns_of(LabelFile)
MOST_PRINTED = 400
# Labels are 4 × 6 inches.
_DOTS_PER_INCH = 300


async def keep_label_file(label_id: int) -> bool:
    """Fetch a label's file unless it is stored. Returns False if there is nothing to fetch. Raises ServiceFailed."""
    async with current_database().session() as db:
        label = (await db.execute(select(Label).where(Label.id == label_id))).scalar_one_or_none()
        kept = await db.scalar(select(LabelFile.label_id).where(LabelFile.label_id == label_id))
    if label is None or kept is not None or not label.label_url:
        return False
    data, content_type = await fetch_label(label.label_url)
    async with separate_transaction() as db:
        if await db.scalar(select(Label.id).where(Label.id == label_id).with_for_update(key_share=True)) is None:
            return False
        statement = insert(LabelFile).values(label_id=label_id, content_type=content_type, data=data)
        await db.execute(statement.on_conflict_do_nothing())
    return True


async def print_labels(label_ids: Sequence[int]) -> bytes:
    """Return one PDF of these labels, in order; files not stored yet are fetched.

    Raises NotFound if there are none, and OutsideServiceFailed if one can't be fetched. No connection is held while the
    carrier is asked.
    """
    bought = (LABELS.id.in_(label_ids[:MOST_PRINTED]), LABELS.state == LabelState.BOUGHT)
    is_kept = exists().where(FILES.label_id == LABELS.id)
    async with current_database().reading() as connection:
        known = {
            row.id: row.is_kept
            for row in await connection.execute(select(LABELS.id, is_kept.label("is_kept")).where(*bought))
        }
    wanted = [label_id for label_id in label_ids if label_id in known]
    if not wanted:
        raise NotFound("There is no such label.")
    try:
        for label_id in wanted:
            if not known[label_id]:
                await keep_label_file(label_id)
    except ServiceFailed as error:
        raise OutsideServiceFailed(f"A label's file is missing: {error}") from error
    kept = select(FILES.label_id, FILES.content_type, FILES.data).where(FILES.label_id.in_(wanted))
    async with current_database().reading() as connection:
        files = {label_id: (content_type, data) for label_id, content_type, data in await connection.execute(kept)}
    if not files:
        raise NotFound("The files of these labels were never stored.")
    return await asyncio.to_thread(join_files, [files[label_id] for label_id in wanted if label_id in files])


def join_files(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return one PDF made from PDFs and images. Raises OutsideServiceFailed for a file that is neither."""
    writer = PdfWriter()
    for content_type, data in files:
        try:
            pages = data if data.startswith(b"%PDF-") else _draw_page(data)
            for page in PdfReader(BytesIO(pages)).pages:
                writer.add_page(page)
        except (PyPdfError, UnidentifiedImageError, OSError, ValueError) as error:
            raise OutsideServiceFailed(f"A label's file can't be printed ({content_type}).") from error
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


def _draw_page(data: bytes) -> bytes:
    """Return an image as a one-page PDF."""
    written = BytesIO()
    with Image.open(BytesIO(data)) as picture:
        picture.convert("RGB").save(written, "PDF", resolution=_DOTS_PER_INCH)
    return written.getvalue()
