"""A customer's subscription page, opened by a signed link: replace the card, skip, pause, move, change the quantity.

Opening a link changes nothing and starts nothing, because mail scanners open links; all changes are POSTs.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from quart import Blueprint, Response, redirect, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from documents.filters import format_date
from domain.kernel.clock import business_today
from domain.kernel.errors import DomainError, NotFound
from domain.subscriptions.change import LONGEST_MOVE, resume, skip_next
from domain.subscriptions.links import read_subscription_token
from domain.subscriptions.own import (
    ChooseDate,
    ChoosePause,
    ChooseQuantity,
    OwnSubscription,
    choose_date,
    choose_quantity,
    get_own,
    holder_actor,
    lock_own,
    rest,
)
from domain.subscriptions.save_method import ask_about_setup, open_setup_page
from domain.subscriptions.substitute import AnswerOffer, answer_offer
from portal.attempts import NoFields, attempt, form_status
from portal.public.pay import REMEMBERED
from portal.render import page_or_block, redirect_to
from web.guards import limited, public
from web.request import db, order_rules, settings

blueprint = Blueprint("pay_subscription", __name__)
PAGE = "/pay/sub/<token>"
# The locked subscription, the typed values, the actor and the day.
Act = Callable[[Any, Any, dict[str, Any]], Awaitable[str]]


@blueprint.get(PAGE)
@public
@limited("pay_page", 120, seconds=60)
async def show_own_subscription(token: str) -> Response:
    """The subscription with its next dates and possible acts."""
    return await _show(token)


@blueprint.post(f"{PAGE}/card")
@public
@limited("payment_intent", 20, seconds=3600)
async def save_own_card(token: str) -> Response | WerkzeugResponse:
    """Open Stripe's page for saving a card or bank account."""
    try:
        url = await open_setup_page(_read(token), settings=settings())
    except NotFound:
        raise
    except DomainError as refusal:
        await db().rollback()
        return await _show(token, refusal)
    session[REMEMBERED] = f"sub/{token}"
    return redirect(url, 303)


@blueprint.post(f"{PAGE}/arrived")
@public
@limited("pay_page", 120, seconds=60)
async def look_for_card(token: str) -> Response | WerkzeugResponse:
    """Ask Stripe whether a card or bank account was saved, and show the page again."""
    try:
        await ask_about_setup(_read(token), settings=settings())
    except NotFound:
        raise
    except DomainError as refusal:
        await db().rollback()
        return await _show(token, refusal)
    return await redirect_to(f"/pay/sub/{token}")


@blueprint.post(f"{PAGE}/<any(date, quantity, skip, pause, resume, substitute):act>")
@public
@limited("pay_page", 120, seconds=60)
async def change_own_subscription(token: str, act: str) -> Response:
    """Do one of the acts that need no sign-in."""
    model, do = _ACTS[act]
    page = await get_own(db(), _read(token), rules=order_rules())
    who = {"today": business_today(settings().timezone), "by": holder_actor(page)}

    async def save(data: Any) -> str:
        return await do(await lock_own(db(), page.id), data, who)

    tried = await attempt(model, save)
    if tried.result is None:
        return await _show(token, tried.refusal, act=act)
    return await redirect_to(f"/pay/sub/{token}", toast=tried.result)


async def _move(subscription: Any, data: ChooseDate, who: dict[str, Any]) -> str:
    await choose_date(db(), subscription, data, **who)
    return f"The next delivery ships on {format_date(subscription.next_renewal_date)}"


async def _change_quantity(subscription: Any, data: ChooseQuantity, who: dict[str, Any]) -> str:
    await choose_quantity(db(), subscription, data.quantity, by=who["by"])
    return f"{data.quantity} each time"


async def _skip(subscription: Any, _: NoFields, who: dict[str, Any]) -> str:
    await skip_next(db(), subscription, **who)
    return f"Skipped. The next delivery ships on {format_date(subscription.next_renewal_date)}"


async def _pause(subscription: Any, data: ChoosePause, who: dict[str, Any]) -> str:
    await rest(db(), subscription, data.until, **who)
    return f"Paused until {format_date(data.until)}" if data.until else "Paused"


async def _resume(subscription: Any, _: NoFields, who: dict[str, Any]) -> str:
    await resume(db(), subscription, **who)
    return f"The next delivery ships on {format_date(subscription.next_renewal_date)}"


async def _answer_offer(subscription: Any, data: AnswerOffer, who: dict[str, Any]) -> str:
    await answer_offer(db(), subscription, data, **who)
    return "Thank you. We will send it instead" if data.take else "Thank you. We will wait for your product"


_ACTS: dict[str, tuple[Any, Act]] = {
    "date": (ChooseDate, _move),
    "quantity": (ChooseQuantity, _change_quantity),
    "skip": (NoFields, _skip),
    "pause": (ChoosePause, _pause),
    "resume": (NoFields, _resume),
    "substitute": (AnswerOffer, _answer_offer),
}


def _read(token: str) -> int:
    return read_subscription_token(token, settings=settings())[0]


async def _show(token: str, refusal: DomainError | None = None, *, act: str = "") -> Response:
    try:
        subscription_id, expires_at = read_subscription_token(token, settings=settings())
        page: OwnSubscription = await get_own(db(), subscription_id, rules=order_rules())
    except NotFound as unknown:
        return await page_or_block("public/pay/unknown.html", status=404, message=unknown.message)
    today = business_today(settings().timezone)
    response = await page_or_block(
        "public/pay/subscription.html",
        block="pay_page",
        status=form_status(refusal) if refusal else 200,
        page=page,
        url=f"/pay/sub/{token}",
        act=act,
        earliest=today + timedelta(days=1),
        latest=today + LONGEST_MOVE,
        expires_at=expires_at,
        takes_cards=bool(settings().stripe_secret_key),
        returned=bool(request.args.get("paid")),
        problem=refusal.message if refusal and not refusal.fields else "",
        errors=refusal.fields if refusal else {},
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
