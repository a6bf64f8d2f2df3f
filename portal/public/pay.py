"""The customer's payment page, opened by a link without sign-in: card or bank through Stripe, or photos of a check.

Opening a link changes nothing and starts nothing, because mail scanners open links; all changes are POSTs.
"""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response, redirect, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, NotFound, Refused
from domain.payments.check_photos import prepare_photos
from domain.payments.checkout import ask_about_link, open_checkout
from domain.payments.checks import upload_check
from domain.payments.pay_link import get_pay_page, payer_actor
from portal.attempts import form_status
from portal.render import page_or_block, redirect_to
from web.guards import limited, public
from web.reading import body_limit
from web.request import db, settings
from web.uploads import read_upload

blueprint = Blueprint("pay", __name__)
REMEMBERED = "pay_token"


@blueprint.get("/pay/<token>")
@public
@limited("pay_page", 120, seconds=60)
async def show_pay_page(token: str) -> Response:
    """The balance and the ways to pay, or the state of the payment."""
    return await _show(token)


@blueprint.get("/pay/back")
@public
@limited("pay_page", 120, seconds=60)
async def return_from_checkout() -> Response | WerkzeugResponse:
    """The return from Stripe's page: the browser remembers its link, which Stripe never gets."""
    token = session.get(REMEMBERED)
    returned = bool(request.args.get("paid"))
    if not token:
        return await page_or_block("public/pay/thanks.html", returned=returned)
    return redirect(f"/pay/{token}?paid=1" if returned else f"/pay/{token}", 303)


@blueprint.post("/pay/<token>/card")
@public
@limited("payment_intent", 20, seconds=3600)
async def pay_by_card(token: str) -> Response | WerkzeugResponse:
    """Open Stripe's own page for the balance."""

    async def redirect_to_checkout() -> WerkzeugResponse:
        url = await open_checkout(token, settings=settings())
        session[REMEMBERED] = token
        return redirect(url, 303)

    return await _try(token, redirect_to_checkout)


@blueprint.post("/pay/<token>/arrived")
@public
@limited("pay_page", 120, seconds=60)
async def look_for_payment(token: str) -> Response | WerkzeugResponse:
    """Ask Stripe whether the payment has arrived, and show the page again."""

    async def ask() -> Response:
        await ask_about_link(token, settings=settings())
        is_payable = (await get_pay_page(db(), token)).is_open
        return await redirect_to(f"/pay/{token}?not_arrived=1" if is_payable else f"/pay/{token}")

    return await _try(token, ask)


@blueprint.post("/pay/<token>/check")
@body_limit(25)
@public
@limited("pay_check", 20, seconds=3600)
async def send_check(token: str) -> Response | WerkzeugResponse:
    """Store the photos of a check and put the payment in review."""

    async def send() -> Response:
        page = await get_pay_page(db(), token)
        if not page.is_open:
            raise Refused("This link is no longer valid.", code=Code.LINK_OVER)
        # Photos may wait long for processing; no transaction is open meanwhile.
        await db().rollback()
        photos = await prepare_photos(await read_upload("check_front"), await read_upload("check_back"))
        await upload_check(db(), page.order_number, photos, by=payer_actor(page))
        return await redirect_to(f"/pay/{token}", toast="Your check is sent")

    return await _try(token, send)


async def _try(token: str, act: Callable[[], Awaitable[Response | WerkzeugResponse]]) -> Response | WerkzeugResponse:
    """Do the act, or show the page again with the error."""
    try:
        return await act()
    except NotFound:
        raise
    except DomainError as refusal:
        await db().rollback()
        return await _show(token, refusal)


async def _show(token: str, refusal: DomainError | None = None) -> Response:
    try:
        page = await get_pay_page(db(), token)
    except NotFound as unknown:
        return await page_or_block("public/pay/unknown.html", status=404, message=unknown.message)
    response = await page_or_block(
        "public/pay/pay.html",
        block="pay_page",
        status=form_status(refusal) if refusal else 200,
        page=page,
        url=f"/pay/{token}",
        takes_cards=bool(settings().stripe_secret_key) and page.suits_cards,
        returned=bool(request.args.get("paid")),
        not_arrived=bool(request.args.get("not_arrived")),
        problem=refusal.message if refusal and not refusal.fields else "",
        errors=refusal.fields if refusal else {},
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
