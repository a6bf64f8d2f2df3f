"""What tools answered is shown as facts, a table or a text, each answer with the use that it belongs to."""

import orjson

from domain.voice.shown_tools import LONGEST, ShownTool, show_outputs, show_tools

LOOKUP = {"found": True, "name": "Alder Diner", "message": "Hello.", "success": True, "email": None}
CUPS = {"products": [{"sku": "CUP-2", "name": "Cup", "prices": [1]}, {"sku": "CUP-4", "name": None}], "total": 2}


def test_every_use_has_its_own_answer() -> None:
    turn = {
        "tool_calls": [
            {"tool_name": "products", "params_as_json": '{"query": "two  ounce cups", "limit": 5}', "request_id": "b"},
            {"tool_name": "products", "params_as_json": "not JSON", "request_id": "a"},
            {"tool_name": "send_sms", "params_as_json": "{}"},
        ],
        "tool_results": [
            {"tool_name": "products", "result_value": "timed out", "is_error": True, "request_id": "a"},
            {"tool_name": "products", "result_value": orjson.dumps(CUPS).decode(), "tool_latency_secs": 0.063,
             "request_id": "b"},
            {"tool_name": "lookup", "result_value": orjson.dumps(LOOKUP).decode()},
        ],
    }  # fmt: skip
    assert show_tools(turn) == [
        ShownTool(
            "products", "two ounce cups, 5", "0.06 s", facts=[("Total", "2")], columns=["SKU", "Name"],
            rows=[["CUP-2", "Cup"], ["CUP-4", ""]],
        ),
        ShownTool("products", "not JSON", "", True, columns=[], rows=[], text="timed out"),
        ShownTool("send_sms", "", columns=[], rows=[]),
        ShownTool("lookup", "", facts=[("Found", "Yes"), ("Name", "Alder Diner")], columns=[], rows=[]),
    ]  # fmt: skip


def test_strange_reports_are_shown_as_far_as_they_go() -> None:
    assert show_tools({}) == []
    assert show_tools({"tool_calls": ["x", None, 3], "tool_results": None}) == []
    [text, number, plain, long] = show_outputs(["done", 7, {"order": "LLD-1"}, {"name": "n" * 500, "result": [[1]]}])
    assert (text.name, text.text, number.text) == ("tool", "done", "7")
    assert plain.facts == [("Order", "LLD-1")]
    assert (len(long.name), long.text) == (LONGEST, "[[1]]")
    assert [len(half) for half in ShownTool("t", facts=[("a", "1"), ("b", "2"), ("c", "3")]).halves] == [2, 1]
