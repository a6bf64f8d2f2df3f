"""The boxes on the packing screen: the suggested ones, or those chosen by the packer."""

import re
import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.boxes.shelf import list_shelf
from domain.kernel.errors import DomainError, InvalidInput
from domain.kernel.inputs import read_form
from domain.warehouse.finish import OUNCES_PER_POUND, FinishPack, PackParcel
from domain.warehouse.packing import PackedOrder
from domain.warehouse.quote import parcels_of
from web.reading import InputRules

OWN_CARTON = "Own carton"
_BOX_FIELD = re.compile(r"parcels\[(\d+)\]")
# Initial values of a box with a custom size.
_BLANK = {"length": Decimal(12), "width": Decimal(12), "height": Decimal(12), "pounds": Decimal(1)}


def choose_boxes(packed: PackedOrder, data: FinishPack | None) -> tuple[list[PackParcel], str]:
    """The boxes as entered, otherwise the suggested ones; a message if they are unknown."""
    if data is not None and data.parcels:
        return _number(data.parcels), ""
    try:
        parcels = parcels_of(packed.boxes)
    except DomainError as error:
        return [], error.message
    names = [box.name or OWN_CARTON for box in packed.boxes for _ in range(box.count)]
    return [
        PackParcel(
            length=parcel.length,
            width=parcel.width,
            height=parcel.height,
            pounds=max(round(parcel.weight / OUNCES_PER_POUND, 1), Decimal("0.1")),
            name=name,
            key=key,
        )
        for key, (parcel, name) in enumerate(zip(parcels, names, strict=True), start=1)
    ], ""


def change_boxes(boxes: list[PackParcel], act: str, kind: str) -> list[PackParcel]:
    """Add a box of a known kind, or remove the one at a position."""
    if act == "add":
        name, *sides = kind.split("|")
        sizes = dict(zip(("length", "width", "height"), sides, strict=False)) if len(sides) == 3 else {}
        key = max((box.key for box in boxes), default=0) + 1
        added = PackParcel.model_validate(_BLANK | sizes | {"name": name, "key": key}, context={"source": "form"})
        return [*boxes, added]
    dropped = act.removeprefix("drop:")
    return boxes if dropped == act else [box for box in boxes if str(box.key) != dropped]


def _number(boxes: list[PackParcel]) -> list[PackParcel]:
    """Give every box a unique key, if the form has none."""
    if len({box.key for box in boxes}) == len(boxes):
        return boxes
    return [box.model_copy(update={"key": key}) for key, box in enumerate(boxes, start=1)]


async def list_box_choices(db: AsyncSession) -> list[tuple[str, str]]:
    """The known boxes to add, smallest first: option values and labels."""
    kinds = sorted(await list_shelf(db), key=lambda kind: (kind.volume, kind.name))
    named = [kind for kind in kinds if kind.name]
    return [
        (
            "|".join([kind.name, *(f"{side:f}" for side in kind.sides)]),
            f"{kind.name}, " + " × ".join(f"{float(side):g}" for side in kind.sides),
        )
        for kind in named
    ]


def name_offers(packed: PackedOrder) -> str:
    """A name that changes with the request to carriers, so that scans do not reload the rates."""
    order = packed.order
    asked = (order.id, order.delivery_address, order.delivery_city, order.delivery_zip, packed.boxes)
    return f"offers-{zlib.crc32(repr(asked).encode()):08x}"


def read_typed(typed: Mapping[str, str], wrong: Iterable[str], rules: InputRules) -> FinishPack | None:
    """The readable part of a refused form; unreadable sizes and weights are replaced by defaults, below the typed
    text."""
    pairs = {name: [value] for name, value in typed.items()}
    for path in wrong:
        head, *rest = path.split(".")
        name = head + "".join(f"[{part}]" for part in rest)
        if rest and rest[-1] in _BLANK:
            pairs[name] = [str(_BLANK[rest[-1]])]
        else:
            pairs.pop(name, None)
    try:
        return read_form(FinishPack, pairs, **rules)
    except InvalidInput:
        return None


def write_refusal(refusal: DomainError, typed: Iterable[str] = ()) -> str:
    """The refusal with all field errors, for a page without space beside the fields.

    `typed` are the names of the form's fields: of several boxes they tell which one is meant.
    """
    if not refusal.fields:
        return refusal.message
    keys = list(dict.fromkeys(found[1] for name in typed if (found := _BOX_FIELD.match(name))))
    said = "; ".join(f"{_name_field(name, keys)} {words}" for name, words in refusal.fields.items())
    return said[:1].upper() + said[1:]


def _name_field(name: str, keys: list[str]) -> str:
    """A field's label for packers: of several boxes, each is numbered by its place on the screen."""
    if found := re.fullmatch(r"parcels\.(\d+)\.(.+)", name):
        key, side = found.groups()
        name = f"box {keys.index(key) + 1} {side}" if len(keys) > 1 and key in keys else f"box {side}"
    return name.replace("pounds", "weight").replace("_", " ").replace(".", " ")
