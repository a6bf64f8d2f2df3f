"""Paying in the shop: card payments, pay links, photos of checks."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent, idempotent_by, mark_replay, sent_key
from api.refusals import PICTURE, STRIPE
from api.schemas.payments import ConfirmedPaymentOut, CreatedIntentOut, PayLinkOut, UploadedCheckOut
from domain.access.rights import Right
from domain.kernel.actor import ActorKind
from domain.kernel.codes import Code
from domain.kernel.inputs import Filled60, Input
from domain.payments import card, checks, pay_link
from domain.payments.check_photos import CheckPhotos, prepare_photos
from models import KeyScope
from web.guards import limited, public_or_customer, staff_key_or_customer, staff_only
from web.reading import answers, body_limit, reads, refuses
from web.request import current_actor, db, peer_address, settings
from web.uploads import read_upload, reads_form_and_files

blueprint = Blueprint("storefront_payments", __name__)
tag_blueprint(blueprint, ["payments"])


class UploadCheck(Input):
    """The order of the check; the photos are the files `check_front` (or `check_image`) and `check_back`."""

    order_number: Filled60


@blueprint.post("/api/payments/confirm")
@public_or_customer
@limited("confirm_payment", 60, seconds=3600)
@reads(card.ConfirmPayment)
@answers(ConfirmedPaymentOut)
@refuses(
    *STRIPE,
    Code.NOT_FOUND,
    Code.ORDER_CANCELLED,
    Code.PAYMENT_MISMATCH,
    Code.PAYMENT_NOT_FINISHED,
    Code.PAYMENT_PROCESSING,
    Code.REQUEST_IN_PROGRESS,
)
async def confirm_payment(data: card.ConfirmPayment) -> Any:
    """Mark an order paid once Stripe confirms that the payment succeeded."""
    confirmed = await card.confirm_payment(data, by=current_actor(), settings=settings())
    return {"message": confirmed.sentence}


@blueprint.post("/api/payments/create-intent")
@public_or_customer
@limited("payment_intent", 20, seconds=3600)
@reads(card.CreateIntent)
@answers(CreatedIntentOut)
@refuses(
    *STRIPE,
    Code.ALREADY_PAID,
    Code.AMOUNT_DIFFERS,
    Code.NOT_FOUND,
    Code.NOT_SIGNED_IN,
    Code.ORDER_CANCELLED,
    Code.PAYMENT_PROCESSING,
)
async def create_payment_intent(data: card.CreateIntent) -> Any:
    """Create a Stripe PaymentIntent for an order's balance, or for an amount chosen by a signed-in customer."""
    actor = current_actor()
    caller = f"guest:{peer_address()}" if actor.kind is ActorKind.GUEST else actor.caller
    key = sent_key()
    created = await card.create_payment_intent(data, by=actor, caller=caller, client_key=key, settings=settings())
    if created.is_replay:
        mark_replay()
    return created


create_payment_intent.is_idempotent = True  # type: ignore[attr-defined] # its key stands on the intent's row


@blueprint.post("/api/payments/link")
@staff_key_or_customer(KeyScope.VOICE, KeyScope.AUTOMATION, right=Right.SEND_PAY_LINKS)
@idempotent
@reads(pay_link.CreatePayLink)
@answers(PayLinkOut)
@refuses(*STRIPE, Code.ALREADY_PAID, Code.NOT_FOUND, Code.ORDER_CANCELLED)
async def create_payment_link(data: pay_link.CreatePayLink) -> Any:
    """Create a payment page for an order's balance; without Stripe its URL is returned as `fallback_url`."""
    made = await pay_link.create_pay_link(db(), data, by=current_actor(), settings=settings())
    return {
        "payment_url": made.url,
        "order_number": made.order_number,
        "amount": made.amount,
        "expires_at": made.expires_at,
    }


async def _read_photos() -> CheckPhotos:
    return await prepare_photos(await read_upload("check_front", "check_image"), await read_upload("check_back"))


async def _name_upload(data: UploadCheck, files: CheckPhotos) -> tuple[bytes, ...]:
    """The order and the pictures, which identify a repeated upload."""
    return data.order_number.encode(), files.front.data, files.back.data if files.back else b""


@blueprint.post("/api/payments/check-upload")
@body_limit(25)
@staff_only(Right.UPLOAD_CHECKS)
@reads_form_and_files(UploadCheck, _read_photos, "check_image", "check_back", required=("check_front",))
@idempotent_by(_name_upload)
@answers(UploadedCheckOut)
@refuses(*PICTURE, Code.ALREADY_PAID, Code.NOT_FOUND, Code.ORDER_CANCELLED)
async def upload_check(data: UploadCheck, files: CheckPhotos) -> Any:
    """Store the photos of a paper check and put the payment in review."""
    uploaded = await checks.upload_check(db(), data.order_number, files, by=current_actor())
    return {
        "message": f"The check for {uploaded.order_number} waits for review.",
        "front_filename": uploaded.front_filename,
        "back_filename": uploaded.back_filename,
    }
