"""Docstrings under fields as descriptions of the schema."""

from pydantic import AliasChoices, BaseModel, Field

from domain.kernel.field_docs import Described, field_docs


class Parcel(Described):
    weight: float
    """In ounces,
    with its box."""
    to: str = Field(alias="send_to")
    """Who gets it."""
    carrier: str = Field(default="", description="Who brings it.")
    """Not this."""
    bin: str = ""
    "A text as well."
    count: int = Field(default=1, validation_alias=AliasChoices("count", "number"))
    """How many."""
    note: str = ""


class Letter(Parcel):
    to: str
    bin: str = ""
    """Where it lies."""


class Sheet(BaseModel):
    parcels: list[Parcel]


def described(model: type[BaseModel]) -> dict[str, str]:
    properties = model.model_json_schema()["properties"]
    return {name: shown["description"] for name, shown in properties.items() if "description" in shown}


PARCEL = {
    "weight": "In ounces,\nwith its box.",
    "send_to": "Who gets it.",
    "carrier": "Who brings it.",
    "bin": "A text as well.",
    "count": "How many.",
}


def test_a_field_is_described_by_the_docstring_under_it() -> None:
    assert described(Parcel) == PARCEL


def test_a_field_that_is_declared_again_has_only_its_own_docstring() -> None:
    letter = {name: words for name, words in PARCEL.items() if name != "send_to"} | {"bin": "Where it lies."}
    assert described(Letter) == letter


def test_a_model_inside_another_is_described_too() -> None:
    inner = Sheet.model_json_schema()["$defs"]["Parcel"]["properties"]
    assert inner["weight"]["description"] == PARCEL["weight"]


def test_a_model_that_a_function_makes_is_described_too() -> None:
    class Pallet(Described):
        height: int
        """In inches."""

    assert field_docs(Pallet) == {"height": "In inches."}
    assert described(Pallet) == {"height": "In inches."}
