"""The API's own document and the page to read it on, from vendored files."""

from typing import Any, cast

import orjson
from quart import Blueprint, Response, current_app

from api.openapi import build_openapi
from web.guards import public
from web.templates import render_template

blueprint = Blueprint("documents", __name__)


@blueprint.get("/openapi.json")
@public
async def openapi_document() -> Response:
    """The OpenAPI 3.1 document."""
    known: dict[str, Any] = current_app.extensions
    if "openapi_bytes" not in known:
        app = cast(Any, current_app)._get_current_object()  # noqa: SLF001 - the framework's own way to the app itself
        known["openapi_bytes"] = orjson.dumps(build_openapi(app), option=orjson.OPT_NON_STR_KEYS)
    return Response(known["openapi_bytes"], content_type="application/json")


@blueprint.get("/docs")
@public
async def api_pages() -> str:
    """The API's document as pages."""
    return await render_template("docs.html")
