"""Agents and their prompt versions: how versions differ, how each performed, and putting one live."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Input, Text200
from domain.kernel.live import Topic, announce
from domain.voice.call_sums import SUMS
from models import AuditAction, PromptState, PromptVersion, VoiceAgent

LONGEST_PROMPT = 60_000


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version with the results of its calls."""

    id: int
    agent_id: int
    agent_name: str
    number: int
    state: str
    created_at: Any
    went_live_at: Any
    actor_name: str
    calls: int
    orders: int
    avg_score: float | None
    resolved: int
    hallucinated: int
    evaluated: int
    cost: Decimal


async def list_versions(db: AsyncSession) -> list[VersionRow]:
    """Return all versions of all agents, newest first; there are few agents."""
    rows = await db.execute(
        select(
            PromptVersion.id,
            VoiceAgent.id,
            VoiceAgent.name,
            PromptVersion.number,
            PromptVersion.state,
            PromptVersion.created_at,
            PromptVersion.went_live_at,
            PromptVersion.actor_name,
            cast(func.coalesce(SUMS.c.calls, 0), BigInteger),
            cast(func.coalesce(SUMS.c.orders, 0), BigInteger),
            SUMS.c.score_sum / func.nullif(SUMS.c.evaluated, 0),
            cast(func.coalesce(SUMS.c.resolved, 0), BigInteger),
            cast(func.coalesce(SUMS.c.hallucinated, 0), BigInteger),
            cast(func.coalesce(SUMS.c.evaluated, 0), BigInteger),
            func.coalesce(SUMS.c.cost, 0),
        )
        .join(VoiceAgent, VoiceAgent.id == PromptVersion.agent_id)
        .outerjoin(SUMS, SUMS.c.prompt_version_id == PromptVersion.id)
        .order_by(VoiceAgent.name, VoiceAgent.id, PromptVersion.number.desc())
    )
    return [VersionRow(*tuple(row)) for row in rows]


async def list_agents(db: AsyncSession) -> list[tuple[int, str]]:
    """Return the agents as (id, name), sorted by name."""
    rows = await db.execute(select(VoiceAgent.id, VoiceAgent.name).order_by(VoiceAgent.name, VoiceAgent.id))
    return [(row[0], row[1]) for row in rows]


async def get_version(db: AsyncSession, version_id: int) -> tuple[PromptVersion, VoiceAgent, PromptVersion | None]:
    """Return a version, its agent, and the version to compare it with: the live one, or else the previous one.

    Raises NotFound.
    """
    version = await db.get(PromptVersion, version_id)
    if version is None:
        raise NotFound("There is no such prompt.")
    agent = await db.get_one(VoiceAgent, version.agent_id)
    others = select(PromptVersion).where(PromptVersion.agent_id == agent.id, PromptVersion.id != version.id)
    live = await db.scalar(others.where(PromptVersion.state == PromptState.LIVE))
    before = others.where(PromptVersion.number < version.number).order_by(PromptVersion.number.desc()).limit(1)
    return version, agent, live or await db.scalar(before)


class EditPrompt(Input):
    """The new text of a suggested prompt."""

    prompt: Annotated[str, Field(min_length=1, max_length=LONGEST_PROMPT)]
    """The whole prompt."""
    opened: Text200 | None = None
    """The mark of the text with which the form was opened."""


def mark_words(prompt: str) -> str:
    """Return a mark that identifies the text with which a form was opened."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:32]


async def edit_prompt(db: AsyncSession, version_id: int, data: EditPrompt, *, by: Actor) -> PromptVersion:
    """Change the text of a suggested prompt; trials of the previous text are deleted.

    Raises Refused for any other version, and if a colleague has changed the text in the meantime.
    """
    require(by, Right.SUGGEST_PROMPTS, "Your role does not change prompts.")
    version, agent, _ = await get_version(db, version_id)
    await db.execute(select(VoiceAgent.id).where(VoiceAgent.id == agent.id).with_for_update())
    await db.refresh(version)
    if version.state != PromptState.SUGGESTED:
        raise Refused("Only a suggested prompt can be edited.", code=Code.STATE_NOT_ALLOWED)
    if data.opened and data.opened != mark_words(version.prompt):
        raise await make_stale(
            db,
            "this prompt",
            record_kind="prompt_version",
            record_id=version_id,
            changed_at=version.created_at,
            version=version.number,
        )
    words = "\n".join(data.prompt.splitlines())
    if words != version.prompt:
        version.prompt, version.trial = words, None
        await db.flush()
        await _note(db, AuditAction.PROMPT_EDITED, agent, version, by)
    return version


async def put_live(db: AsyncSession, version_id: int, *, by: Actor) -> PromptVersion:
    """Make a suggested or earlier version live; the previous live one retires. Raises Refused if it is live already."""
    require(by, Right.SUGGEST_PROMPTS, "Your role does not put prompts live.")
    version, agent, _ = await get_version(db, version_id)
    await db.execute(select(VoiceAgent.id).where(VoiceAgent.id == agent.id).with_for_update())
    await db.refresh(version)
    if version.state == PromptState.LIVE:
        raise Refused("This prompt is already live.", code=Code.STATE_NOT_ALLOWED)
    live = select(PromptVersion).where(PromptVersion.agent_id == agent.id, PromptVersion.state == PromptState.LIVE)
    for other in (await db.execute(live)).scalars():
        other.state = PromptState.RETIRED
    await db.flush()
    version.state = PromptState.LIVE
    version.went_live_at = now()
    await db.flush()
    await _note(db, AuditAction.PROMPT_PUT_LIVE, agent, version, by)
    return version


async def dismiss_prompt(db: AsyncSession, version_id: int, *, by: Actor) -> PromptVersion:
    """Dismiss a suggestion. Raises Refused for any other version."""
    require(by, Right.SUGGEST_PROMPTS, "Your role does not change prompts.")
    version, agent, _ = await get_version(db, version_id)
    if version.state != PromptState.SUGGESTED:
        raise Refused("Only a suggested prompt can be discarded.", code=Code.STATE_NOT_ALLOWED)
    version.state = PromptState.DISMISSED
    await db.flush()
    await _note(db, AuditAction.PROMPT_DISMISSED, agent, version, by)
    return version


async def _note(db: AsyncSession, action: AuditAction, agent: VoiceAgent, version: PromptVersion, by: Actor) -> None:
    await record_audit(
        db,
        action=action,
        record_kind="prompt_version",
        record_id=version.id or 0,
        record_name=f"{agent.name}, version {version.number}",
        after={"state": version.state},
        by=by,
    )
    await announce(db, Topic.PROMPTS, agent.id or 0)
