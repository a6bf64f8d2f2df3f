"""Internal endpoint for subscriptions: renews those that are due."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import takes_key
from api.schemas.subscriptions import ProcessedOut
from domain.kernel.codes import Code
from domain.subscriptions import renew
from web.guards import internal_only
from web.reading import answers, refuses
from web.request import order_rules, settings

blueprint = Blueprint("internal_subscriptions", __name__)
tag_blueprint(blueprint, ["subscriptions"])


@blueprint.post("/api/internal/subscriptions/process-due")
@internal_only
@takes_key
@answers(ProcessedOut)
@refuses(Code.NOT_CONFIGURED)
async def process_due_renewals() -> Any:
    """Renew all subscriptions that are due, each only once even if two requests run at the same time."""
    results = await renew.process_due(settings(), rules=order_rules())
    return {"processed": len(results), "results": results}
