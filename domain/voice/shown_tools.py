"""The requests and answers of a call's tools, for the reviewer, next to the transcript.

All of it came from outside and is shown as text: names and values are shortened, and an answer that is not JSON is
shown as it is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from domain.kernel.money import format_money, round_half_up

MOST_FACTS, MOST_ROWS, MOST_COLUMNS, LONGEST = 12, 10, 4, 120
MOST_MONEY = 1_000_000_000
_MONEY = re.compile(r"(^|_)(total|subtotal|fee|price|amount|balance|paid|credit|credit_limit)$")
_WORDS = re.compile(r"[a-z]+(_[a-z]+)+")
# Keys that every answer has; the sentence is already in the transcript.
_NOT_SHOWN = {"message", "success", "error"}
_NAMES = ("tool_name", "name", "tool")
_ANSWERS = ("result_value", "result", "output", "response")


@dataclass(frozen=True, slots=True)
class ShownTool:
    """One use of a tool. `facts` and the table are its answer; `text` is an answer without either."""

    name: str
    asked: str = ""
    seconds: str = ""
    is_error: bool = False
    facts: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    text: str = ""

    @property
    def halves(self) -> list[Sequence[tuple[str, str]]]:
        """The facts in two columns of equal length; the first may be longer by one."""
        middle = (len(self.facts) + 1) // 2
        return [half for half in (self.facts[:middle], self.facts[middle:]) if half]


def show_tools(turn: Mapping[str, Any]) -> list[ShownTool]:
    """Return the tools of a turn in order, each use with its own answer."""
    calls, results = (_objects(turn.get(name)) for name in ("tool_calls", "tool_results"))
    shown = []
    for call in calls:
        answer = next((result for result in results if _is_answer(call, result)), None)
        if answer is not None:
            results.remove(answer)
        shown.append(_show(call, answer or {}))
    return shown + [_show({}, result) for result in results]


def show_outputs(outputs: Sequence[Any]) -> list[ShownTool]:
    """Return the tools of an agent's own report, which have no place in the transcript."""
    return [_show({}, output if isinstance(output, dict) else {"result": output}) for output in outputs]


def find_fact(turn: Mapping[str, Any], field: str) -> tuple[str, str] | None:
    """Return the label and the value of a field in the answers of a turn's tools, or None."""
    label = _label(field)
    return next((fact for tool in show_tools(turn) for fact in tool.facts if fact[0] == label), None)


def _objects(found: Any) -> list[dict[str, Any]]:
    return [one for one in found or () if isinstance(one, dict)]


def _is_answer(call: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    if call.get("request_id") and result.get("request_id"):
        return bool(call["request_id"] == result["request_id"])
    return _name_of(call) == _name_of(result)


def _name_of(one: Mapping[str, Any]) -> str:
    return next((str(one[name]) for name in _NAMES if one.get(name)), "tool")[:LONGEST]


def _show(call: Mapping[str, Any], result: Mapping[str, Any]) -> ShownTool:
    asked = _read(call.get("params_as_json") or call.get("params"))
    said = ", ".join(_say(value) for value in asked.values()) if isinstance(asked, dict) else _say(asked)
    latency = result.get("tool_latency_secs")
    answer = _read(next((result[name] for name in _ANSWERS if result.get(name) is not None), None))
    if answer is None and not any(name in result for name in _ANSWERS):
        # An object of the agent's own report may be the answer itself.
        answer = {name: value for name, value in result.items() if name not in {*_NAMES, "request_id"}} or None
    table = _find_table(answer)
    return ShownTool(
        _name_of(call or result),
        said[:LONGEST],
        f"{latency:.2f} s" if isinstance(latency, int | float) and not isinstance(latency, bool) else "",
        result.get("is_error") is True,
        _list_facts(answer) if isinstance(answer, dict) else (),
        *table,
        text="" if answer is None or isinstance(answer, dict) or table[1] else _say(answer),
    )


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _list_facts(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    plain = {
        name: value
        for name, value in answer.items()
        if name not in _NOT_SHOWN and value not in (None, "") and not isinstance(value, list | dict)
    }
    return [(_label(name), _say_fact(name, value)) for name, value in plain.items()][:MOST_FACTS]


def _say_fact(name: str, value: Any) -> str:
    """Return a value for people: amounts as money, words without underscores."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and _MONEY.search(str(name)) and abs(value) < MOST_MONEY:
        return format_money(round_half_up(Decimal(str(value))))
    said = _say(value)
    return said.replace("_", " ") if _WORDS.fullmatch(said) else said


def _find_table(answer: Any) -> tuple[list[str], list[list[str]]]:
    """Return the first list of objects in an answer as a table, with the columns of its first row."""
    lists = [answer, *(answer.values() if isinstance(answer, dict) else ())]
    found = next((one for one in lists if isinstance(one, list) and one and isinstance(one[0], dict)), None)
    if found is None:
        return [], []
    names = [name for name, value in found[0].items() if not isinstance(value, list | dict)][:MOST_COLUMNS]
    rows = [[_say(row.get(name)) for name in names] for row in _objects(found)[:MOST_ROWS]]
    return [_label(name) for name in names], rows


def _label(name: str) -> str:
    words = str(name).replace("_", " ").strip()[:LONGEST].replace("sku", "SKU")
    return words[:1].upper() + words[1:]


def _say(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return " ".join(text.split())[:LONGEST]
