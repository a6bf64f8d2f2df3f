"""What a packer is told when a box can't be read: which of them, and what about it."""

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from portal.warehouse.pack_boxes import write_refusal


def refusal(**fields: str) -> InvalidInput:
    return InvalidInput(
        "Bad.", code=Code.INVALID_INPUT, fields={name.replace("__", "."): at for name, at in fields.items()}
    )


def test_of_several_boxes_the_wrong_one_is_named_by_its_place() -> None:
    typed = ["csrf_token", "parcels[1][name]", "parcels[1][pounds]", "parcels[4][pounds]", "insurance"]
    assert write_refusal(refusal(parcels__4__pounds="must be a number"), typed) == "Box 2 weight must be a number"


def test_one_box_needs_no_place() -> None:
    said = write_refusal(refusal(parcels__1__pounds="must be a number"), ["parcels[1][pounds]"])
    assert said == "Box weight must be a number"


def test_words_of_their_own_keep_their_capitals() -> None:
    said = write_refusal(refusal(rate="must be one of USPS Ground", parcels__1__length="must be above 0"))
    assert said == "Rate must be one of USPS Ground; box length must be above 0"
