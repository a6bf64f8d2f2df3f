"""A caller asks for a person: the number is put on the calling list with the reason, to be called back today."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours_key import find_hours_key
from domain.kernel.clock import business_today
from domain.kernel.inputs import Filled2000
from domain.kernel.live import Topic, announce
from domain.messages.suppression import is_do_not_call
from domain.voice.caller import find_caller
from domain.voice.inputs import CallerInput
from domain.voice.redact import redact_text
from models.session import raw_connection

# A customer has one entry, and so does a number; an existing one gets the reason.
_FIND = """
SELECT id FROM calling_entry WHERE phone = $1 OR customer_id = $2
ORDER BY (phone = $1) DESC NULLS LAST LIMIT 1 FOR NO KEY UPDATE
"""
_UPDATE = """
UPDATE calling_entry SET status = 'callback', callback_on = $2, updated_at = now(), version = version + 1,
  notes = trim(both E'\\n' from notes || E'\\n' || $3)
WHERE id = $1
"""
_INSERT = """
INSERT INTO calling_entry (
  phone, customer_id, company_name, status, callback_on, notes, hours_key, base_score, priority_score
)
VALUES ($1, $2, $3, 'callback', $4, $5, $6, 55, 55) ON CONFLICT DO NOTHING
"""


class HandOver(CallerInput):
    """The caller who asks for a person, and why."""

    reason: Filled2000
    """The reason, as one sentence."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """When somebody calls back."""

    message: str
    callback_on: date | None
    success: bool = True


async def hand_over(db: AsyncSession, data: HandOver, *, timezone: ZoneInfo) -> HandedOver:
    """Put the caller on the calling list. Callers who must not be called are asked to call us instead."""
    connection = await raw_connection(db)
    if await is_do_not_call(db, data.caller):
        return HandedOver("You asked us not to call, so please call our office for this.", None, success=False)
    caller = await find_caller(connection, data.caller)
    today = business_today(timezone)
    note = f"{today}: asked the voice agent for a person. {redact_text(data.reason)}"
    entry_id = await connection.fetchval(_FIND, data.caller, caller.customer_id)
    if entry_id is None:
        place = caller.customer or {"shipping_zip": "", "shipping_state": ""}
        hours_key = find_hours_key(data.caller, place["shipping_zip"], place["shipping_state"])
        await connection.execute(_INSERT, data.caller, caller.customer_id, caller.name, today, note, hours_key)
    else:
        await connection.execute(_UPDATE, entry_id, today, note)
    await announce(db, Topic.CALLING, entry_id or 0)
    return HandedOver("I asked a colleague to call you back today. I passed on what it is about.", today)
