"""Reviews of voice agents' calls: figures, the queue, verdicts, evaluations and prompt suggestions."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.voice_review import (
    CallReviewedOut,
    EvaluatedCallOut,
    PromptSuggestionOut,
    ReviewQueueOut,
    VoiceDashboardOut,
)
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.voice import dashboard, evaluate, review
from domain.voice import suggest_prompt as prompts
from models import KeyScope
from models.session import current_database
from web.guards import api_key_for, staff_only
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db, settings

blueprint = Blueprint("voice_review", __name__)
tag_blueprint(blueprint, ["voice_review"])


@blueprint.get("/api/staff/voice/dashboard")
@staff_only(Right.REVIEW_CALLS)
@reads_query(dashboard.DashboardQuery)
@answers(VoiceDashboardOut)
async def voice_dashboard(query: dashboard.DashboardQuery) -> Any:
    """Calls, orders, revenue, cost and quality in a date range, by day, week or month."""
    now = settings()
    async with current_database().reporting() as connection:
        found = await dashboard.read_dashboard(
            connection, query, timezone=now.timezone, cost_per_minute=now.voice_cost_per_minute
        )
    total = found.summary
    names = ("avg_score", "resolution_rate", "hallucination_rate", "roi")
    shown = {f"total_{name}": getattr(total, name) for name in ("calls", "orders", "revenue", "cost")}
    names_of_row = ("calls", "orders", "revenue", "cost", *names[:3])
    return {
        "summary": shown | {name: getattr(total, name) for name in names},
        "rows": [
            {"period": row.period} | {name: getattr(row.figures, name) for name in names_of_row} for row in found.rows
        ],
        "date_from": found.date_from,
        "date_to": found.date_to,
    }


@blueprint.get("/api/staff/voice/review-queue")
@staff_only(Right.REVIEW_CALLS)
@reads_query(review.ReviewQuery)
@answers(ReviewQueueOut)
async def review_queue(query: review.ReviewQuery) -> Any:
    """Calls to review: low scores, hallucinations, escalations, failed checks, and a few good ones."""
    return {"calls": await review.list_review_queue(db(), query)}


@blueprint.post("/api/staff/voice/calls/<id:id>/approve")
@staff_only(Right.REVIEW_CALLS)
@answers(CallReviewedOut)
@refuses(Code.NOT_EVALUATED)
async def approve_call(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """Approve the evaluation; no training is needed."""
    call = await review.approve_call(db(), id, by=current_actor())
    return {"call_log_id": call.id, "status": call.eval_status}


@blueprint.post("/api/staff/voice/calls/<id:id>/flag")
@staff_only(Right.REVIEW_CALLS)
@reads(review.FlagCall, optional=True)
@answers(CallReviewedOut)
@refuses(Code.NOT_EVALUATED)
async def flag_call(id: int, data: review.FlagCall) -> Any:  # noqa: A002 - the same
    """Flag the call for training, with the reason in the notes."""
    call = await review.flag_call(db(), id, data, by=current_actor())
    return {"call_log_id": call.id, "status": call.eval_status}


@blueprint.post("/api/voice/evaluate")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION, right=Right.REVIEW_CALLS)
@reads(evaluate.EvaluateCall)
@answers(EvaluatedCallOut)
@refuses(Code.NOT_CONFIGURED, Code.NOT_FOUND, Code.NO_TRANSCRIPT, Code.OUTSIDE_SERVICE_FAILED)
async def evaluate_call(data: evaluate.EvaluateCall) -> Any:
    """Evaluate a call, or evaluate it again, with the language model: in the background, or at once if async is
    false."""
    if data.is_async:
        await evaluate.queue_evaluation(db(), data.call_log_id, settings=settings())
        return {"message": "The call will be evaluated in the background.", "call_log_id": data.call_log_id}
    await evaluate.evaluate_call(data.call_log_id, settings=settings())
    row = await review.get_review_row(db(), data.call_log_id)
    return {"message": "The call is evaluated.", "call_log_id": row.id, "call": row}


@blueprint.post("/api/staff/voice/agents/<id:agent_id>/suggest-prompt")
@staff_only(Right.SUGGEST_PROMPTS)
@reads(prompts.SuggestPrompt, optional=True)
@answers(PromptSuggestionOut)
@refuses(Code.NOT_CONFIGURED, Code.OUTSIDE_SERVICE_FAILED, Code.TOO_FEW_CALLS)
async def suggest_prompt(agent_id: int, data: prompts.SuggestPrompt) -> Any:
    """Analyse an agent's worst calls with the language model and suggest a better system prompt."""
    answer, version_id = await prompts.suggest_prompt(agent_id, data, by=current_actor(), settings=settings())
    return answer.model_dump() | {"prompt_version_id": version_id}
