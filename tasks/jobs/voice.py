"""Judges finished calls; a verdict may be asked for again at any time."""

from typing import Any

from domain.kernel.errors import NotConfigured, NotFound, Refused
from domain.voice import elevenlabs as _elevenlabs  # registers the processor of its events
from domain.voice.evaluate import evaluate_call
from domain.voice.record_call import EVALUATE_JOB
from tasks.job import Work, job

__all__ = ["evaluate"]
_ = _elevenlabs


@job(EVALUATE_JOB, attempts=4, first_pause_seconds=60)
async def evaluate(work: Work) -> dict[str, Any]:
    """Judge one call; without a language model, or without a transcript, there is nothing to do."""
    try:
        await evaluate_call(work.payload["call_log_id"], settings=work.settings)
    except (NotConfigured, NotFound, Refused) as reason:
        return {"skipped": reason.message}
    return {}
