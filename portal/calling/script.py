"""The call script: editing with a preview, and earlier versions."""

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.calling.script import UpdateScript, get_script, list_versions, update_script
from portal.attempts import Attempt, attempt
from portal.calling.words import fill_script, first_name
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_call_script", __name__)
PAGE = "/portal/call-script"
SAMPLE = {"contact": "Hannah", "customer": "Prairie Rose Café", "usual_item": "Deli container, 32 oz"}


@blueprint.get(PAGE)
@staff_page(Right.EDIT_SCRIPT)
async def show_script() -> Response:
    """The script and its versions."""
    return await _show()


@blueprint.post(PAGE)
@staff_page(Right.EDIT_SCRIPT)
async def save_script() -> Response:
    """Save a new version."""

    async def save(data: UpdateScript) -> bool:
        await update_script(db(), data, by=current_actor())
        return True

    tried = await attempt(UpdateScript, save)
    return await _show(tried) if tried.result is None else await redirect_to(PAGE, toast="The script is saved")


@blueprint.post(f"{PAGE}/preview")
@staff_page(Right.EDIT_SCRIPT)
async def preview_script() -> Response:
    """A preview of the edited script, with a sample customer's names."""
    return await _show(typed=(await request.form).get("content", "")[:20_000])


async def _show(tried: Attempt[bool] | None = None, *, typed: str | None = None) -> Response:
    script = await get_script(db())
    content = typed if typed is not None else tried.typed.get("content", "") if tried else script.content
    return await page_or_block(
        "calling/script.html",
        block=("script_page", "script_preview"),
        status=tried.status if tried else 200,
        script=script,
        content=content,
        preview=fill_script(content, SAMPLE | {"company": settings().company_name, "rep": first_name(current_actor())}),
        errors=tried.errors if tried else {},
        versions=await list_versions(db()),
    )
