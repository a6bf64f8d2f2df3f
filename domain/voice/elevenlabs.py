"""ElevenLabs' webhooks about finished calls: signed, redacted, stored once by conversation and type, recorded by a job.

Of events other than transcriptions only the type is stored, because recordings contain data that we do not want to
have.
"""

import asyncio
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.webhook_inbox import processes, store_event
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotSignedIn
from domain.kernel.inputs import has_nul
from domain.kernel.whole_numbers import read_whole
from domain.voice.record_call import MOST_TURNS, FinishedCall, Turn, record_call, redact_call
from domain.voice.redact import redact_value
from models import CallDirection, PromptState, PromptVersion, VoiceAgent, WebhookEvent
from settings import Settings

PROVIDER = "elevenlabs"
TRANSCRIPTION = "post_call_transcription"
TOLERANCE_SECONDS = 30 * 60
_SIGNED_PART = re.compile(r"(t|v0)=([0-9A-Za-z]{1,128})")
_TURN = ("role", "text", "at", "tool_calls", "tool_results")
_NUMBER = re.compile(r"LLD-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")


def check_signature(body: bytes, header: str, secret: str) -> None:
    """Raise NotSignedIn unless the header has a fresh signature of the body; several allow rotating the secret."""
    parts = [part.strip() for part in header.split(",")]
    found = [match.groups() for part in parts if (match := _SIGNED_PART.fullmatch(part))]
    at = next((value for name, value in found if name == "t"), "")
    signed_at = read_whole(at, most=999_999_999_999)
    is_fresh = signed_at is not None and abs(time.time() - signed_at) <= TOLERANCE_SECONDS
    expected = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    is_signed = any(name == "v0" and hmac.compare_digest(value, expected) for name, value in found)
    if not (secret and is_fresh and is_signed):
        raise NotSignedIn("The signature is missing, wrong or too old.", code=Code.BAD_SIGNATURE)


async def receive_event(db: AsyncSession, body: bytes, header: str, *, settings: Settings) -> bool:
    """Store a signed event once. Returns False if it was already received. Raises NotSignedIn and InvalidInput."""
    check_signature(body, header, settings.elevenlabs_webhook_secret)
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInput("The body is not valid JSON.", code=Code.INVALID_JSON) from None
    data = _object(_object(event).get("data"))
    kind, conversation = _object(event).get("type"), data.get("conversation_id")
    if not isinstance(kind, str) or not isinstance(conversation, str) or not conversation or has_nul(event):
        raise InvalidInput("The event has no type or no conversation.")
    kept: dict[str, Any] = {"type": kind, "data": {"conversation_id": conversation}}
    if kind == TRANSCRIPTION:
        kept["data"] = await asyncio.to_thread(redact_data, data)
    return await store_event(db, PROVIDER, name_event(conversation, kind), kind[:100], kept)


def name_event(conversation_id: str, kind: str) -> str:
    """Return the id of an event: conversation and type."""
    return f"{conversation_id}:{kind}"[:400]


def redact_data(data: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored of a transcription: all of it without card and bank digits."""
    turns = read_turns(data.get("transcript"))
    rest = {name: value for name, value in data.items() if name != "transcript"}
    return {**redact_value(rest), "turns": redact_call(turns)}


def read_turns(transcript: Any) -> list[Turn]:
    """Convert ElevenLabs' turns to ours; malformed parts are left out."""
    turns = []
    for item in transcript if isinstance(transcript, list) else []:
        if isinstance(item, dict):
            role = "agent" if item.get("role") == "agent" else "user"
            at = item.get("time_in_call_secs")
            turns.append(
                Turn(
                    role,
                    str(item.get("message") or ""),
                    int(at) if isinstance(at, int | float) else None,
                    _objects(item.get("tool_calls")),
                    _objects(item.get("tool_results")),
                )
            )
    return turns[:MOST_TURNS]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


@processes(PROVIDER)
async def process_event(db: AsyncSession, event: WebhookEvent) -> None:
    """Record the call of a transcription; other types need no processing."""
    if event.kind == TRANSCRIPTION:
        await record_conversation(db, event.payload["data"])


async def record_conversation(db: AsyncSession, data: dict[str, Any]) -> int | None:
    """Record a conversation whose turns are redacted. Returns None if all of it was already known."""
    metadata = _object(data.get("metadata"))
    phone_call = _object(metadata.get("phone_call"))
    started = _read_time(metadata.get("start_time_unix_secs"))
    seconds = _read_whole(metadata.get("call_duration_secs"))
    direction = CallDirection.OUTBOUND if phone_call.get("direction") == "outbound" else CallDirection.INBOUND
    agent_id = await _find_agent(db, data, direction)
    turns = [Turn(*(turn[name] for name in _TURN)) for turn in data["turns"]]
    number = _find_order_number(turns)
    return await record_call(
        db,
        FinishedCall(
            call_id=str(data["conversation_id"])[:200],
            provider=PROVIDER,
            status=str(data.get("status") or "")[:60],
            phone=str(phone_call.get("external_number") or "")[:40],
            started_at=started,
            ended_at=started + timedelta(seconds=seconds),
            duration_seconds=seconds,
            turns=turns,
            order_placed=bool(number),
            order_number=number,
            direction=direction,
            agent_id=agent_id,
            prompt_version_id=await _find_prompt(db, agent_id, data.get("version_id")),
            cost_dollars=_read_dollars(metadata.get("cost_fiat")),
        ),
    )


def _find_order_number(turns: list[Turn]) -> str:
    """Return the number of the order that a tool placed during the call."""
    for turn in turns:
        for result in turn.tool_results:
            if "place" in str(result.get("tool_name") or ""):
                found = _NUMBER.search(orjson.dumps(result).decode())
                if found:
                    return found[0]
    return ""


async def _find_agent(db: AsyncSession, data: dict[str, Any], direction: CallDirection) -> int | None:
    """Return the agent of a conversation; created if it is unknown."""
    external = data.get("agent_id")
    if not isinstance(external, str) or not external:
        return None
    name = str(data.get("agent_name") or external)[:200]
    made = insert(VoiceAgent).values(name=name, external_id=external[:200], direction=direction, is_active=True)
    await db.execute(made.on_conflict_do_nothing(index_elements=[VoiceAgent.external_id]))
    return await db.scalar(select(VoiceAgent.id).where(VoiceAgent.external_id == external[:200]))


async def _find_prompt(db: AsyncSession, agent_id: int | None, version: Any) -> int | None:
    """Return the id of the prompt version that the agent used; an unknown one is added as retired, without text."""
    if agent_id is None or not isinstance(version, str) or not version:
        return None
    which = (PromptVersion.agent_id == agent_id, PromptVersion.external_id == version[:200])
    known = await db.scalar(select(PromptVersion.id).where(*which))
    if known is not None:
        return known
    await db.execute(select(VoiceAgent.id).where(VoiceAgent.id == agent_id).with_for_update())
    last = await db.scalar(select(func.max(PromptVersion.number)).where(PromptVersion.agent_id == agent_id))
    made = insert(PromptVersion).values(
        agent_id=agent_id, number=(last or 0) + 1, external_id=version[:200], state=PromptState.RETIRED, changes_made=[]
    )
    await db.execute(made.on_conflict_do_nothing())
    return await db.scalar(select(PromptVersion.id).where(*which))


def _read_time(value: Any) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 7_000_000_000:
        return datetime.fromtimestamp(value, UTC)
    return now()


def _read_whole(value: Any) -> int:
    return min(max(int(value), 0), 86_400) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _read_dollars(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return round(amount, 4) if amount.is_finite() and 0 <= amount < 1_000_000 else None
