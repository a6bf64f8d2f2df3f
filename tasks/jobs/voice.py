"""Evaluates finished calls, tries prompts on recorded ones, and fetches calls at night that were not reported."""

from typing import Any

from domain.kernel.errors import NotConfigured, NotFound, Refused
from domain.voice import elevenlabs as _elevenlabs  # registers the processor of its events
from domain.voice.evaluate import evaluate_call
from domain.voice.missed_calls import fetch_missed_calls
from domain.voice.record_call import EVALUATE_JOB
from domain.voice.speech import await_speech
from domain.voice.trials import TRIAL_JOB, run_trial
from integrations.errors import ServiceRefused
from tasks.job import Work, job

__all__ = ["evaluate"]
_ = _elevenlabs


@job(EVALUATE_JOB, attempts=4, first_pause_seconds=60)
async def evaluate(work: Work) -> dict[str, Any]:
    """Evaluate one call; without a language model or a transcript there is nothing to do."""
    try:
        await evaluate_call(work.payload["call_log_id"], settings=work.settings)
    except (NotConfigured, NotFound, Refused) as reason:
        return {"skipped": reason.message}
    return {}


@job("fetch_missed_calls", attempts=4, first_pause_seconds=300)
async def fetch_missed(work: Work) -> dict[str, Any]:
    """Store the calls whose webhook was missed; without a key, or with a wrong one, the result says so."""
    try:
        return {"calls": await fetch_missed_calls(work.settings)}
    except (NotConfigured, ServiceRefused) as reason:
        return {"skipped": str(reason)}


@job(TRIAL_JOB, attempts=2)
async def try_prompt(work: Work) -> dict[str, Any]:
    """Replay recorded calls with a prompt and store the results."""
    await await_speech()
    try:
        return {"played": await run_trial(work.payload["version_id"], settings=work.settings)}
    except (NotConfigured, NotFound) as reason:
        return {"skipped": reason.message}
