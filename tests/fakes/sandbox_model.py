"""The sandbox's language model: OpenAI's chat endpoint on loopback, which answers each question of ours by plain rules.

It judges a call by what stands in it, proposes a prompt that mends what the calls lacked, and speaks a caller's next
line. The same question always gets the same answer, and nothing leaves the machine.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from aiohttp import web

from tests.fakes.language_model import completion, verdict

MODEL = "sandbox-judge"
BEST_SCORE = 94
# What each thing found takes off the score.
UNKNOWN_PROMISE, FAILED_TOOL, WANTS_A_PERSON, SILENT = 45, 20, 30, 60
# As many tokens as a text has characters by four, which is what models count, roughly.
CHARACTERS_A_TOKEN = 4
_TURN = re.compile(r"^(\d+) (agent|user|caller|customer): (.*)$")
_TOOL = re.compile(r"^(?:\d+ tool_(?:calls|results)|tool outputs): (.*)$")
_PRICE = re.compile(r"\$([0-9][0-9,]*\.[0-9]{2})")
_FREE = re.compile(r"\bfree\b", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:manager|person|human|representative|complain\w*|call me back)\b", re.IGNORECASE)
_FAILED = re.compile(r'\\?"success\\?":\s*false')
_MARK = re.compile(r"^=== [0-9a-f]{32}(?: (.*))?$")


def judge(question: str) -> dict[str, Any]:
    """The verdict on a call as `write_question` writes it down."""
    lines = question.splitlines()
    turns = [(int(found[1]), found[2], found[3]) for line in lines if (found := _TURN.match(line))]
    known = "\n".join(found[1] for line in lines if (found := _TOOL.match(line))) + "\n".join(
        text for _, role, text in turns if role != "agent"
    )
    reasons, score = [], BEST_SCORE
    unknown = _find_unknown_promise(turns, known)
    if unknown:
        score -= UNKNOWN_PROMISE
        reasons.append(_reason(*unknown, "The agent says what no tool answered."))
    asked = next(((number, text) for number, role, text in turns if role != "agent" and _PERSON.search(text)), None)
    if asked:
        score -= WANTS_A_PERSON
        reasons.append(_reason(*asked, "The caller wants a person."))
    failed = len(_FAILED.findall(known))
    score -= FAILED_TOOL * min(failed, 2)
    spoken = [(number, text) for number, role, text in turns if role == "agent" and text.strip()]
    if not spoken:
        score -= SILENT
    elif not reasons:
        reasons.append(_reason(*spoken[-1], "The call ends with an answer.", is_good=True))
    done = "resolved" if score >= 70 else "partly" if score >= 50 else "unresolved"
    return verdict(
        max(score, 0),
        resolution=done,
        hallucination=bool(unknown),
        escalation_needed=bool(asked),
        summary=f"{len(turns)} lines, {failed} failed {'tool' if failed == 1 else 'tools'}; judged by the sandbox.",
        reasons=reasons,
    )


def suggest(question: str) -> dict[str, Any]:
    """Another prompt: the present one with a rule for what the calls lacked."""
    parts = dict(_split(question))
    present = parts.get("present prompt", "").strip()
    if not present or present == "(not known to us)":
        present = "You take and make calls for a restaurant-supply company."
    rule = "Name a price only after a tool gave it, and read the order back before it is placed."
    calls = question.count(" call, score ")
    return {
        "analysis": f"Calls studied: {calls}. The low ones name prices before the tools gave them.",
        "suggested_system_prompt": f"{present}\n\n{rule}",
        "changes_made": [f"Added: {rule}"],
        "expected_improvement": "Fewer prices that no tool gave.",
    }


def speak(question: str) -> dict[str, Any]:
    """What the agent says to the caller's last line."""
    said = [line.partition(": ")[2] for line in question.splitlines() if line.startswith("user: ")]
    return {
        "say": f"You said: {said[-1]} I will see to it." if said else "How can I help?",
        "tool": "",
        "arguments": "",
    }


ANSWERS: dict[str, Callable[[str], dict[str, Any]]] = {"Verdict": judge, "Suggestion": suggest, "AgentStep": speak}


async def complete_chat(request: web.Request) -> web.Response:
    """Answer a chat request by the name of the form that it asks for."""
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        return web.json_response({"error": {"message": "You didn't provide an API key."}}, status=401)
    asked: dict[str, Any] = await request.json()
    question = str(asked["messages"][-1]["content"])
    form = asked.get("response_format", {}).get("json_schema", {}).get("name", "")
    if form not in ANSWERS:
        return web.json_response({"error": {"message": f"The sandbox has no answer of the form {form!r}."}}, status=400)
    content = ANSWERS[form](question)
    _, body = completion(content)
    read = sum(len(str(message["content"])) for message in asked["messages"]) // CHARACTERS_A_TOKEN
    written = len(orjson.dumps(content)) // CHARACTERS_A_TOKEN
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return web.json_response({**dict(body), "model": MODEL, "usage": usage})  # type: ignore[call-overload]


def make_model() -> web.Application:
    """The endpoint, to be served anywhere on loopback."""
    app = web.Application(client_max_size=4 * 2**20)
    app.router.add_post("/v1/chat/completions", complete_chat)
    return app


def _find_unknown_promise(turns: list[tuple[int, str, str]], known: str) -> tuple[int, str] | None:
    """The line in which the agent names an amount or gives something away that nobody else spoke of."""
    plain = known.replace(",", "")
    for number, role, text in turns:
        if role != "agent":
            continue
        amounts = [amount.replace(",", "") for amount in _PRICE.findall(text)]
        # JSON writes 45.50 as 45.5.
        if any(amount not in plain and amount.rstrip("0").rstrip(".") not in plain for amount in amounts):
            return number, text
        if _FREE.search(text) and "fee" not in plain and not _FREE.search(plain):
            return number, text
    return None


def _reason(line: int, quote: str, finding: str, *, is_good: bool = False) -> dict[str, Any]:
    return {"line": line, "quote": quote[:2_000], "finding": finding, "is_good": is_good}


def _split(question: str) -> Iterator[tuple[str, str]]:
    """The parts between the marks by their titles."""
    title = ""
    lines: list[str] = []
    for line in question.splitlines():
        if found := _MARK.match(line):
            yield title, "\n".join(lines)
            title, lines = found[1] or "", []
        else:
            lines.append(line)
    yield title, "\n".join(lines)
