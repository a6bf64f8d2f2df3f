"""API keys: administrators create them, see each once, and revoke them."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.staff import api_keys
from portal.attempts import Attempt, attempt, refusal_of
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db

blueprint = Blueprint("portal_api_keys", __name__)
LIST = "/portal/api-keys"
SCOPES = (
    ("voice", "Voice", "The voice agents’ tools"),
    ("sync", "Sync", "Products and stock from the supplier’s systems"),
    ("automation", "Automation", "Scheduled calls and reports"),
    ("catalogue", "Catalogue", "As sync, and adds new products: for a first load"),
)


@blueprint.get(LIST)
@staff_page(Right.EDIT_KEYS)
async def show_api_keys() -> Response:
    """All keys without their secrets, and the form for a new one."""
    return await _show(None)


@blueprint.post(LIST)
@staff_page(Right.EDIT_KEYS)
async def make_api_key() -> Response:
    """Create a key and show it once."""
    tried = await attempt(api_keys.CreateApiKey, lambda data: api_keys.create_api_key(db(), data, by=current_actor()))
    return await _show(tried)


@blueprint.get(f"{LIST}/<id:key_id>/revoke")
@staff_page(Right.EDIT_KEYS)
async def show_revoke_api_key(key_id: int) -> Response:
    """Ask before revoking a key."""
    key = await api_keys.get_api_key(db(), key_id)
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        title=f"Revoke {key.name}?",
        url=f"{LIST}/{key.id}/revoke",
        verb="Revoke",
        keep="Keep it",
        back_url=LIST,
        text="The program that uses this key is refused from its next request on. This can’t be undone; a new key"
        " needs another name.",
    )


@blueprint.post(f"{LIST}/<id:key_id>/revoke")
@staff_page(Right.EDIT_KEYS)
async def revoke_api_key(key_id: int) -> Response:
    """Revoke the key."""
    key = await api_keys.revoke_api_key(db(), key_id, by=current_actor())
    return await redirect_to(LIST, toast=f"{key.name} revoked")


async def _show(tried: Attempt[Any] | None) -> Response:
    made = tried.result if tried is not None else None
    again = tried is not None and made is None
    keys = await api_keys.list_api_keys(db())
    return await page_or_block(
        "administration/api_keys/list.html",
        made=made,
        keys=keys,
        in_force=sum(key.revoked_at is None for key in keys),
        scopes=SCOPES,
        scope_words={value: word for value, word, _ in SCOPES},
        typed=tried.typed if tried is not None and again else {},
        chosen=(await form_pairs()).get("scopes", []) if again else [],
        **refusal_of(tried),
    )
