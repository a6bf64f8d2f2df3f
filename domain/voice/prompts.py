"""Agents with their prompt versions: what differs between two, how each did, and putting one live."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.live import Topic, announce
from models import AuditAction, CallLog, PromptState, PromptVersion, VoiceAgent

CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version with how its calls went."""

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


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a comparison: `kind` is same, old, new or skipped."""

    kind: str
    number: int | None
    text: str


async def list_versions(db: AsyncSession) -> list[VersionRow]:
    """Every version of every agent, the newest first; agents are few."""
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
            func.count(CallLog.id),
            func.count(CallLog.order_id),
            func.avg(CallLog.eval_score),
            func.count(case((CallLog.eval_resolution == "resolved", 1))),
            func.count(case((CallLog.eval_hallucination.is_(True), 1))),
            func.count(CallLog.eval_score),
            func.coalesce(func.sum(CallLog.cost_dollars), 0),
        )
        .join(VoiceAgent, VoiceAgent.id == PromptVersion.agent_id)
        .outerjoin(CallLog, CallLog.prompt_version_id == PromptVersion.id)
        .group_by(PromptVersion.id, VoiceAgent.id)
        .order_by(VoiceAgent.name, VoiceAgent.id, PromptVersion.number.desc())
    )
    return [VersionRow(*tuple(row)) for row in rows]


async def list_agents(db: AsyncSession) -> list[tuple[int, str]]:
    """The agents by name."""
    rows = await db.execute(select(VoiceAgent.id, VoiceAgent.name).order_by(VoiceAgent.name, VoiceAgent.id))
    return [(row[0], row[1]) for row in rows]


async def get_version(db: AsyncSession, version_id: int) -> tuple[PromptVersion, VoiceAgent, PromptVersion | None]:
    """A version with its agent and the version to hold it against: the live one, else the one before."""
    version = await db.get(PromptVersion, version_id)
    if version is None:
        raise NotFound("There is no such prompt.")
    agent = await db.get_one(VoiceAgent, version.agent_id)
    others = select(PromptVersion).where(PromptVersion.agent_id == agent.id, PromptVersion.id != version.id)
    live = await db.scalar(others.where(PromptVersion.state == PromptState.LIVE))
    before = others.where(PromptVersion.number < version.number).order_by(PromptVersion.number.desc()).limit(1)
    return version, agent, live or await db.scalar(before)


def compare_prompts(old: str, new: str) -> list[DiffLine]:
    """The lines of two prompts, changed ones with their neighbours; runs of equal lines are skipped."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            lines += _same(after, new_from, new_to, is_first=new_from == 0, is_last=new_to == len(after))
            continue
        lines += [DiffLine("old", place + 1, before[place]) for place in range(old_from, old_to)]
        lines += [DiffLine("new", place + 1, after[place]) for place in range(new_from, new_to)]
    return lines


def _same(lines: Sequence[str], first: int, last: int, *, is_first: bool, is_last: bool) -> list[DiffLine]:
    """A run of equal lines: only those next to a change are shown."""
    head = 0 if is_first else CONTEXT_LINES
    tail = 0 if is_last else CONTEXT_LINES
    shown = [DiffLine("same", place + 1, lines[place]) for place in range(first, last)]
    hidden = len(shown) - head - tail
    if hidden < 2:
        return shown
    rest = DiffLine("skipped", None, f"{hidden} lines the same")
    return [*shown[:head], rest, *(shown[-tail:] if tail else [])]


async def put_live(db: AsyncSession, version_id: int, *, by: Actor) -> PromptVersion:
    """Make a suggested or earlier version the live one; the live one retires. Raises Refused for the live one."""
    require(by, Right.SUGGEST_PROMPTS, "Your role does not put prompts live.")
    version, agent, _ = await get_version(db, version_id)
    await db.execute(select(VoiceAgent.id).where(VoiceAgent.id == agent.id).with_for_update())
    await db.refresh(version)
    if version.state == PromptState.LIVE:
        raise Refused("This prompt is live already.", code=Code.STATE_NOT_ALLOWED)
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
    """Put a suggestion aside; raises Refused for any other version."""
    require(by, Right.SUGGEST_PROMPTS, "Your role does not change prompts.")
    version, agent, _ = await get_version(db, version_id)
    if version.state != PromptState.SUGGESTED:
        raise Refused("Only a suggested prompt is discarded.", code=Code.STATE_NOT_ALLOWED)
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
