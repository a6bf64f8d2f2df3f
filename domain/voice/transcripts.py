"""Transcripts at a permanent, public, unguessable URL, without the card and bank digits that were said."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field

from domain.kernel.clock import business_today
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotConfigured, OutsideServiceFailed
from domain.kernel.inputs import Input, Text60, Text200
from domain.kernel.object_store import get_object_store
from domain.kernel.phone import parse_phone
from domain.voice.redact import redact_text, redact_value
from integrations.errors import ServiceFailed
from integrations.r2_client import put_object
from settings import Settings

MOST_CHARACTERS = 5_000_000
RANDOM_BYTES = 16  # 22 characters
# In the order in which they are checked.
NEEDED = ("r2_account_id", "r2_access_key_id", "r2_secret_access_key", "r2_bucket_name", "r2_public_url")
CONTENT_TYPES = {".txt": "text/plain; charset=utf-8", ".json": "application/json"}
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class UploadTranscript(Input):
    """A transcript as text; alternatively multipart with a .txt or .json `file`."""

    transcript: Annotated[str, Field(max_length=MOST_CHARACTERS)] | None = None
    """What was said; required unless a file is sent."""
    call_id: Text200 | None = None
    """The platform's id of the call."""
    phone: Text60 | None = None
    """The caller's number."""


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file."""

    filename: str
    data: bytes


@dataclass(frozen=True, slots=True)
class KeptTranscript:
    """Where a transcript is stored."""

    transcript_url: str
    key: str
    bucket: str
    size_bytes: int
    success: bool = True


async def upload_transcript(data: UploadTranscript, file: File | None, *, settings: Settings) -> KeptTranscript:
    """Store the redacted transcript in the object store.

    Raises InvalidInput without text and file, NotConfigured naming the first missing setting, and OutsideServiceFailed
    if the store does not accept it.
    """
    suffix, text = _read(data, file)
    for name in NEEDED:
        if not getattr(settings, name):
            detail = f"{name.upper()} environment variable is missing"
            raise NotConfigured("Transcript storage not configured", detail=detail)
    body = await asyncio.to_thread(_redact, suffix, text)
    key = make_key(data, suffix, settings)
    try:
        await put_object(get_object_store(settings), key, body, content_type=CONTENT_TYPES[suffix])
    except ServiceFailed as error:
        raise OutsideServiceFailed("The transcript could not be uploaded.", detail=str(error)) from error
    url = f"{settings.r2_public_url.rstrip('/')}/{key}"
    return KeptTranscript(url, key, settings.r2_bucket_name, len(body))


def _read(data: UploadTranscript, file: File | None) -> tuple[str, str]:
    """Return the type of the transcript, by its file name, and its text."""
    if file is None:
        if not data.transcript:
            sentence = "Send the transcript as text, or as a file."
            raise InvalidInput(sentence, fields={"transcript": "is required unless a file is sent"})
        return ".txt", data.transcript
    suffix = f".{file.filename.rpartition('.')[2].lower()}"
    if suffix not in CONTENT_TYPES:
        raise InvalidInput(
            "The file must be .txt or .json.", code=Code.BAD_FILE, fields={"file": "must be .txt or .json"}
        )
    if not file.data.strip():
        raise InvalidInput("The file is empty.", code=Code.BAD_FILE, fields={"file": "must not be empty"})
    try:
        return suffix, file.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return suffix, file.data.decode("cp1252", "replace")


def _redact(suffix: str, text: str) -> bytes:
    if suffix == ".json":
        try:
            value: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            return redact_text(text).encode()
        return orjson.dumps(redact_value(value))
    return redact_text(text).encode()


def make_key(data: UploadTranscript, suffix: str, settings: Settings) -> str:
    """Return the transcript's key: the day, the number, the call, and 22 random characters."""
    phone = (parse_phone(data.phone) if data.phone else None) or "unknown"
    call = _UNSAFE.sub("-", data.call_id or "").strip("-.")[:100] or "call"
    day = business_today(settings.timezone)
    return f"transcripts/{day}/{phone}_{call}-{secrets.token_urlsafe(RANDOM_BYTES)}{suffix}"
