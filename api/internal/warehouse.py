"""Internal endpoint for the warehouse: the summary of unshipped orders."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.warehouse import NotifiedOut
from domain.warehouse import notify
from web.guards import internal_only
from web.reading import answers
from web.request import db, settings

blueprint = Blueprint("internal_warehouse", __name__)
tag_blueprint(blueprint, ["warehouse"])


@blueprint.post("/api/internal/warehouse/notify-unshipped")
@internal_only
@answers(NotifiedOut)
async def notify_unshipped() -> Any:
    """Post a summary of unshipped orders to Discord; without a configured webhook nothing is posted, and the message
    says so."""
    return await notify.notify_unshipped(db(), settings())
