"""The rule that applies to each product of a list, and the number of boxes."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select

from domain.boxes.rules import Reader
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Id, Input, Quantity
from models import BoxRule, Product, columns_of

PRODUCTS, RULES = columns_of(Product), columns_of(BoxRule)
_BOXES_OF = (
    select(
        PRODUCTS.id,
        PRODUCTS.name,
        PRODUCTS.sku,
        RULES.id.label("rule_id"),
        RULES.qty_per_box,
        RULES.box_name,
        RULES.length_in,
        RULES.width_in,
        RULES.height_in,
        PRODUCTS.ship_weight_oz,
        PRODUCTS.ship_box_name,
        PRODUCTS.ship_box_length,
        PRODUCTS.ship_box_width,
        PRODUCTS.ship_box_height,
    )
    .select_from(PRODUCTS.id.table.outerjoin(RULES.id.table, RULES.product_id == PRODUCTS.id))
    .where(PRODUCTS.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
)


class BoxItem(Input):
    """Units of one product."""

    product_id: Id
    """The product to pack."""
    quantity: Quantity
    """How many units of it."""


class SuggestBoxes(Input):
    """The items to pack."""

    items: Annotated[list[BoxItem], Field(min_length=1, max_length=200)]
    """The products with their quantities, 1 to 200 of them."""


# Not frozen: a page creates hundreds of these, and frozen ones take five times as long to create.
@dataclass(slots=True)
class ProductBox:
    """How one product is packed: by its rule, or else one unit per box, in the box that the product specifies.

    Sizes in inches and weights in ounces; None if not measured.
    """

    product_id: int
    product_name: str
    product_sku: str
    qty_per_box: int
    box_name: str
    length_in: Decimal | None
    width_in: Decimal | None
    height_in: Decimal | None
    has_rule: bool
    unit_weight_oz: Decimal | None

    @property
    def is_known(self) -> bool:
        """True if there is a rule or the product specifies a box."""
        return self.has_rule or self.length_in is not None

    def count_boxes(self, quantity: int) -> int:
        """Return the number of boxes for this number of units."""
        return -(-quantity // self.qty_per_box)


@dataclass(frozen=True, slots=True)
class BoxSuggestion:
    """One item with its box; `weight_oz` is the weight of a full box."""

    product_id: int
    product_name: str
    quantity: int
    box_name: str
    qty_per_box: int
    boxes: int
    length_in: Decimal | None
    width_in: Decimal | None
    height_in: Decimal | None
    weight_oz: Decimal | None


async def suggest_boxes(db: Reader, data: SuggestBoxes) -> list[BoxSuggestion]:
    """Return one suggestion per item, in the order sent. Raises InvalidInput, naming every unknown product."""
    known = await list_product_boxes(db, {item.product_id for item in data.items})
    unknown = {
        f"items.{place}.product_id": "is not one of our products"
        for place, item in enumerate(data.items)
        if item.product_id not in known
    }
    if unknown:
        raise InvalidInput("Some items are not in our catalogue.", code=Code.UNKNOWN_PRODUCTS, fields=unknown)
    return [_suggest(known[item.product_id], item.quantity) for item in data.items]


async def list_product_boxes(db: Reader, product_ids: Iterable[int]) -> dict[int, ProductBox]:
    """Return how each of the products is packed, by product id, in one statement."""
    found = await db.execute(_BOXES_OF, {"ids": sorted(product_ids)})
    return {row.id: _make_box(row) for row in found}


def _make_box(row: Any) -> ProductBox:
    if row.rule_id is not None:
        per_box, name, sides = row.qty_per_box, row.box_name, (row.length_in, row.width_in, row.height_in)
    else:
        own = (row.ship_box_length, row.ship_box_width, row.ship_box_height)
        is_measured = None not in own
        per_box, name, sides = 1, row.ship_box_name if is_measured else "", own if is_measured else (None, None, None)
    return ProductBox(row.id, row.name, row.sku, per_box, name, *sides, row.rule_id is not None, row.ship_weight_oz)


def _suggest(box: ProductBox, quantity: int) -> BoxSuggestion:
    weight = box.unit_weight_oz if box.is_known else None
    return BoxSuggestion(
        product_id=box.product_id,
        product_name=box.product_name,
        quantity=quantity,
        box_name=box.box_name,
        qty_per_box=box.qty_per_box,
        boxes=box.count_boxes(quantity),
        length_in=box.length_in,
        width_in=box.width_in,
        height_in=box.height_in,
        weight_oz=None if weight is None else weight * box.qty_per_box,
    )
