"""The call script: edited with a preview, earlier versions beside it."""

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.calling.script import UpdateScript, get_script, list_versions, update_script
from portal.attempts import Attempt, attempt
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db

blueprint = Blueprint("portal_call_script", __name__)
PAGE = "/portal/call-script"


@blueprint.get(PAGE)
@staff_page(Right.EDIT_SCRIPT)
async def show_script() -> Response:
    """The script and its versions."""
    return await _show()


@blueprint.post(PAGE)
@staff_page(Right.EDIT_SCRIPT)
async def save_script() -> Response:
    """Keep a new version."""

    async def save(data: UpdateScript) -> bool:
        await update_script(db(), data, by=current_actor())
        return True

    tried = await attempt(UpdateScript, save)
    return await _show(tried) if tried.result is None else await redirect_to(PAGE, toast="The script is saved")


async def _show(tried: Attempt[bool] | None = None) -> Response:
    script = await get_script(db())
    return await page_or_block(
        "calling/script.html",
        block="script_page",
        status=tried.status if tried else 200,
        script=script,
        content=tried.typed.get("content", "") if tried else script.content,
        errors=tried.errors if tried else {},
        versions=await list_versions(db()),
    )
