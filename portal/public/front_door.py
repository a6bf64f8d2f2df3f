"""The bare address of an installation: it leads to the shop where there is one, else to the portal."""

from quart import Blueprint, redirect
from werkzeug.wrappers import Response as PlainResponse

from web.guards import public
from web.request import settings

blueprint = Blueprint("portal_front_door", __name__)
PORTAL = "/portal"


@blueprint.get("/")
@public
async def show_front_door() -> PlainResponse:
    """Lead to the shop, or to the portal where the shop is nowhere else."""
    shop, here = (address.rstrip("/") for address in (settings().storefront_url, settings().public_url))
    # A shop at our own address would lead here again.
    return redirect(f"{shop}/" if shop and shop != here else PORTAL, 303)
