"""What the tools read: the document as the program serves it."""

from pathlib import Path

import orjson
import pytest

from api.openapi import build_openapi
from app import build_app
from settings import Settings


@pytest.fixture(scope="session")
def document_file(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/openapi.json as a file, of an installation that knows its mail address."""
    app = build_app(settings.model_copy(update={"sales_inbox": "orders@ladle.example"}))
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(orjson.dumps(build_openapi(app), option=orjson.OPT_NON_STR_KEYS))
    return file
