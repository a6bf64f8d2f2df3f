"""Subscriptions for staff."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent, mark_replay, sent_key
from api.refusals import STRIPE
from api.schemas.subscriptions import (
    IntervalSuggestionOut,
    RenewedOut,
    ResumedOut,
    SetupIntentOut,
    SubscriptionDetailOut,
    SubscriptionOut,
    SubscriptionStatusOut,
    show_detail,
)
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.subscriptions import change, enrol, renew, setup_intent
from domain.subscriptions.list_subscriptions import ListSubscriptions
from domain.subscriptions.list_subscriptions import get_subscription as find_detail
from domain.subscriptions.list_subscriptions import list_subscriptions as find_subscriptions
from domain.subscriptions.suggest_interval import SuggestInterval
from domain.subscriptions.suggest_interval import suggest_interval as find_interval
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("staff_subscriptions", __name__)
tag_blueprint(blueprint, ["subscriptions"])
LIST = "/api/staff/subscriptions"


@blueprint.get(LIST)
@staff_only(Right.SEE_SUBSCRIPTIONS)
@reads_query(ListSubscriptions)
@answers(list[SubscriptionOut])
async def list_subscriptions(query: ListSubscriptions) -> Any:
    """Subscriptions by status and customer; by default newest first."""
    async with current_database().listing() as connection:
        return await find_subscriptions(connection, query, rules=order_rules(), visible_to=current_actor())


@blueprint.post(LIST)
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@idempotent
@reads(enrol.CreateSubscription)
@answers(SubscriptionOut, 201)
@refuses(*STRIPE, Code.NOT_FOUND)
async def create_subscription(data: enrol.CreateSubscription) -> Any:
    """Enrol a customer in automatic orders of a product, charged to a saved payment method."""
    made = await enrol.create_subscription(
        db(), data, timezone=settings().timezone, company_domain=settings().company_domain, by=current_actor()
    )
    return await _show(made.id)


@blueprint.get(f"{LIST}/<id:id>")
@staff_only(Right.SEE_SUBSCRIPTIONS)
@answers(SubscriptionDetailOut)
async def get_subscription(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """One subscription with its renewals, the customer's orders and the product's history."""
    connection = await db().connection()
    return show_detail(await find_detail(connection, id, rules=order_rules(), visible_to=current_actor()))


@blueprint.put(f"{LIST}/<id:id>")
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@refuses(Code.RENEWAL_RUNNING, Code.STATE_NOT_ALLOWED)
@reads(change.UpdateSubscription)
@answers(SubscriptionOut)
async def update_subscription(id: int, data: change.UpdateSubscription) -> Any:  # noqa: A002
    """Change interval, quantity, discount, next date, notes or delivery."""
    await change.update_subscription(db(), id, data, timezone=settings().timezone, by=current_actor())
    return await _show(id)


@blueprint.post(f"{LIST}/<id:id>/cancel")
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@refuses(Code.STATE_NOT_ALLOWED)
@answers(SubscriptionStatusOut)
async def cancel_subscription(id: int) -> Any:  # noqa: A002
    """End a subscription permanently."""
    return await change.cancel_subscription(db(), id, by=current_actor())


@blueprint.post(f"{LIST}/<id:id>/pause")
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@refuses(Code.STATE_NOT_ALLOWED)
@answers(SubscriptionStatusOut)
async def pause_subscription(id: int) -> Any:  # noqa: A002
    """Pause an active subscription."""
    return await change.pause_subscription(db(), id, by=current_actor())


@blueprint.post(f"{LIST}/<id:id>/resume")
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@refuses(Code.STATE_NOT_ALLOWED)
@answers(ResumedOut)
async def resume_subscription(id: int) -> Any:  # noqa: A002
    """Resume a paused subscription; its next date is never in the past."""
    return await change.resume_subscription(db(), id, timezone=settings().timezone, by=current_actor())


@blueprint.post(f"{LIST}/<id:id>/renew")
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@refuses(*STRIPE, Code.OUT_OF_STOCK, Code.RENEWAL_RUNNING, Code.RENEWED_TODAY, Code.STATE_NOT_ALLOWED)
@answers(RenewedOut)
async def renew_subscription(id: int) -> Any:  # noqa: A002
    """Charge the saved payment method and create the order; a failed charge is recorded as a failed renewal."""
    actor = current_actor()
    renewed = await renew.renew_subscription(
        id,
        by=actor,
        caller=actor.caller,
        client_key=sent_key(),
        settings=settings(),
        rules=order_rules(),
    )
    if renewed.is_replay:
        mark_replay()
    return renewed


renew_subscription.is_idempotent = True  # type: ignore[attr-defined] # its key stands on the charge's row


@blueprint.post(f"{LIST}/setup-intent")
@staff_only(Right.EDIT_SUBSCRIPTIONS)
@reads(setup_intent.CreateSetupIntent)
@answers(SetupIntentOut)
@refuses(*STRIPE, Code.NOT_FOUND, Code.REQUEST_IN_PROGRESS)
async def create_setup_intent(data: setup_intent.CreateSetupIntent) -> Any:
    """Start saving a card or bank account at Stripe; finds or creates the Stripe customer."""
    return await setup_intent.create_setup_intent(data, by=current_actor(), settings=settings())


@blueprint.get(f"{LIST}/suggest-interval/<id:user_id>")
@staff_only(Right.SEE_SUBSCRIPTIONS)
@reads_query(SuggestInterval)
@answers(IntervalSuggestionOut)
async def suggest_interval(user_id: int, query: SuggestInterval) -> Any:
    """Suggest an interval from the customer's orders of a product, or of all products."""
    async with current_database().reading() as connection:
        return await find_interval(connection, user_id, query, timezone=settings().timezone, visible_to=current_actor())


async def _show(subscription_id: int) -> Any:
    connection = await db().connection()
    return (await find_detail(connection, subscription_id, rules=order_rules(), visible_to=current_actor())).line
