"""Reviewing calls over HTTP: the evaluator's verdict, the queue, approving and flagging, figures and suggestions."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_today, now
from domain.voice.agreement import measure_agreement
from domain.voice.calls import CallFilter, CallQuery, list_calls
from models import (
    CallDirection,
    CallEvaluation,
    CallLog,
    JobRun,
    KeyScope,
    Order,
    PromptVersion,
    Role,
    VoiceAgent,
)
from settings import Settings
from tests.api.voice.calling import ask
from tests.factories import make_product, make_staff, sign_in
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order
from tests.fakes.language_model import completion, language_model, verdict

QUEUE = "/api/staff/voice/review-queue"
DASHBOARD = "/api/staff/voice/dashboard"
_numbers = itertools.count(1)


async def make_agent(db: AsyncSession, **values: Any) -> VoiceAgent:
    agent = VoiceAgent(**{"name": "LLD Inbound Orders"} | values)
    db.add(agent)
    await db.flush()
    return agent


async def make_call(db: AsyncSession, **values: Any) -> CallLog:
    usual: dict[str, Any] = {
        "call_id": f"call-{next(_numbers)}",
        "started_at": now(),
        "duration_seconds": 120,
        "transcript": [{"role": "agent", "text": "Your order costs 12 dollars."}, {"role": "user", "text": "Great."}],
    }
    call = CallLog(**usual | values)
    db.add(call)
    await db.flush()
    return call


def judged(score: int, **more: Any) -> dict[str, Any]:
    usual = {
        "eval_status": "complete", "eval_score": score, "eval_resolution": "resolved", "eval_hallucination": False,
        "eval_escalation_needed": False, "wants_review": score < 60,
    }  # fmt: skip
    return usual | more


@pytest.fixture
async def office(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    await sign_in(client, db, await make_staff(db, Role.STAFF, full_name="Ida Office"))
    return client


async def test_only_the_office_reviews(client: TestClientProtocol, db: AsyncSession) -> None:
    call = await make_call(db, **judged(10))
    paths = [("get", QUEUE), ("get", DASHBOARD), ("post", f"/api/staff/voice/calls/{call.id}/approve")]
    for method, path in paths:
        assert (await getattr(client, method)(path)).status_code == 401
        key = await make_key(db, KeyScope.VOICE)
        assert (await getattr(client, method)(path, headers=key)).status_code == 401
    for role in (Role.SALES_REP, Role.WAREHOUSE):
        await sign_in(client, db, await make_staff(db, role))
        for method, path in paths:
            assert (await getattr(client, method)(path)).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert (await client.post("/api/staff/voice/agents/1/suggest-prompt", json={})).status_code == 403


async def test_the_queue_holds_what_wants_a_review(office: TestClientProtocol, db: AsyncSession) -> None:
    agent = await make_agent(db)
    bad = await make_call(db, agent_id=agent.id, caller_phone="+12165550148", **judged(20))
    await make_call(db, **judged(90))
    sample = await make_call(db, **judged(95, wants_review=True, is_sample=True))
    outbound = await make_call(
        db, call_type="outbound_sales", direction="outbound", checker_reasons=["too pushy"], checker_verdict="fail",
        **judged(0, eval_hallucination=True),
    )  # fmt: skip

    async def ids(query: str = "") -> list[int]:
        response = await office.get(f"{QUEUE}?{query}")
        assert response.status_code == 200
        return [row["id"] for row in (await response.get_json())["calls"]]

    assert await ids() == [outbound.id, sample.id, bad.id]
    assert await ids("limit=1") == [outbound.id]
    assert await ids("call_type=outbound_sales") == [outbound.id]
    assert await ids(f"agent_id={agent.id}") == [bad.id]
    assert await ids("status=flagged") == []
    assert (await office.get(f"{QUEUE}?status=pending")).status_code == 400
    row = (await (await office.get(f"{QUEUE}?call_type=outbound_sales")).get_json())["calls"][0]
    assert set(row) >= {
        "id", "call_type", "direction", "caller_phone", "customer_id", "sub_agent_name", "eval_status", "eval_score",
        "eval_hallucination", "eval_escalation_needed", "eval_reviewed_by", "eval_reviewed_at", "checker_verdict",
        "checker_reasons", "transcript_url", "created_at",
    }  # fmt: skip
    assert (row["sub_agent_name"], row["checker_reasons"]) == ("LLD Outbound Sales", ["too pushy"])


async def test_a_call_is_approved_or_flagged_with_notes(office: TestClientProtocol, db: AsyncSession) -> None:
    call = await make_call(db, **judged(20))
    response = await office.post(f"/api/staff/voice/calls/{call.id}/approve")
    assert await response.get_json() == {"success": True, "call_log_id": call.id, "status": "reviewed"}
    await db.refresh(call)
    assert (call.eval_reviewed_by, call.eval_reviewed_at is not None) == ("Ida Office", True)
    response = await office.post(f"/api/staff/voice/calls/{call.id}/flag", json={"notes": "Wrong price"})
    assert await response.get_json() == {"success": True, "call_log_id": call.id, "status": "flagged"}
    await db.refresh(call)
    assert call.review_notes == "Wrong price"
    pending = await make_call(db)
    assert (await office.post(f"/api/staff/voice/calls/{pending.id}/approve")).status_code == 409
    assert (await office.post("/api/staff/voice/calls/999999/approve")).status_code == 404


async def test_an_evaluation_is_kept_with_its_quotes(
    client: TestClientProtocol, db: AsyncSession, app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await make_key(db, KeyScope.AUTOMATION)
    call = await make_call(db)
    reasons = [
        {"line": 2, "quote": "costs 12 dollars", "finding": "The tool said 15.", "is_good": False},
        {"line": 1, "quote": "never said", "finding": "Made up.", "is_good": False},
    ]
    answer = completion(verdict(35, hallucination=True, reasons=reasons, summary="Wrong price."))
    priced = settings.model_copy(update={"llm_input_price": Decimal(2), "llm_output_price": Decimal(10)})
    async with language_model(priced, answer) as (model, configured):
        monkeypatch.setitem(app.config, "SETTINGS", configured)
        status, body = await ask(client, key, "evaluate", call_log_id=call.id, **{"async": False})
    assert (status, body["success"], body["call_log_id"]) == (200, True, call.id)
    assert (body["call"]["eval_score"], body["call"]["eval_hallucination"]) == (35, True)
    assert model.json()["response_format"]["type"] == "json_schema"
    kept = (await db.execute(select(CallEvaluation).where(CallEvaluation.call_log_id == call.id))).scalar_one()
    assert (kept.model, kept.input_tokens, kept.output_tokens) == ("fake-1", 100, 20)
    assert kept.cost_dollars == Decimal("0.0004")
    # The quote counts, in the line that it stands in; one that nobody said is dropped.
    assert [(reason["line"], reason["quote"]) for reason in kept.reasons] == [(1, "costs 12 dollars")]
    await db.refresh(call)
    assert (call.eval_status, call.wants_review) == ("complete", True)


async def test_a_wrong_form_is_asked_for_once_more(
    client: TestClientProtocol, db: AsyncSession, app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await make_key(db, KeyScope.VOICE)
    call = await make_call(db)
    answers = [completion({"score": 900}), completion(verdict(80)), completion("no"), completion("no")]
    async with language_model(settings, *answers) as (model, configured):
        monkeypatch.setitem(app.config, "SETTINGS", configured)
        status, body = await ask(client, key, "evaluate", call_log_id=call.id, **{"async": "false"})
        assert (status, body["call"]["eval_score"], len(model.requests)) == (200, 80, 2)
        status, body = await ask(client, key, "evaluate", call_log_id=call.id, **{"async": False})
        assert (status, body["success"], body["code"]) == (502, False, "outside_service_failed")
    await db.refresh(call)
    assert (call.eval_score, call.eval_status) == (80, "complete")
    assert "the wrong form" in call.eval_error


async def test_an_evaluation_in_the_background_is_a_job(
    office: TestClientProtocol, db: AsyncSession, app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await make_call(db)
    assert (await ask(office, {}, "evaluate", call_log_id=call.id))[0] == 503
    assert (await ask(office, {}, "evaluate"))[0] == 400
    async with language_model(settings) as (_, configured):
        monkeypatch.setitem(app.config, "SETTINGS", configured)
        status, body = await ask(office, {}, "evaluate", call_log_id=call.id)
        assert (status, body["call_log_id"], body["call"]) == (200, call.id, None)
        assert (await ask(office, {}, "evaluate", call_log_id=999_999))[0] == 404
    queued = await db.scalar(select(JobRun.name).where(JobRun.dedupe_key == f"evaluate:{call.id}"))
    assert queued == "evaluate_call"


async def test_the_figures_add_up(office: TestClientProtocol, db: AsyncSession, settings: Settings) -> None:
    agent = await make_agent(db)
    placed = await make_order(db, (await make_product(db), 40))
    order = await db.get_one(Order, placed.written.id)
    await make_call(db, agent_id=agent.id, order_id=order.id, cost_dollars=Decimal("0.25"), **judged(80))
    # A second call about the same order brings nothing again.
    await make_call(db, agent_id=agent.id, order_id=order.id, cost_dollars=Decimal("0.15"), **judged(40))
    yesterday = now() - timedelta(days=1)
    await make_call(db, agent_id=agent.id, started_at=yesterday, **judged(60, eval_hallucination=True))
    await make_call(db)
    response = await office.get(f"{DASHBOARD}?agent_id={agent.id}")
    body = await response.get_json()
    assert body["summary"] == {
        "total_calls": 3, "total_orders": 1, "total_revenue": 400.0, "total_cost": 0.4, "avg_score": 60.0,
        "resolution_rate": 1.0, "hallucination_rate": 0.3333, "roi": 999.0,
    }  # fmt: skip
    today = business_today(settings.timezone)
    assert (body["date_from"], body["date_to"]) == (str(today - timedelta(days=30)), str(today))
    assert len(body["rows"]) == 31
    for name in ("calls", "orders", "revenue", "cost"):
        assert round(sum(row[name] for row in body["rows"]), 2) == body["summary"][f"total_{name}"]
    assert (await (await office.get(DASHBOARD)).get_json())["summary"]["total_calls"] == 4
    weekly = await (
        await office.get(f"{DASHBOARD}?granularity=weekly&date_from=2026-01-01&date_to=2026-01-31")
    ).get_json()
    assert [row["period"] for row in weekly["rows"]][:2] == ["2025-12-29", "2026-01-05"]
    for bad in ("granularity=hourly", "date_from=x", "date_from=2026-02-01&date_to=2026-01-01"):
        assert (await office.get(f"{DASHBOARD}?{bad}")).status_code == 400
    wrong = await office.get(f"{DASHBOARD}?granularity=hourly&date_from=2026-02-01&date_to=2026-01-01")
    assert set((await wrong.get_json())["fields"]) == {"granularity", "date_to"}


async def test_days_weeks_and_months_cost_the_same(office: TestClientProtocol, db: AsyncSession) -> None:
    monday = datetime(2026, 3, 2, 18, tzinfo=UTC)
    for days, cost in itertools.product((0, 1, 2, 8, 30), ("0.0540", "0.0500")):
        await make_call(db, started_at=monday + timedelta(days=days), cost_dollars=Decimal(cost))
    costs = {}
    for granularity in ("daily", "weekly", "monthly"):
        query = f"granularity={granularity}&date_from=2026-03-01&date_to=2026-04-30"
        body = await (await office.get(f"{DASHBOARD}?{query}")).get_json()
        assert round(sum(row["cost"] for row in body["rows"]), 2) == body["summary"]["total_cost"]
        costs[granularity] = body["summary"]["total_cost"]
    assert costs == dict.fromkeys(("daily", "weekly", "monthly"), 0.5)


async def test_a_failed_check_is_no_evaluation(office: TestClientProtocol, db: AsyncSession) -> None:
    await make_call(db, **judged(80))
    await make_call(db, **judged(90, eval_status="reviewed"))
    failed = {"checker_verdict": "fail", "eval_resolution": None, "eval_hallucination": True}
    for status in ("complete", "reviewed"):
        await make_call(db, call_type="outbound_sales", **judged(0, eval_status=status, **failed))
    summary = (await (await office.get(DASHBOARD)).get_json())["summary"]
    assert [summary[name] for name in ("total_calls", "avg_score", "resolution_rate", "hallucination_rate")] == [
        4, 85.0, 1.0, 0.0,
    ]  # fmt: skip
    assert (await measure_agreement(db)).reviewed == 1
    shown = await list_calls(db, CallQuery(show=CallFilter.HALLUCINATED))
    assert shown.total == 0


async def test_a_prompt_is_proposed_from_the_worst_calls(
    client: TestClientProtocol, db: AsyncSession, app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    agent = await make_agent(db, direction=CallDirection.INBOUND)
    for _ in range(3):
        await make_call(db, agent_id=agent.id, **judged(20))
    path = f"/api/staff/voice/agents/{agent.id}/suggest-prompt"
    assert (await client.post(path, json={})).status_code == 503
    proposal = {
        "analysis": "Prices are guessed.", "suggested_system_prompt": "Ask the tool for prices.",
        "changes_made": ["Prices come from the tool"], "expected_improvement": "No wrong prices.",
    }  # fmt: skip
    async with language_model(settings, completion(proposal)) as (model, configured):
        monkeypatch.setitem(app.config, "SETTINGS", configured)
        refused = await client.post(path, json={})
        assert (refused.status_code, (await refused.get_json())["code"]) == (409, "too_few_calls")
        response = await client.post(path, json={"min_calls": 3})
        assert response.status_code == 200
        assert (await client.post("/api/staff/voice/agents/999999/suggest-prompt", json={})).status_code == 404
    body = await response.get_json()
    assert {name: body[name] for name in proposal} == proposal
    assert len(model.requests) == 1
    kept = await db.get_one(PromptVersion, body["prompt_version_id"])
    assert (kept.state, kept.number, kept.prompt) == ("suggested", 1, "Ask the tool for prices.")
