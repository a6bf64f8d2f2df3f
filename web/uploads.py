"""How a handler receives a file: one multipart part, limited before it is read; the domain checks its content."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from pydantic import create_model
from quart import request
from quart.datastructures import FileStorage
from quart_schema import DataSource, document_request
from quart_schema.pydantic import File

from domain.kernel.errors import InvalidInput, UnsupportedType
from domain.kernel.input_errors import read_together
from domain.kernel.inputs import Input
from web.guards import Handler
from web.reading import body_limit, read_form_body

MULTIPART = "multipart/form-data"
PICTURE_MEGABYTES = 12


def reads_file(name: str) -> Callable[[Handler], Handler]:
    """Read the file sent as `name` and pass its bytes as `file`; another media type is 415, a missing file 400."""
    document = create_model(f"{name.capitalize()}File", **{name: (File, ...)})  # type: ignore[call-overload]

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def reading(*args: Any, **kwargs: Any) -> Any:
            if request.mimetype != MULTIPART:
                raise UnsupportedType(f"Send the file as {MULTIPART}, in a part named {name}.")
            return await handler(*args, file=read_part((await request.files).getlist(name), name), **kwargs)

        bounded: Handler = body_limit(PICTURE_MEGABYTES)(reading)
        return document_request(document, source=DataSource.FORM_MULTIPART)(bounded)

    return decorate


def reads_spooled(name: str, *, megabytes: int = 64) -> Callable[[Handler], Handler]:
    """Read the file sent as `name` and pass it as `file` with its `filename`; a large one is spooled to disk."""
    document = create_model(f"{name.capitalize()}Spooled", **{name: (File, ...)})  # type: ignore[call-overload]

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def reading(*args: Any, **kwargs: Any) -> Any:
            if request.mimetype != MULTIPART:
                raise UnsupportedType(f"Send the file as {MULTIPART}, in a part named {name}.")
            parts = (await request.files).getlist(name)
            if len(parts) > 1:
                raise InvalidInput("Send one file at a time.", fields={name: "was sent more than once"})
            if not parts or not parts[0].stream.read(1):
                raise InvalidInput("Choose a file first.", fields={name: "is required"})
            parts[0].stream.seek(0)
            return await handler(*args, file=parts[0].stream, filename=parts[0].filename or "", **kwargs)

        bounded: Handler = body_limit(megabytes)(reading)
        return document_request(document, source=DataSource.FORM_MULTIPART)(bounded)

    return decorate


def read_part(parts: list[FileStorage], name: str) -> bytes:
    """Return the bytes of the only part. Raises InvalidInput if it was not sent, is empty or is one of several."""
    if len(parts) > 1:
        raise InvalidInput("Send one file at a time.", fields={name: "was sent more than once"})
    data = parts[0].read() if parts else b""
    if not data:
        raise InvalidInput("Choose a file first.", fields={name: "is required"})
    return data


async def read_upload(*names: str) -> bytes | None:
    """Return the first file sent under one of these names with a form; None if there is none, or only an empty one."""
    files = await request.files
    for name in names:
        if (sent := files.get(name)) is not None and (data := sent.read()):
            return bytes(data)
    return None


def reads_form_and_files(
    form: type[Input], prepare: Callable[[], Awaitable[Any]], *optional: str, required: tuple[str, ...] = ()
) -> Callable[[Handler], Handler]:
    """Parse an HTML form as `data`, and pass the result of `prepare` for the files sent with it as `files`.

    All invalid fields and files are reported together. `names` are the names of the files, for the document.
    """
    names: dict[str, Any] = dict.fromkeys(required, (File, ...)) | dict.fromkeys(optional, (File | None, None))
    document = create_model(f"{form.__name__}WithFiles", __base__=form, **names)

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def reading(*args: Any, **kwargs: Any) -> Any:
            data, files = await read_together(read_form_body(form), prepare())
            return await handler(*args, data=data, files=files, **kwargs)

        return document_request(document, source=DataSource.FORM_MULTIPART)(reading)

    return decorate
