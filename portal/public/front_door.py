"""The root URL: redirects to the shop if there is one, otherwise to the portal."""

from quart import Blueprint, redirect
from werkzeug.wrappers import Response as PlainResponse

from web.guards import public
from web.request import settings

blueprint = Blueprint("portal_front_door", __name__)
PORTAL = "/portal"


@blueprint.get("/")
@public
async def show_front_door() -> PlainResponse:
    """Redirect to the shop, or to the portal if the shop has no URL of its own."""
    shop, here = (address.rstrip("/") for address in (settings().storefront_url, settings().public_url))
    # A shop at our own URL would redirect here again.
    return redirect(f"{shop}/" if shop and shop != here else PORTAL, 303)
