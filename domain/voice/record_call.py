"""Records a finished call: redacted first, then stored once by its call id, linked to its order, customer, agent and
prompt.

A call may be reported twice, by the agent's own tool and by the platform's webhook; the later report adds what it
knows.
"""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.kernel.live import Topic, announce
from domain.kernel.phone import parse_phone
from domain.voice.caller import find_caller
from domain.voice.inputs import read_order_number
from domain.voice.redact import redact_text, redact_turns, redact_value
from models import CallDirection, CallType
from models.session import raw_connection

EVALUATE_JOB = "evaluate_call"
# Both reports of a call arrive within moments; after this delay, the evaluator sees all of it.
EVALUATE_AFTER_SECONDS = 20
MOST_TURNS = 4_000

_SPEAKER = re.compile(r"^\s*(agent|assistant|ai|bot|user|caller|customer|human)\s*:\s*", re.IGNORECASE)
_AGENTS = {"agent", "assistant", "ai", "bot"}

_ORDER = "SELECT id, customer_id FROM orders WHERE order_number = ANY($1::text[]) LIMIT 1"
_COLUMNS = (
    "call_id", "provider", "call_type", "direction", "status", "agent_id", "prompt_version_id", "customer_id",
    "order_id", "caller_phone", "caller_phone_raw", "duration_seconds", "started_at", "ended_at", "transcript",
    "tool_outputs", "order_placed", "order_number", "cost_dollars", "checker_reasons",
)  # fmt: skip
# The agent's own report knows the order; the platform's knows agent, prompt, cost, and where tools were called.
_MERGED = {
    "provider": "CASE WHEN excluded.provider <> 'api' THEN excluded.provider ELSE c.provider END",
    "agent_id": "coalesce(excluded.agent_id, c.agent_id)",
    "prompt_version_id": "coalesce(excluded.prompt_version_id, c.prompt_version_id)",
    "customer_id": "coalesce(c.customer_id, excluded.customer_id)",
    "order_id": "coalesce(c.order_id, excluded.order_id)",
    "caller_phone": "coalesce(c.caller_phone, excluded.caller_phone)",
    "duration_seconds": "greatest(c.duration_seconds, excluded.duration_seconds)",
    "ended_at": "coalesce(c.ended_at, excluded.ended_at)",
    "transcript": """CASE WHEN jsonb_array_length(c.transcript) = 0
      OR (excluded.provider <> 'api' AND jsonb_array_length(excluded.transcript) > 0)
      THEN excluded.transcript ELSE c.transcript END""",
    "tool_outputs": """CASE WHEN jsonb_array_length(c.tool_outputs) = 0
      THEN excluded.tool_outputs ELSE c.tool_outputs END""",
    "order_placed": "c.order_placed OR excluded.order_placed",
    "order_number": "CASE WHEN c.order_number = '' THEN excluded.order_number ELSE c.order_number END",
    "cost_dollars": "coalesce(excluded.cost_dollars, c.cost_dollars)",
    "updated_at": "now()",
}
# A second report from the same source changes nothing.
_WRITE = f"""
INSERT INTO call_log AS c ({", ".join(_COLUMNS)})
VALUES ({", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))})
ON CONFLICT (call_id) DO UPDATE SET {", ".join(f"{name} = {how}" for name, how in _MERGED.items())}
WHERE c.provider <> excluded.provider AND NOT (c.provider <> 'api' AND c.cost_dollars IS NOT NULL
  AND c.order_number <> '')
RETURNING id, xmax = 0 AS is_new
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said, with the tools called in that turn."""

    role: str
    text: str
    at_seconds: int | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    tool_results: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A finished call, as any platform reports it."""

    call_id: str
    provider: str
    status: str
    phone: str
    started_at: datetime
    ended_at: datetime | None
    duration_seconds: int
    turns: list[Turn]
    tool_outputs: list[Any] = field(default_factory=list)
    order_placed: bool = False
    order_number: str = ""
    direction: CallDirection = CallDirection.INBOUND
    agent_id: int | None = None
    prompt_version_id: int | None = None
    cost_dollars: Decimal | None = None


def read_transcript(text: str) -> list[Turn]:
    """Split a transcript into turns: a line that names its speaker begins a turn, any other continues it."""
    turns: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        named = _SPEAKER.match(line)
        if named:
            turns.append(("agent" if named[1].lower() in _AGENTS else "user", [line[named.end() :].strip()]))
        elif line.strip():
            if turns:
                turns[-1][1].append(line.strip())
            else:
                turns.append(("user", [line.strip()]))
    return [Turn(role, " ".join(parts)) for role, parts in turns[:MOST_TURNS]]


def redact_call(turns: list[Turn]) -> list[dict[str, Any]]:
    """Return the turns without card and bank digits, including numbers spread over several turns."""
    texts: list[str] = [""] * len(turns)
    for role in {turn.role for turn in turns}:
        places = [place for place, turn in enumerate(turns) if turn.role == role]
        for place, text in zip(places, redact_turns([turns[place].text for place in places]), strict=True):
            texts[place] = text
    return [
        {
            "role": turn.role,
            "text": text,
            "at": turn.at_seconds,
            "tool_calls": redact_value(turn.tool_calls),
            "tool_results": redact_value(turn.tool_results),
        }
        for turn, text in zip(turns, texts, strict=True)
    ]


async def record_call(db: AsyncSession, call: FinishedCall) -> int | None:
    """Store the call and queue its evaluation. Returns None if all of it was already known."""
    connection = await raw_connection(db)
    order = await _find_order(connection, call.order_number)
    phone = parse_phone(call.phone) if call.phone else None
    customer_id = order["customer_id"] if order else None
    if customer_id is None and phone:
        customer_id = (await find_caller(connection, phone)).customer_id
    # Redacting a long call takes a moment, for which other requests must not wait.
    transcript, outputs = await asyncio.to_thread(_redact_all, call)
    is_outbound = call.direction is CallDirection.OUTBOUND
    row = await connection.fetchrow(
        _WRITE,
        call.call_id,
        call.provider,
        CallType.OUTBOUND_SALES if is_outbound else CallType.INBOUND_ORDER,
        call.direction,
        redact_text(call.status),
        call.agent_id,
        call.prompt_version_id,
        customer_id,
        order["id"] if order else None,
        phone,
        "" if phone else redact_text(call.phone),
        call.duration_seconds,
        call.started_at,
        call.ended_at,
        transcript,
        outputs,
        call.order_placed,
        read_order_number(call.order_number) if call.order_number else "",
        call.cost_dollars,
        "[]",
    )
    if row is None:
        return None
    call_log_id: int = row["id"]
    await enqueue(
        db,
        EVALUATE_JOB,
        {"call_log_id": call_log_id},
        dedupe_key=f"evaluate:{call_log_id}",
        after_seconds=EVALUATE_AFTER_SECONDS,
    )
    await announce(db, Topic.CALLS, call_log_id)
    return call_log_id


def _redact_all(call: FinishedCall) -> tuple[str, str]:
    """Return transcript and tool outputs as JSON, without card and bank digits."""
    return orjson.dumps(redact_call(call.turns)).decode(), orjson.dumps(redact_value(call.tool_outputs)).decode()


async def _find_order(connection: asyncpg.Connection, number: str) -> asyncpg.Record | None:
    if not number:
        return None
    return await connection.fetchrow(_ORDER, [number, read_order_number(number)])
