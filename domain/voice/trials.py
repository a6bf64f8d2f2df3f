"""Tries a prompt before it goes live: recorded calls are replayed with it, evaluated, and compared."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.live import Topic, announce
from domain.voice.evaluate import get_llm
from domain.voice.redact import redact_text
from domain.voice.replay import Replayed, replay_call
from integrations.errors import ServiceFailed
from models import CallLog, PromptVersion, Resolution, columns_of
from models.session import current_database, separate_transaction
from settings import Settings

TRIAL_JOB = "try_prompt"
CALLS = columns_of(CallLog)
# The worst calls, which the prompt should improve, and the newest ones, which it should not make worse.
MOST_WORST = 12
MOST_NEWEST = 12
# Two verdicts on the same transcript differ by a few points.
SAME_WITHIN = 5
LONGEST_TITLE = 80
RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One conversation before and after."""

    call_log_id: int
    title: str
    lines: int
    old_score: int
    new_score: int
    old_resolution: str
    new_resolution: str
    old_hallucination: bool
    new_hallucination: bool
    differs: str

    @property
    def change(self) -> int:
        """The change of the score in points."""
        return self.new_score - self.old_score

    @property
    def verdict(self) -> str:
        """better, worse or same; a new hallucination is worse whatever the score."""
        if self.new_hallucination and not self.old_hallucination:
            return "worse"
        if abs(self.change) < SAME_WITHIN:
            return "better" if self.old_hallucination and not self.new_hallucination else "same"
        return "better" if self.change > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a trial. Rows that changed come first, beginning with the worst."""

    state: str
    at: datetime
    total: int
    rows: list[TrialRow]
    failed: int
    error: str
    model: str
    cost: Decimal | None

    def count(self, verdict: str) -> int:
        """Return the number of conversations that are better, worse or the same."""
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def changed(self) -> list[TrialRow]:
        """The conversations that are better or worse."""
        return [row for row in self.rows if row.verdict != "same"]

    @property
    def same(self) -> list[TrialRow]:
        """The conversations that are the same."""
        return [row for row in self.rows if row.verdict == "same"]

    @property
    def old_resolved(self) -> int:
        """How many were resolved before."""
        return sum(row.old_resolution == Resolution.RESOLVED for row in self.rows)

    @property
    def new_resolved(self) -> int:
        """How many are resolved with this prompt."""
        return sum(row.new_resolution == Resolution.RESOLVED for row in self.rows)

    @property
    def old_hallucinations(self) -> int:
        """In how many something false was said before."""
        return sum(row.old_hallucination for row in self.rows)

    @property
    def new_hallucinations(self) -> int:
        """In how many something false is said with this prompt."""
        return sum(row.new_hallucination for row in self.rows)

    @property
    def old_score(self) -> float:
        """The mean score before."""
        return sum(row.old_score for row in self.rows) / len(self.rows) if self.rows else 0

    @property
    def new_score(self) -> float:
        """The mean score with this prompt."""
        return sum(row.new_score for row in self.rows) / len(self.rows) if self.rows else 0


def read_trial(version: PromptVersion) -> Trial | None:
    """Return the stored trial of a version; None if there is none."""
    kept = version.trial
    if not kept:
        return None
    rows = sorted((TrialRow(**row) for row in kept["rows"]), key=lambda row: (row.verdict == "same", row.change))
    cost = Decimal(kept["cost"]) if kept.get("cost") else None
    at = datetime.fromisoformat(kept["at"])
    return Trial(kept["state"], at, kept["total"], rows, kept["failed"], kept["error"], kept["model"], cost)


async def queue_trial(db: AsyncSession, version_id: int, *, by: Actor, settings: Settings) -> None:
    """Enqueue a trial of the prompt.

    Raises NotFound, NotConfigured without a language model, and Refused without a text or recorded calls.
    """
    require(by, Right.SUGGEST_PROMPTS, "Your role does not try prompts.")
    get_llm(settings)
    version = await db.get(PromptVersion, version_id)
    if version is None:
        raise NotFound("There is no such prompt.")
    if not version.prompt.strip():
        raise Refused("The text of this prompt is not known.", code=Code.STATE_NOT_ALLOWED)
    calls = await _list_calls(db, version.agent_id)
    if not calls:
        raise Refused("The agent has no evaluated calls to replay.", code=Code.TOO_FEW_CALLS, calls=0)
    version.trial = _empty(len(calls))
    await enqueue(db, TRIAL_JOB, {"version_id": version_id}, dedupe_key=f"trial:{version_id}")
    await announce(db, Topic.PROMPTS, version.agent_id)


async def run_trial(version_id: int, *, settings: Settings) -> int:
    """Replay every call and store the growing table. Returns the number replayed. Raises NotFound, NotConfigured."""
    account = get_llm(settings)
    async with current_database().session() as db:
        version = await db.get(PromptVersion, version_id)
        if version is None:
            raise NotFound("There is no such prompt.")
        calls = await _list_calls(db, version.agent_id)
    trial = _empty(len(calls))
    for call in calls:
        try:
            played = await replay_call(call, version.prompt, account=account, settings=settings)
        except ServiceFailed as error:
            trial["failed"] += 1
            trial["error"] = str(error)[:500]
            if trial["failed"] > len(calls) // 2:
                break
            continue
        trial["rows"].append(asdict(_compare(call, played)))
        trial["model"] = played.model
        trial["cost"] = str(Decimal(trial["cost"] or 0) + played.cost_dollars)
        if not await _keep(version_id, trial, version.prompt):
            return len(trial["rows"])
    trial["state"] = DONE if trial["rows"] else FAILED
    await _keep(version_id, trial, version.prompt)
    return len(trial["rows"])


def _empty(total: int) -> dict[str, Any]:
    at = now().isoformat()
    return {"state": RUNNING, "at": at, "total": total, "rows": [], "failed": 0, "error": "", "model": "", "cost": ""}


async def _list_calls(db: AsyncSession, agent_id: int) -> list[CallLog]:
    """Return the recorded calls for a trial, oldest first."""
    usable = (CALLS.agent_id == agent_id, CALLS.eval_score.is_not(None), func.jsonb_array_length(CALLS.transcript) > 1)
    worst = select(CALLS.id).where(*usable).order_by(CALLS.eval_score, CALLS.id.desc()).limit(MOST_WORST)
    newest = select(CALLS.id).where(*usable).order_by(CALLS.started_at.desc(), CALLS.id.desc()).limit(MOST_NEWEST)
    chosen = worst.union(newest).subquery()
    calls = select(CallLog).where(CALLS.id.in_(select(chosen.c.id))).order_by(CALLS.id)
    return list((await db.execute(calls)).scalars())


def _compare(call: CallLog, played: Replayed) -> TrialRow:
    verdict = played.verdict
    first = next((str(turn.get("text")) for turn in call.transcript if turn.get("role") != "agent"), "")
    found = next((reason.finding for reason in verdict.reasons), verdict.summary)
    return TrialRow(
        call_log_id=call.id or 0,
        title=" ".join(first.split())[:LONGEST_TITLE] or call.call_id,
        lines=len(call.transcript),
        old_score=call.eval_score or 0,
        new_score=verdict.score,
        old_resolution=call.eval_resolution or "",
        new_resolution=verdict.resolution,
        old_hallucination=bool(call.eval_hallucination),
        new_hallucination=verdict.hallucination,
        differs=redact_text(found.replace("\0", ""))[:300],
    )


async def _keep(version_id: int, trial: dict[str, Any], prompt: str) -> bool:
    """Store the table. Returns False if a colleague has changed the text, to which the trial then no longer applies."""
    async with separate_transaction() as db:
        version = await db.get(PromptVersion, version_id, with_for_update=True)
        if version is None or version.prompt != prompt:
            return False
        version.trial = dict(trial)
        await announce(db, Topic.PROMPTS, version.agent_id)
        return True
