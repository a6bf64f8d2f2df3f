"""Real examples of the API document: what the demo company was asked and what it answered.

The files beside this one are written by `make examples`, one an area.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load_examples() -> dict[str, dict[str, Any]]:
    """The examples by operation id: `path`, `query` and `request` as sent, `status` and `answer` as received."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(Path(__file__).parent.glob("*.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


def add_example(operation: dict[str, Any]) -> None:
    """Show an operation's example at its parameters, its body and its answer, in place."""
    example = load_examples().get(operation["operationId"], {})
    sent = example.get("path", {}) | example.get("query", {})
    for parameter in operation.get("parameters", []):
        if parameter["name"] in sent:
            parameter["example"] = sent[parameter["name"]]
    if "request" in example:
        for part in operation["requestBody"]["content"].values():
            part["example"] = example["request"]
    if "answer" in example:
        operation["responses"][str(example["status"])]["content"]["application/json"]["example"] = example["answer"]
