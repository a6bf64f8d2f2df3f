"""Voice agents and their prompts. Each agent has at most one live prompt version."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, Numeric
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, created, flag, key, link, moment, one_of, text


class CallDirection(StrEnum):
    """Who called whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class PromptState(StrEnum):
    """The state of a prompt version."""

    SUGGESTED = "suggested"
    LIVE = "live"
    RETIRED = "retired"
    DISMISSED = "dismissed"


class VoiceAgent(Table, table=True):
    """An agent at the voice platform. `external_id` is the platform's id for it."""

    __tablename__ = "voice_agent"
    __table_args__ = (one_of("direction", CallDirection), Index("ix_voice_agent_name", "name"))

    id: int = key()
    name: str
    external_id: str | None = Field(default=None, unique=True)
    direction: str = Field(default="inbound", sa_column_kwargs={"server_default": "inbound"})
    is_active: bool = flag(True)
    created_at: datetime = created()


class PromptVersion(Table, table=True):
    """One version of an agent's system prompt. A suggested one has the reasons, and what it changes."""

    __tablename__ = "prompt_version"
    __table_args__ = (
        one_of("state", PromptState),
        Index("uq_prompt_version_agent_number", "agent_id", "number", unique=True),
        Index("uq_prompt_version_agent_external", "agent_id", "external_id", unique=True),
        Index("uq_prompt_version_live", "agent_id", unique=True, postgresql_where=sql("state = 'live'")),
    )

    id: int = key()
    agent_id: int = link("voice_agent.id", index=False, ondelete="CASCADE")
    number: int
    external_id: str | None = text(nullable=True)
    state: str = Field(default="live", sa_column_kwargs={"server_default": "live"})
    prompt: str = text()
    analysis: str = text()
    changes_made: list[Any] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    expected_improvement: str = text()
    trial: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    # The language model that suggested it, and the cost.
    model: str = text()
    cost_dollars: Decimal | None = Field(default=None, sa_type=Numeric(12, 6), nullable=True)
    actor_name: str = text()
    created_at: datetime = created()
    went_live_at: datetime | None = moment()
