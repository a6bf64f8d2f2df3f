"""JSON is read strictly, forms leniently, queries exactly; every bad field is named at once in plain words."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, Field, model_validator

from domain.kernel.errors import InvalidInput, TooLarge
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import (
    MOST_ROW_VALUES,
    MOST_VALUES,
    DateIn,
    DateTimeIn,
    EmailIn,
    Filled60,
    Id,
    Input,
    MoneyIn,
    OptionalEmailIn,
    Quantity,
    SignedMoneyIn,
    Text200,
    read_form,
    read_json,
    read_query,
)


class Way(StrEnum):
    AIR = "air"
    ROAD = "road"


class Line(Input):
    sku: Annotated[Filled60, Field(validation_alias=AliasChoices("sku", "product_sku"))]
    quantity: Quantity


class Order(Input):
    name: Filled60
    items: Annotated[list[Line], Field(min_length=1, max_length=3)]
    fee: MoneyIn = Decimal(0)
    change: SignedMoneyIn | None = None
    way: Way = Way.ROAD
    rush: bool = False
    note: Text200 | None = None
    on: DateIn | None = None
    at: DateTimeIn | None = None
    email: EmailIn | None = None
    billing_email: OptionalEmailIn = None
    customer_id: Id | None = None
    tags: list[Text200] = Field(default_factory=list)
    extra: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _air_needs_a_note(self) -> Self:
        if self.way is Way.AIR and not self.note:
            raise bad_field("is required for air", field="note")
        return self


GOOD = b'{"name": " Mill ", "items": [{"sku": "A", "quantity": 2}]'


def read(rest: str = "") -> Order:
    return read_json(Order, GOOD + rest.encode() + b"}")


def refused(raw: bytes | str) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        read_json(Order, raw.encode() if isinstance(raw, str) else raw)
    return refusal.value


def refused_fields(rest: str) -> dict[str, str]:
    return refused(GOOD.decode() + rest + "}").fields


def test_strings_are_stripped_and_unknown_fields_ignored() -> None:
    order = read(', "surprise": {"deep": [1]}')
    assert order.name == "Mill"
    assert order.items[0].quantity == 2
    assert not hasattr(order, "surprise")


def test_all_bad_fields_are_told_at_once() -> None:
    refusal = refused(
        '{"items": [{"sku": "A", "quantity": "3"}, {"quantity": 0}], "fee": 1.005, "rush": "yes",'
        ' "way": "sea", "note": "'
        + "x" * 201
        + '", "on": "24.11.2026", "email": "nobody", "tags": "x", "customer_id": -1}'
    )
    assert refusal.fields == {
        "name": "is required",
        "items.0.quantity": "must be a whole number",
        "items.1.sku": "is required",
        "items.1.quantity": "must be at least 1",
        "fee": "must be a number with at most two decimals",
        "rush": "must be true or false",
        "way": "must be one of air or road",
        "note": "must be at most 200 characters",
        "on": "must be a date like 2026-11-24",
        "email": "must be an email address like name@example.com",
        "tags": "must be a list",
        "customer_id": "must be at least 1",
    }
    assert refusal.message == (
        "Please correct 12 fields: name is required; items 1 quantity must be a whole number; "
        "items 2 sku is required; and 9 more."
    )


def test_one_bad_field_is_a_sentence_of_its_own() -> None:
    refusal = refused(b'{"items": [{"sku": "A", "quantity": 2}]}')
    assert (refusal.message, refusal.code) == ("Name is required.", "invalid_input")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"name": "\\ud800"}',
        b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"x": ' + b"9" * 5000 + b"}",
        b"[]",
        b'"x"',
        b"null",
        b"3",
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    assert refused(raw).code == "invalid_json"


def test_an_empty_body_is_an_empty_object() -> None:
    assert refused(b"").fields == {"name": "is required", "items": "is required"}


def test_a_name_sent_twice_is_refused() -> None:
    assert refused_fields(', "name": "Other"') == {"name": "was sent more than once"}
    assert refused_fields(', "extra": {"a": "1", "a": "2"}') == {"a": "was sent more than once"}
    as_browsers_write = b'{"name":"Kim","items":[{"sku":"A","quantity":1,"quantity":1}]}'
    assert refused(as_browsers_write).fields == {"quantity": "was sent more than once"}


def test_many_names_sent_twice_are_found_in_one_go() -> None:
    # Held against each other, so many names would take hours.
    pairs = ", ".join(f'"{number}": 0, "{number}": 0' for number in range(200_000))
    assert len(refused_fields(f", {pairs}")) == 200_000


@pytest.mark.parametrize(("padding", "most"), [(0, MOST_VALUES), (1_000_000, MOST_ROW_VALUES)])
def test_a_body_holds_so_many_values_at_most(padding: int, most: int) -> None:
    start = GOOD + b', "x": [0' + b" " * padding
    room = most - sum(map(start.count, (b",", b"[", b"{")))
    assert read_json(Order, start + b",0" * room + b"]}").name == "Mill"
    with pytest.raises(TooLarge):
        read_json(Order, start + b",0" * (room + 1) + b"]}")


@pytest.mark.parametrize("rest", [', "name": null', ', "name": ""', ', "name": "  "'])
def test_an_empty_required_text_is_required(rest: str) -> None:
    fields = refused('{"items": [{"sku": "A", "quantity": 2}]' + rest + "}").fields
    assert fields == {"name": "is required"}


def test_our_own_code_passes_decimals() -> None:
    assert Order(name="x", items=[Line(sku="A", quantity=1)], fee=Decimal("2.5")).fee == Decimal("2.50")


@pytest.mark.parametrize("sent", ['"3"', "2.5", "true", "1e300", "9007199254740994.0"])
def test_a_whole_number_is_nothing_else(sent: str) -> None:
    raw = '{"name": "x", "items": [{"sku": "A", "quantity": ' + sent + "}]}"
    assert refused(raw).fields == {"items.0.quantity": "must be a whole number"}


@pytest.mark.parametrize("where", [', "note": "a\\u0000b"', ', "tags": ["\\u0000"]', ', "extra": {"\\u0000": "x"}'])
def test_nul_characters_are_refused(where: str) -> None:
    [sentence] = refused_fields(where).values()
    assert sentence == "must not contain the NUL character"


def test_a_written_backslash_u0000_is_no_nul() -> None:
    assert read(', "note": "\\\\u0000"').note == "\\u0000"


def test_a_rule_over_several_fields_blames_one() -> None:
    assert refused_fields(', "way": "air"') == {"note": "is required for air"}


def test_another_name_of_a_field_is_read_too() -> None:
    order = read_json(Order, b'{"name": "x", "items": [{"product_sku": "A", "quantity": 1}]}')
    assert order.items[0].sku == "A"


def form(**more: list[str]) -> dict[str, list[str]]:
    return {"name": ["Mill"], "items[0][sku]": ["A"], "items[0][quantity]": [" 2 "]} | more


def test_a_form_is_read_leniently() -> None:
    pairs = form(
        fee=["$1,234.50"],
        change=["-5"],
        rush=["", "on"],
        way=["road"],
        at=["2026-11-24T09:30"],
        on=["2026-11-24"],
        tags=["a", "", "b"],
    )
    order = read_form(Order, pairs | {"extra[12]": ["x"], "csrf": ["y"]}, timezone=ZoneInfo("America/Chicago"))
    assert order.items[0].quantity == 2
    assert (order.fee, order.change, order.rush) == (Decimal("1234.50"), Decimal("-5.00"), True)
    assert order.at == datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    assert (order.on, order.tags, order.extra) == (date(2026, 11, 24), ["a", "b"], {"12": "x"})


def test_an_empty_field_of_a_form_is_absent_and_clears_what_may_be_none() -> None:
    order = read_form(Order, form(fee=[""], note=[" "], rush=["yes", "0"]))
    assert (order.fee, order.note, order.rush) == (Decimal(0), None, False)
    assert "fee" not in order.model_fields_set
    assert "note" in order.model_fields_set


def test_blank_rows_of_a_form_are_left_out_and_the_others_keep_their_names() -> None:
    rows = {
        "items[0][sku]": [""],
        "items[0][quantity]": [""],
        "items[2][sku]": ["B"],
        "items[2][quantity]": ["1"],
        "items[10][sku]": ["C"],
        "items[10][quantity]": ["many"],
    }
    with pytest.raises(InvalidInput) as refusal:
        read_form(Order, {"name": ["x"]} | rows)
    assert refusal.value.fields == {"items.10.quantity": "must be a whole number"}
    order = read_form(Order, {"name": ["x"]} | rows | {"items[10][quantity]": ["3"]})
    assert [line.sku for line in order.items] == ["B", "C"]


@pytest.mark.parametrize(("sent", "meant"), [("3.0", 3), ("3e0", 3), ("100000.00", 100_000)])
def test_json_has_no_other_number_for_three_than_for_three_point_zero(sent: str, meant: int) -> None:
    line = f'{{"sku": "A", "quantity": {sent}}}'
    order = read_json(Order, f'{{"name": "x", "items": [{line}, {line}]}}'.encode())
    assert [line.quantity for line in order.items] == [meant, meant]
    assert refused(b'{"name": "x", "items": [{"sku": "A", "quantity": 0.0}]}').fields == {
        "items.0.quantity": "must be at least 1"
    }


@pytest.mark.parametrize("sent", ["2.0", "1_000", "1e3", "٣", "x", "9" * 5000, "0", "100001"])
def test_a_form_does_not_guess_a_quantity(sent: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_form(Order, form() | {"items[0][quantity]": [sent]})
    assert list(refusal.value.fields) == ["items.0.quantity"]


@pytest.mark.parametrize(
    "name",
    ["items", "items[", "items[]]", "[items]", "items[0]", "name[first]", "a[b][c][d][e][f][g]", "[", ""],
)
def test_a_crooked_name_of_a_form_does_no_harm(name: str) -> None:
    with pytest.raises(InvalidInput):
        read_form(Order, {name: ["x"], "name": ["x"]})


@given(st.dictionaries(st.text("items[]0.sku", max_size=12), st.lists(st.text(max_size=3), max_size=2), max_size=6))
def test_any_form_is_read_or_refused(pairs: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidInput):
        read_form(Order, pairs)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from([*Order.model_fields, "sku", "quantity"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused_in_plain_words(body: Any) -> None:
    import json

    try:
        read_json(Order, json.dumps(body).encode())
    except InvalidInput as refusal:
        sentences = " ".join([refusal.message, *refusal.fields.values()])
        assert not any(word in sentences for word in ("Input", "pydantic", "valid ", "Value error", "type="))


class Wish(Input):
    limit: Annotated[int, Field(ge=1, le=10)] = 5
    only_open: bool = False
    cheapest: MoneyIn | None = None
    way: list[Way] = Field(default_factory=list)


class Named(Input):
    name: Filled60


@pytest.mark.parametrize("unseen", ["", " ", "\u200b\u2060", "\ufe0f", "\u200b\ufe0f\ufe0e", "\u034f", "\U000e0100"])
def test_a_name_of_which_nothing_is_seen_is_required(unseen: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_json(Named, f'{{"name": "{unseen}"}}'.encode())
    assert refusal.value.fields == {"name": "is required"}
    assert read_json(Named, '{"name": "\u2764\ufe0f"}'.encode()).name == "\u2764\ufe0f"


class NamedWish(Wish):
    NULL_IS_ABSENT = False

    name: Filled60 = ""


def test_null_is_the_default_of_a_field_that_has_one() -> None:
    wish = read_json(Wish, b'{"limit": null, "only_open": null, "cheapest": null, "way": null}')
    assert (wish.limit, wish.only_open, wish.cheapest, wish.way) == (5, False, None, [])
    assert wish.way is not read_json(Wish, b'{"way": null}').way
    for schema in Wish.model_json_schema()["properties"].values():
        assert {"type": "null"} in schema["anyOf"]


def test_null_is_refused_where_it_would_empty_a_field_that_must_not_be() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_json(NamedWish, b'{"name": null, "limit": null}')
    assert refusal.value.fields == {"name": "is required", "limit": "is required"}


def test_null_of_its_own_meaning_stays_null() -> None:
    class Note(Input):
        note: Text200 | None = "nothing"

    assert read_json(Note, b'{"note": null}').note is None


def test_a_query_is_read_as_text() -> None:
    wish = read_query(
        Wish,
        {"limit": ["7"], "only_open": ["true"], "cheapest": ["12.5"], "way": ["air", "road"], "x": ["y"]},
    )
    assert (wish.limit, wish.only_open, wish.cheapest, wish.way) == (
        7,
        True,
        Decimal("12.50"),
        [Way.AIR, Way.ROAD],
    )
    assert read_query(Wish, {"limit": [""]}).limit == 5


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("limit", ["seven"], "must be a whole number"),
        ("limit", ["7", "8"], "was sent more than once"),
        ("limit", ["11"], "must be at most 10"),
        ("only_open", ["maybe"], "must be true or false"),
        ("cheapest", ["$5"], "must be a number with at most two decimals"),
        ("way", ["sea"], "must be one of air or road"),
    ],
)
def test_a_bad_value_of_a_query_is_refused(name: str, values: list[str], sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_query(Wish, {name: values})
    assert list(refusal.value.fields.values()) == [sentence]


def test_a_byte_order_mark_before_a_body_is_passed_over() -> None:
    assert read_json(Input, b"\xef\xbb\xbf{}") == Input()
    assert read_json(Input, b"") == Input()
    with pytest.raises(InvalidInput) as nothing:
        read_json(Input, b"\xef\xbb\xbf")
    assert nothing.value.code == "invalid_json"


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_json_does_not_know_are_refused_also_where_nothing_reads_them(constant: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_json(Input, f'{{"unknown": {constant}}}'.encode())
    assert refusal.value.code == "invalid_json"
