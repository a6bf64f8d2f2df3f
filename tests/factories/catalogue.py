"""Pictures and keys of the tests of the catalogue."""

from io import BytesIO

from PIL import Image
from quart.datastructures import FileStorage
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM
from domain.staff.api_keys import CreateApiKey, create_api_key
from models import KeyScope
from tests.factories import next_number


def make_picture(kind: str = "PNG", *, shade: int = 120, size: tuple[int, int] = (40, 30)) -> bytes:
    """A small grey picture; different shades give different pictures."""
    written = BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(written, kind)
    return written.getvalue()


def as_file(data: bytes, name: str = "image", filename: str = "pan.jpg") -> dict[str, FileStorage]:
    """A file for the test browser's `files`."""
    return {name: FileStorage(BytesIO(data), filename)}


async def make_key(db: AsyncSession, scope: KeyScope = KeyScope.SYNC) -> dict[str, str]:
    """The header of a program with a key of this scope."""
    made = await create_api_key(db, CreateApiKey(name=f"Program {next_number()}", scopes=[scope]), by=SYSTEM)
    await db.commit()
    return {"X-API-Key": made.key}
