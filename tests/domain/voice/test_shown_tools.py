"""What tools answered is shown as facts, a table or a text, each answer with the use that it belongs to."""

from typing import Any

import orjson

from domain.voice.call_lines import cut_text, number_lines, read_reasons
from domain.voice.evaluate import About, Reason, check_reasons
from domain.voice.shown_tools import LONGEST, ShownTool, show_outputs, show_tools

LOOKUP = {"found": True, "name": "Alder Diner", "message": "Hello.", "success": True, "email": None}
CUPS = {
    "products": [{"sku": "CUP-2", "name": "Cup", "prices": [1]}, {"sku": "CUP-4", "name": None}], "count": 2,
    "delivery_fee": 25.0, "payment_method": "credit_card",
}  # fmt: skip
ASKED = [("Count", "2"), ("Delivery fee", "$25.00"), ("Payment method", "credit card")]


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
            "products", "two ounce cups, 5", "0.06 s", facts=ASKED, columns=["SKU", "Name"],
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


def test_words_and_the_datum_that_contradicts_them_point_at_each_other() -> None:
    answer = orjson.dumps({"delivery_fee": 25.0, "total": 287.55}).decode()
    transcript: list[dict[str, Any]] = [
        {"role": "agent", "text": "", "tool_results": [{"tool_name": "place_order", "result_value": answer}]},
        {"role": "agent", "text": "So delivery  is FREE today. Card? [removed] no.", "at": 90},
        {"role": "user", "text": "Can I talk to a person?"},
    ]
    found = [
        Reason(line=2, quote="delivery is free today", finding="Promised it", about=About.HALLUCINATION, data_line=1,
               data_field="delivery_fee"),
        Reason(line=3, quote="talk to a person", finding="Nobody was offered", about=About.ESCALATION, data_line=9,
               data_field="no_such"),
    ]  # fmt: skip
    reasons = read_reasons(check_reasons(transcript, found))
    assert [(reason.tone, reason.data_line) for reason in reasons] == [("bad", 1), ("warn", None)]
    assert reasons[0].datum == "Delivery fee $25.00"
    tool, words, wish = number_lines(transcript, reasons)
    assert (tool.who, tool.tone, list(tool.marked)) == ("Tool", "bad", ["Delivery fee"])
    assert [(cite.text, cite.target) for cite in tool.cites] == [("Line 2 says otherwise", "line-2")]
    assert [piece.text for piece in words.pieces if piece.is_cited] == ["delivery  is FREE today"]
    assert [piece.text for piece in words.pieces if piece.is_removed] == ["number removed"]
    assert (words.at, words.cites[0].text) == ("1:30", "Line 1: Delivery fee $25.00")
    assert (wish.tone, wish.cites[0].target) == ("warn", "reason-2")


def test_quotes_that_overlap_or_are_not_there_cut_nothing_twice() -> None:
    pieces = cut_text("one two three", ["two three", "one two", "four", " "])
    assert [(piece.text, piece.is_cited) for piece in pieces] == [("one two", True), (" three", False)]
