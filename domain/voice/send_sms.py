"""Texts the caller after an order: a confirmation on terms, a link to pay, or one to upload a check."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.money import format_money
from domain.messages.outbox import Secret, queue_text
from domain.messages.suppression import IS_DO_NOT_TEXT
from domain.payments.pay_link import link_order
from domain.voice.inputs import CallerInput, OrderNumberIn, read_order_number
from domain.voice.order_reads import find_order
from models import OrderStatus, PaymentMethod
from models.session import raw_connection
from settings import Settings

LINK_LIFE = timedelta(days=7)


class TextedMethod(StrEnum):
    """The payment methods for which there is a text."""

    NET30 = "net30"
    CREDIT_CARD = "credit_card"
    ACH = "ach"
    CHECK = "check"


SMS_TYPES = {
    TextedMethod.NET30: "net30_confirmation",
    TextedMethod.CREDIT_CARD: "payment_link",
    TextedMethod.ACH: "payment_link",
    TextedMethod.CHECK: "check_upload",
}


class SendOrderSms(CallerInput):
    """The recipient of a text, and the order."""

    order_number: OrderNumberIn
    """The order's number."""
    payment_method: TextedMethod
    """How the caller pays, which determines the text."""


@dataclass(frozen=True, slots=True)
class SentSms:
    """What was texted."""

    message: str
    sms_type: str
    payment_url: str | None
    sms_body_preview: str
    success: bool = True


async def send_order_sms(db: AsyncSession, data: SendOrderSms, *, by: Actor, settings: Settings) -> SentSms:
    """Queue the text, only to the order's own number or its customer's.

    Raises NotFound for another number, and Refused if nothing is left to pay or to confirm, or if the number has texted
    STOP.
    """
    connection = await raw_connection(db)
    if await connection.fetchval(IS_DO_NOT_TEXT, data.caller):
        raise Refused("You asked us not to text this number, so I can't send you anything.", code=Code.DO_NOT_TEXT)
    row = await find_order(connection, read_order_number(data.order_number), phone=data.caller)
    if row is None or not row["has_phone"]:
        raise NotFound("I can only text the phone number that the order was placed with.")
    number, url, secret = row["order_number"], None, None
    company = settings.company_name
    if data.payment_method is TextedMethod.NET30:
        if row["status"] == OrderStatus.CANCELLED:
            raise Refused("That order is cancelled, so there is nothing to confirm.", code=Code.ORDER_CANCELLED)
        # A text is a promise in writing, so it does not mention terms that the order did not get.
        is_on_terms = row["payment_method"] == PaymentMethod.NET30 and not row["on_hold"]
        due = format_money(row["total_amount"]) + (", net 30" if is_on_terms else "")
        body = f"{company}: thank you for order {number} ({due}). We'll write when it ships. Reply STOP to end texts."
        message = "I just texted you the confirmation."
    else:
        made = await link_order(connection, row["id"], expires_at=now() + LINK_LIFE, by=by, settings=settings)
        url, amount = made.url, format_money(made.amount)
        secret = Secret(url.rpartition("/")[2], made.expires_at)
        is_check = data.payment_method is TextedMethod.CHECK
        doing = "Upload a photo of your check" if is_check else "Pay here"
        body = f"{company}: {amount} is open on order {number}. {doing}: {url} Reply STOP to end texts."
        message = f"I just texted you a link to {'upload a photo of your check' if is_check else 'pay'}."
    about = {"order_id": row["id"], "customer_id": row["customer_id"]}
    await queue_text(db, kind="voice_order", to=data.caller, text=body, secret=secret, **about)
    return SentSms(message, SMS_TYPES[data.payment_method], url, body)
