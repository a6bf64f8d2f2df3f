"""Incoming texts: STOP suppresses calls and texts to the number at once; START lifts the suppression of texts.

The mark is set in the request itself, so that the very next text is stopped. Repeating the event changes nothing.
"""

import re
import unicodedata
from collections.abc import Mapping

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed
from domain.kernel.phone import parse_phone
from domain.messages.suppression import lift_do_not_text, mark_do_not_call, mark_do_not_text
from integrations.twilio_signature import is_from_twilio
from models import SuppressionReason, WebhookEvent
from settings import Settings

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
# Together with a number these mean something else, such as an order to cancel or a quantity.
_ALONE = frozenset({"CANCEL", "END", "QUIT"}) | START
TWILIO = Actor(ActorKind.SYSTEM, name="Twilio")
_NOT_LETTERS = re.compile(r"[^A-Z]+")
_DIGIT = re.compile(r"[0-9]")
_KEPT = ("MessageSid", "SmsSid", "From", "To", "Body", "OptOutType")


async def receive_text(db: AsyncSession, fields: Mapping[str, str], signature: str, *, settings: Settings) -> None:
    """Process an incoming text. Raises NotAllowed, before reading anything, if it is not signed by Twilio."""
    url = f"{settings.public_url.rstrip('/')}/api/webhooks/twilio"
    token = settings.twilio_auth_token
    if not token or not is_from_twilio(token, url, fields, signature):
        raise NotAllowed("The signature is missing or wrong.", code=Code.BAD_SIGNATURE)
    # PostgreSQL cannot store NUL; a STOP in such a text counts anyway.
    fields = {name: value.replace("\0", "") for name, value in fields.items()}
    phone = parse_phone(fields.get("From", ""))
    wish = find_wish(fields)
    if phone is None or wish is None or not await _is_new(db, fields, wish):
        return
    if wish == "stop":
        reason = SuppressionReason.STOP_TEXT
        await mark_do_not_text(db, phone, reason=reason, by=TWILIO)
        await mark_do_not_call(db, phone, reason=reason, by=TWILIO)
    else:
        await lift_do_not_text(db, phone, note="Texted START", by=TWILIO)


def find_wish(fields: Mapping[str, str]) -> str | None:
    """Return `stop` or `start` if the text is one of these words, or if Twilio says so; otherwise None."""
    body = unicodedata.normalize("NFKC", fields.get("Body", "")).upper()
    word = _NOT_LETTERS.sub("", body)
    if word in _ALONE and _DIGIT.search(body):
        word = ""
    asked = fields.get("OptOutType", "").upper()
    if word in STOP or asked == "STOP":
        return "stop"
    return "start" if word in START or asked == "START" else None


async def _is_new(db: AsyncSession, fields: Mapping[str, str], wish: str) -> bool:
    """Store the event. Returns False if it was already received, so that an old STOP does not undo a later START."""
    event_id = fields.get("MessageSid") or fields.get("SmsSid")
    if not event_id:
        return True
    kept = {name: fields[name][:1600] for name in _KEPT if name in fields}
    statement = (
        insert(WebhookEvent)
        .values(provider="twilio", event_id=event_id[:100], kind=wish, payload=kept, processed_at=now())
        .on_conflict_do_nothing()
        .returning(WebhookEvent.id)
    )
    return await db.scalar(statement) is not None
