"""A voice agent cancels an order that is not packed yet, after the caller confirmed."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import is_random_order_number
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.order_desk.cancel import cancel_order
from domain.voice.inputs import OrderNumberIn, PhoneInput, SpokenFlag, read_order_number
from domain.voice.order_reads import find_order
from domain.voice.order_status import SAID_STATUS
from domain.voice.speech import say_money, spell_order_number
from models import OrderStatus
from models.session import raw_connection

CANCELLABLE = (OrderStatus.PENDING, OrderStatus.CONFIRMED)


class CancelVoiceOrder(PhoneInput):
    """The order to cancel, and whether the caller confirmed."""

    order_number: OrderNumberIn
    """The order's number, also as it is read aloud."""
    confirmed: SpokenFlag
    """True once the caller has confirmed; false only answers what would happen."""


@dataclass(frozen=True, slots=True)
class CancelledOrder:
    """The result of the cancellation."""

    message: str
    success: bool
    order_number: str


async def cancel_voice_order(db: AsyncSession, data: CancelVoiceOrder, *, by: Actor) -> CancelledOrder:
    """Cancel the order; its stock and money are returned as when staff cancel it.

    Raises NotFound if the caller may not know of the order, and Refused if it is packed or further. Without a phone
    number only random order numbers are accepted; a phone number that is given must be the order's.
    """
    number = read_order_number(data.order_number)
    row = await find_order(await raw_connection(db), number, phone=data.caller_phone)
    has_right_phone = data.caller_phone is None or (row is not None and row["has_phone"])
    if row is None or not has_right_phone or (data.caller_phone is None and not is_random_order_number(number)):
        raise NotFound("I can't find that order under this phone number. Could you read me the number again?")
    spelled = spell_order_number(row["order_number"])
    if row["status"] not in CANCELLABLE:
        raise Refused(
            f"Order {spelled} {SAID_STATUS[row['status']]}, so I can't cancel it.", code=Code.STATE_NOT_ALLOWED
        )
    if not data.confirmed:
        question = f"That would cancel order {spelled} over {say_money(row['total_amount'])}. Shall I do that?"
        return CancelledOrder(question, success=False, order_number=row["order_number"])
    order = await cancel_order(db, row["id"], by=by, reason="Cancelled by phone", version=None)
    return CancelledOrder(f"Order {spelled} is cancelled.", success=True, order_number=order.order_number)
