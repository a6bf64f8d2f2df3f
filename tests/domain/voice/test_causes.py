"""Calls that wait for a review are grouped by what weighs most on them, red first."""

from dataclasses import fields
from typing import Any

from domain.voice.causes import find_cause, group_causes
from domain.voice.review import ReviewRow


def make_row(**values: Any) -> ReviewRow:
    empty: dict[str, Any] = {field.name: None for field in fields(ReviewRow)}
    return ReviewRow(**empty | {"is_sample": False, "call_type": "inbound_order"} | values)


def test_each_call_counts_once_for_what_weighs_most() -> None:
    rows = [
        make_row(id=1, eval_score=94, is_sample=True),
        make_row(id=2, eval_score=58),
        make_row(id=3, eval_score=41, eval_hallucination=True, eval_escalation_needed=True),
        make_row(id=4, eval_score=52, eval_hallucination=True),
        make_row(id=5, eval_score=0, eval_hallucination=True, checker_verdict="fail"),
        make_row(id=6, eval_score=70, eval_escalation_needed=True),
    ]
    shown = [(cause.title, cause.tone, cause.worst.id) for cause in group_causes(rows)]
    assert shown == [
        ("1 check failed", "bad", 5), ("2 hallucinations", "bad", 3), ("1 escalation", "warn", 6),
        ("1 score below 60", "warn", 2), ("1 sample of the good ones", "quiet", 1),
    ]  # fmt: skip
    assert [find_cause(row) for row in rows].count("hallucination") == 2
    assert group_causes([]) == []
