"""Payment acts of one order with a confirmation: a payment link, photos of a check, giving a payment back."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Filled60, Input
from domain.kernel.money import ZERO, format_money
from domain.order_desk.order_page import OrderPage, get_order_page
from domain.payments.check_photos import prepare_photos
from domain.payments.checks import UploadedCheck, upload_check
from domain.payments.pay_link import (
    CreatePayLink,
    LinkHours,
    MadeLink,
    SendBy,
    hand_out_pay_link,
    name_ways,
    send_pay_link,
)
from domain.payments.refund import RefundOutcome, RefundPayment, refund_payment
from domain.payments.refund_rows import Refundable, get_refundable
from models import Channel, GivenBack, GivenFor, OrderStatus
from portal.attempts import Attempt, attempt, attempt_in_own_transaction, form_version, refusal_of
from portal.orders.order import order_url
from portal.outgoing import say_leaving
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import body_limit
from web.request import current_actor, db, settings
from web.uploads import read_upload

blueprint = Blueprint("portal_payments", __name__)
# Reasons for giving money back: the customer no longer owes the amount, or owes it again.
ALLOWANCES = [
    (GivenFor.RETURNED, "Goods came back"), (GivenFor.DAMAGED, "Goods were damaged"),
    (GivenFor.SHORT, "Goods were missing"), (GivenFor.GOODWILL, "Goodwill"),
]  # fmt: skip
OF_CANCELLED = [(GivenFor.CANCELLED, "The order is cancelled")]
REVERSALS = [
    (GivenFor.MISTAKE, "Entered by mistake"), (GivenFor.BOUNCED, "The payment bounced"),
    (GivenFor.DISPUTED, "Lost in a dispute"),
]  # fmt: skip
LASTING = [("24", "1 day"), ("72", "3 days"), ("168", "1 week"), ("720", "30 days")]


class SendPayLink(Input):
    """How to send the link (to copy it if none is named), and how long it is valid."""

    way: SendBy | None = None
    expires_in_hours: LinkHours = 72


class CheckFiles(Input):
    """A form that brings files only."""

    order_number: Filled60 = "-"


@blueprint.get("/portal/orders/<number>/pay-link")
@staff_page(Right.SEND_PAY_LINKS)
async def show_pay_link(number: str) -> Response:
    """Ask how to send the link."""
    return await _ask_for_link(await _read(number))


@blueprint.post("/portal/orders/<number>/pay-link")
@staff_page(Right.SEND_PAY_LINKS)
async def send_link(number: str) -> Response:
    """Send the customer a link to the payment page, or show it to be copied."""
    shown = await _read(number)

    async def send(data: SendPayLink) -> tuple[MadeLink, str]:
        asked = CreatePayLink(order_number=shown.order.order_number, expires_in_hours=data.expires_in_hours)
        if data.way is None:
            return await hand_out_pay_link(db(), asked, by=current_actor(), settings=settings()), ""
        return await send_pay_link(db(), asked, way=data.way, by=current_actor(), settings=settings())

    tried = await attempt(SendPayLink, send)
    if tried.result is None or not tried.result[1]:
        return await _ask_for_link(shown, tried)
    return await redirect_to(order_url(number), toast=await _say_link(*tried.result))


async def _say_link(made: MadeLink, to: str) -> str:
    """The delivery state of a link that was just sent."""
    leaving = await say_leaving(Channel.EMAIL if "@" in to else Channel.TEXT, to)
    return f"The link for {format_money(made.amount)} {leaving}"


@blueprint.get("/portal/orders/<number>/check")
@staff_page(Right.UPLOAD_CHECKS)
async def show_check_upload(number: str) -> Response:
    """Ask for the photos of a check."""
    return await _ask("orders/payments/check.html", await _read(number))


@blueprint.post("/portal/orders/<number>/check")
@body_limit(25)
@staff_page(Right.UPLOAD_CHECKS)
async def keep_check(number: str) -> Response:
    """Store the photos of a check and put the payment in review."""
    shown = await _read(number)
    # Photos may wait long for processing; no transaction is open meanwhile.
    await db().rollback()

    async def keep(_: CheckFiles) -> UploadedCheck:
        photos = await prepare_photos(await read_upload("check_front"), await read_upload("check_back"))
        return await upload_check(db(), shown.order.order_number, photos, by=current_actor())

    tried = await attempt_in_own_transaction(CheckFiles, keep)
    if tried.result is None:
        return await _ask("orders/payments/check.html", shown, tried)
    return await redirect_to(order_url(number), toast="The check is waiting for review")


@blueprint.get("/portal/orders/<number>/refund/<id:payment_id>")
@staff_page(Right.REFUND_PAYMENTS)
async def show_refund(number: str, payment_id: int) -> Response:
    """Ask for the amount and the reason."""
    shown = await _read(number)
    return await _ask_refund(shown, await get_refundable(db(), shown.order.id, payment_id))


@blueprint.post("/portal/orders/<number>/refund/<id:payment_id>")
@staff_page(Right.REFUND_PAYMENTS)
async def give_back(number: str, payment_id: int) -> Response:
    """Give a payment back, in full or in part."""
    shown, version = await _read(number), await form_version()
    # The act has its own transactions; none may be open during the call to Stripe.
    await db().rollback()

    async def refund(data: RefundPayment) -> RefundOutcome:
        return await refund_payment(
            shown.order.id, payment_id, data, by=current_actor(), settings=settings(), version=version
        )

    tried = await attempt_in_own_transaction(RefundPayment, refund)
    if tried.result is None:
        return await _ask_refund(shown, await get_refundable(db(), shown.order.id, payment_id), tried)
    done = "taken back" if tried.result.given_back is GivenBack.REVERSAL else "refunded"
    return await redirect_to(order_url(number), toast=f"{format_money(tried.result.amount)} {done}")


async def _read(number: str) -> OrderPage:
    return await get_order_page(db(), number, visible_to=current_actor())


async def _ask_for_link(shown: OrderPage, tried: Attempt[tuple[MadeLink, str]] | None = None) -> Response:
    """The form for sending the link, or the link itself for copying."""
    made = tried.result[0] if tried and tried.result else None
    ways = name_ways(shown.order.balance or ZERO, settings())
    return await _ask("orders/payments/pay_link.html", shown, tried, lasting=LASTING, made=made, ways=ways)


async def _ask_refund(shown: OrderPage, found: Refundable, tried: Attempt[Any] | None = None) -> Response:
    ways = [("as_paid", "By Stripe, to the card or bank" if found.is_stripe else "By hand, in the way it was paid")]
    if shown.order.customer_id is not None:
        ways.append(("store_credit", "As store credit"))
    return await _ask(
        "orders/payments/refund.html",
        shown,
        tried,
        path=f"refund/{found.payment.id}",
        left=found.left,
        waiting=found.waiting,
        credited=ZERO if found.is_stripe else found.credited,
        ways=ways,
        allowances=OF_CANCELLED if shown.order.status == OrderStatus.CANCELLED else ALLOWANCES,
        reversals=REVERSALS,
    )


async def _ask(
    template: str, shown: OrderPage, tried: Attempt[Any] | None = None, *, path: str = "", **more: Any
) -> Response:
    """The confirmation as a page or in the dialog; after a refusal with the typed values."""
    name = path or template.rpartition("/")[2].removesuffix(".html").replace("_", "-")
    return await page_or_block(
        template,
        block="dialog",
        shown=shown,
        order=shown.order,
        url=f"{order_url(shown.order.order_number)}/{name}",
        back_url=order_url(shown.order.order_number),
        **refusal_of(tried),
        typed=tried.typed if tried else {},
        **more,
    )
