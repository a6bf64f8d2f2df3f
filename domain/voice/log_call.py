"""The agent's own report of a finished call, as one flat body."""

from typing import Annotated, Any

from pydantic import AliasChoices, Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.inputs import DateTimeIn, Filled60, Filled200, Input, Text60
from domain.voice.inputs import SpokenCount, SpokenFlag
from domain.voice.record_call import FinishedCall, read_transcript, record_call

MOST_TRANSCRIPT = 5_000_000
LONGEST_CALL_SECONDS = 86_400


class LogCall(Input):
    """A finished call."""

    call_id: Filled200 = Field(validation_alias=AliasChoices("call_id", "conversation_id"))
    """The platform's id of the call; repeating it changes nothing."""
    status: Filled60
    """How the call ended, in the platform's terms."""
    duration: Annotated[SpokenCount, Field(le=LONGEST_CALL_SECONDS)]
    """The duration in seconds."""
    start_time: DateTimeIn
    """When the call began."""
    end_time: DateTimeIn
    """When the call ended."""
    phone_number: Text60
    """The caller's number; text that is not a number is stored as sent."""
    transcript: Annotated[str, Field(max_length=MOST_TRANSCRIPT)] | None = None
    """What was said, one line per turn, each beginning with "Agent:" or "User:"."""
    order_placed: SpokenFlag = False
    """True if an order was placed during the call."""
    order_number: Text60 | None = None
    """The number of that order."""
    tool_outputs: Annotated[list[Any], Field(max_length=1_000)] = Field(default_factory=list)
    """What the tools answered, in order."""


async def log_call(db: AsyncSession, data: LogCall) -> None:
    """Store the call, once by its id, and queue its evaluation."""
    await record_call(
        db,
        FinishedCall(
            call_id=data.call_id,
            provider="api",
            status=data.status,
            phone=data.phone_number,
            started_at=data.start_time,
            ended_at=data.end_time,
            duration_seconds=data.duration,
            turns=read_transcript(data.transcript or ""),
            tool_outputs=data.tool_outputs,
            order_placed=data.order_placed or bool(data.order_number),
            order_number=data.order_number or "",
        ),
    )
