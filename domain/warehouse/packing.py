"""One order as the packer needs it: lines in walking order with what is scanned of each, boxes, weights and labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.boxes.pack import PackedBox, PackLine, pack_lines, weigh_all
from domain.boxes.shelf import list_shelf
from domain.boxes.suggest import ProductBox, list_product_boxes
from domain.catalogue.barcodes import names_product
from domain.kernel.actor import Actor
from domain.orders.filters import ITEMS
from domain.orders.queries import Reader
from domain.warehouse.label_rows import LabelRow, list_labels
from domain.warehouse.queue import ROW_NAMES, QueueRow, get_queue_row
from models import LabelScan, Product, columns_of

PRODUCTS = columns_of(Product)
SCANS = columns_of(LabelScan)
_SCANNED = (
    select(func.coalesce(func.sum(SCANS.quantity), 0))
    .where(SCANS.order_item_id == ITEMS.id)
    .correlate(ITEMS.id.table)
    .scalar_subquery()
)
_ITEMS_OF = (
    select(
        ITEMS.order_id,
        ITEMS.id,
        ITEMS.product_id,
        ITEMS.product_name,
        ITEMS.product_sku,
        ITEMS.product_unit_size,
        func.coalesce(PRODUCTS.bin_location, ""),
        func.coalesce(PRODUCTS.barcode, ""),
        PRODUCTS.ship_weight_oz,
        ITEMS.quantity - ITEMS.short_quantity,
        ITEMS.short_quantity,
        _SCANNED,
    )
    .select_from(ITEMS.id.table.outerjoin(PRODUCTS.id.table, PRODUCTS.id == ITEMS.product_id))
    .where(ITEMS.order_id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
    # Walking order: sorted by bin location; products without one come last.
    .order_by(ITEMS.order_id, func.coalesce(PRODUCTS.bin_location, "") == "", PRODUCTS.bin_location, ITEMS.position)
)


# Not frozen: a page creates hundreds of these, and frozen ones take five times as long to create.
@dataclass(slots=True)
class PackItem:
    """One line at its bin. `packed` of its `quantity` units are in the box; `short` more were never found."""

    id: int
    product_id: int | None
    product_name: str
    product_sku: str
    product_unit_size: str
    bin_location: str
    barcode: str
    weight_oz: Decimal | None
    quantity: int
    short: int
    packed: int

    def is_named(self, code: str) -> bool:
        """Return True for the product's own SKU or barcode, in any spelling."""
        return names_product(code, sku=self.product_sku, barcode=self.barcode)

    @property
    def left(self) -> int:
        """The number of units still to scan."""
        return self.quantity - self.packed


@dataclass(frozen=True, slots=True)
class PackedOrder:
    """An order with the data of its packing screen."""

    order: QueueRow
    items: Sequence[PackItem]
    boxes: Sequence[PackedBox]
    labels: Sequence[LabelRow]

    @property
    def weight_oz(self) -> Decimal | None:
        """The total weight of the goods; None if a product's weight is unknown."""
        return weigh_all(self.boxes)

    @property
    def packed(self) -> int:
        """The number of units scanned."""
        return sum(item.packed for item in self.items)

    @property
    def quantity(self) -> int:
        """The number of units."""
        return sum(item.quantity for item in self.items)

    @property
    def is_complete(self) -> bool:
        """True if every unit is in the box."""
        return self.packed == self.quantity

    def as_answer(self) -> dict[str, Any]:
        """Return the order with the contract's names."""
        shown = {name: getattr(self.order, name) for name in ROW_NAMES}
        return shown | {
            "items": self.items,
            "weight_oz": self.weight_oz,
            "boxes": [_show_box(box) for box in self.boxes for _ in range(min(box.count, 200))],
            "labels": self.labels,
        }


async def get_packed_order(db: AsyncSession, order_number: str, *, visible_to: Actor) -> PackedOrder:
    """Return the order by its number. Raises NotFound if the actor may not see it."""
    order = await get_queue_row(db, order_number, visible_to=visible_to)
    items = await list_pack_items(db, order.id)
    labels = await list_labels(db, order.id, unsettled=True)
    return PackedOrder(order, items, (await pack_orders(db, {order.id: items}))[order.id], labels)


async def list_pack_items(db: Reader, order_id: int) -> list[PackItem]:
    """Return the lines of an order in walking order, with what is scanned of each."""
    return (await list_pack_items_of(db, [order_id])).get(order_id, [])


async def list_pack_items_of(db: Reader, order_ids: Sequence[int]) -> dict[int, list[PackItem]]:
    """Like `list_pack_items`, for several orders by id, in one statement."""
    found: dict[int, list[PackItem]] = {}
    for order_id, *values in await db.execute(_ITEMS_OF, {"ids": list(order_ids)}):
        found.setdefault(order_id, []).append(PackItem(*values))
    return found


async def pack_orders(db: Reader, items: Mapping[int, Sequence[PackItem]]) -> dict[int, list[PackedBox]]:
    """Return the suggested boxes of several orders by id, in two statements."""
    products = {item.product_id for lines in items.values() for item in lines if item.product_id is not None}
    known = await list_product_boxes(db, products)
    shelf = await list_shelf(db)
    return {order_id: pack_lines(lines_of(lines, known), shelf) for order_id, lines in items.items()}


def lines_of(items: Sequence[PackItem], known: Mapping[int, ProductBox]) -> list[PackLine]:
    """Return the lines of an order with the known packing data of each product."""
    return [
        PackLine(item.product_name, item.product_sku, item.quantity, known.get(item.product_id or 0)) for item in items
    ]


def _show_box(box: PackedBox) -> dict[str, Any]:
    length, width, height = box.sides or (None, None, None)
    return {
        "box_name": box.name,
        "length_in": length,
        "width_in": width,
        "height_in": height,
        "weight_oz": box.weight_oz,
        "contents": [
            {
                "product_id": content.product_id,
                "product_name": content.product_name,
                "product_sku": content.product_sku,
                "quantity": content.quantity,
            }
            for content in box.contents
        ],
    }
