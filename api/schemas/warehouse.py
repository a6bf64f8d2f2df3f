"""Answers of the warehouse; no price of an order stands in any of them."""

from typing import Any

from api.schemas.base import Answer, MoneyOut, TimeOut


class WarehouseStaffOut(Answer):
    id: int
    username: str
    role: str
    is_active: bool


class WarehouseLoginOut(Answer):
    success: bool = True
    staff: WarehouseStaffOut
    token: str


class NotifiedOut(Answer):
    success: bool = True
    message: str
    """What was posted, or which setting is missing."""


class WarehouseItemOut(Answer):
    product_id: int | None
    product_name: str
    product_sku: str
    product_unit_size: str
    quantity: int


class WarehouseOrderFields(Answer):
    id: int
    order_number: str
    status: str
    on_hold: bool
    created_at: TimeOut
    delivery_name: str
    delivery_company: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_phone: str | None
    special_notes: str
    staff_notes: str
    item_count: int
    tracking_number: str | None
    carrier: str | None
    picked_at: TimeOut | None
    """When somebody noted that it is picked."""
    packed_at: TimeOut | None
    """When the order was packed."""
    shipped_at: TimeOut | None
    delivered_at: TimeOut | None


class WarehouseOrderOut(WarehouseOrderFields):
    items: list[WarehouseItemOut]


class WarehouseQueueOut(Answer):
    orders: list[WarehouseOrderOut]
    total: int
    page: int
    per_page: int
    pages: int


class LabelOut(Answer):
    id: int
    order_number: str
    label_url: str
    """The carrier's own address of the label; the portal prints the copy that we keep."""
    tracking_number: str | None
    carrier: str
    service: str
    rate: MoneyOut | None
    """What the carrier takes for the parcel, in US dollars."""
    insurance: MoneyOut | None
    """The value insured, in US dollars; null without insurance."""
    shipment_id: str | None
    tracker_id: str | None
    refund_status: str | None
    """How far EasyPost's refund has come; null while nobody asked for one."""
    created_at: TimeOut


class LabelListOut(Answer):
    labels: list[LabelOut]


class PackedBoxOut(Answer):
    box_name: str
    length_in: MoneyOut | None
    """Length in inches; null while nobody measured the box."""
    width_in: MoneyOut | None
    height_in: MoneyOut | None
    weight_oz: MoneyOut | None
    """What the goods in it weigh, in ounces; null while a product's weight is unknown."""
    contents: list[dict[str, Any]]
    """What goes in: `product_id`, `product_name`, `product_sku` and `quantity` of each product."""


class PackedItemOut(WarehouseItemOut):
    bin_location: str
    barcode: str
    weight_oz: MoneyOut | None
    """What one unit weighs, in ounces."""
    packed: int
    """How many units were scanned into the box."""


class PackedOrderOut(WarehouseOrderFields):
    items: list[PackedItemOut]
    weight_oz: MoneyOut | None
    """What the goods weigh together, in ounces; null while a product's weight is unknown."""
    boxes: list[PackedBoxOut]
    labels: list[LabelOut]


class OneWarehouseOrderOut(Answer):
    order: PackedOrderOut


class MovedWarehouseOrderOut(Answer):
    success: bool = True
    order: WarehouseOrderOut


class SlipOut(Answer):
    slip: WarehouseOrderOut


class WarehouseStatsOut(Answer):
    shipped_today: int
    in_transit: int
    """Shipped and not yet delivered."""
    delivered_7d: int
    """Delivered in the last seven days."""


class DoneOut(Answer):
    success: bool = True
