"""The OpenAPI document, and pages to read it and try requests, from vendored files."""

from typing import Any, cast

import orjson
from quart import Blueprint, Response, current_app, request

from api.openapi import build_openapi
from api.reference import Area, filter_areas, read_areas
from domain.kernel.errors import NotFound
from web.guards import public
from web.templates import render_template

blueprint = Blueprint("documents", __name__)
LONGEST = 100


@blueprint.get("/openapi.json")
@public
async def openapi_document() -> Response:
    """The OpenAPI 3.1 document."""
    return Response(_read_document(), content_type="application/json")


@blueprint.get("/docs")
@public
async def api_pages() -> str:
    """All operations by area, or those that match the search words."""
    words = request.args.get("q", "")[:LONGEST]
    areas = filter_areas(_read_areas(), words)
    shown = sum(len(area.operations) for area in areas)
    return await render_template("docs/index.html", areas=areas, words=words, shown=shown)


@blueprint.get("/docs/<operation_id>")
@public
async def api_page(operation_id: str) -> str:
    """One operation with its fields, answers and refusals."""
    found = (one for area in _read_areas() for one in area.operations if one.id == operation_id)
    if (one := next(found, None)) is None:
        raise NotFound("The API has no such operation.")
    return await render_template("docs/operation.html", one=one)


@blueprint.get("/docs/try")
@public
async def try_requests() -> str:
    """The same document in Swagger UI, which sends requests."""
    return await render_template("docs/try.html")


def _read_document() -> bytes:
    known: dict[str, Any] = current_app.extensions
    if "openapi_bytes" not in known:
        app = cast(Any, current_app)._get_current_object()  # noqa: SLF001 - the framework's own way to the app itself
        known["openapi_bytes"] = orjson.dumps(build_openapi(app), option=orjson.OPT_NON_STR_KEYS)
    return cast(bytes, known["openapi_bytes"])


def _read_areas() -> list[Area]:
    known: dict[str, Any] = current_app.extensions
    if "api_areas" not in known:
        known["api_areas"] = read_areas(orjson.loads(_read_document()))
    return cast(list[Area], known["api_areas"])
