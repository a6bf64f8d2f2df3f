"""Why calls wait for a review: the causes, most urgent first, each with its number of calls and its worst call."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.voice.review import ReviewRow
from models import GOOD_FROM

# The cause, its title in singular and plural, its icon and its tone; red ones first.
CAUSES = (
    ("check", "check failed", "checks failed", "shield-check", "bad"),
    ("hallucination", "hallucination", "hallucinations", "alert-circle", "bad"),
    ("escalation", "escalation", "escalations", "phone-call", "warn"),
    ("score", f"score below {GOOD_FROM}", f"scores below {GOOD_FROM}", "trending-down", "warn"),
    ("sample", "sample of the good ones", "samples of the good ones", "star", "quiet"),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of reviews, its number of calls, and the worst of them."""

    title: str
    icon: str
    tone: str
    count: int
    worst: ReviewRow


def find_cause(row: ReviewRow) -> str:
    """Return the most urgent cause of a waiting call."""
    if row.checker_verdict == "fail":
        return "check"
    if row.eval_hallucination:
        return "hallucination"
    if row.eval_escalation_needed:
        return "escalation"
    return "sample" if row.is_sample else "score"


def group_causes(rows: Sequence[ReviewRow]) -> list[Cause]:
    """Return the causes of a queue; each call counts once, under its most urgent cause."""
    causes = []
    for name, one, several, icon, tone in CAUSES:
        calls = [row for row in rows if find_cause(row) == name]
        if calls:
            worst = min(calls, key=lambda row: row.eval_score or 0)
            causes.append(Cause(f"{len(calls)} {one if len(calls) == 1 else several}", icon, tone, len(calls), worst))
    return causes
