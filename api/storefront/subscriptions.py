"""A customer's own subscriptions in the shop."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.subscriptions import OwnSubscriptionOut
from domain.kernel.codes import Code
from domain.subscriptions.own import ChangeOwnSubscription, change_own, get_own, list_own
from web.guards import customer_only
from web.reading import answers, reads, refuses
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("storefront_subscriptions", __name__)
tag_blueprint(blueprint, ["subscriptions"])


@blueprint.get("/api/subscriptions/mine")
@customer_only
@answers(list[OwnSubscriptionOut])
async def list_my_subscriptions() -> Any:
    """The signed-in customer's subscriptions that have not ended, with the cost of the next renewal at today's
    price."""
    return await list_own(db(), by=current_actor(), rules=order_rules())


@blueprint.patch("/api/subscriptions/mine")
@customer_only
@reads(ChangeOwnSubscription)
@answers(OwnSubscriptionOut)
@refuses(Code.NOT_FOUND, Code.RENEWAL_RUNNING, Code.STATE_NOT_ALLOWED)
async def change_my_subscription(data: ChangeOwnSubscription) -> Any:
    """Skip the next renewal, pause or resume, or change the date or quantity of the customer's own subscription."""
    changed = await change_own(db(), data, timezone=settings().timezone, by=current_actor())
    return await get_own(db(), changed.id, rules=order_rules())
