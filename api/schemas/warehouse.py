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


class FailedParcelOut(Answer):
    parcel: int
    """The parcel's number in the request, from 1."""
    label_id: int
    error: str
    """Why the carrier did not sell it."""


class BoughtLabelOut(Answer):
    label_url: str
    tracking_num: str | None
    """The tracking number of the first parcel."""
    carrier: str
    service: str
    rate: MoneyOut | None
    """What the carrier takes for the first parcel, in US dollars."""
    shipment_id: str | None
    tracker_id: str | None
    label_id: int
    labels: list[LabelOut]
    """The labels of all parcels, in the request's order."""
    failed: list[FailedParcelOut]
    """Parcels that the carrier did not sell; the same request tries them again."""


class VoidedLabelOut(Answer):
    success: bool = True
    voided_tracking: str | None
    """The number that came off the order."""
    ep_refund_status: str | None
    """submitted, refunded, or not_applicable where the carrier bills only what it scans."""
    ep_error: str | None
    """What EasyPost says against it; null when it takes the label back."""
    remaining_tracking: str | None
    """The tracking number that the order has now."""


class TrackingDetailOut(Answer):
    datetime: str | None
    """When it happened, as ISO 8601 in UTC."""
    message: str
    """The carrier's words."""
    status: str
    """The status that it led to."""
    location: str
    """Where it happened."""


class TrackingOut(Answer):
    success: bool = True
    tracking_number: str
    carrier: str
    status: str
    """pre_transit, in_transit, out_for_delivery, delivered, available_for_pickup, return_to_sender, failure, ..."""
    status_label: str
    """The status in words."""
    est_delivery_date: TimeOut | None
    """When the carrier expects to deliver it."""
    public_url: str | None
    """A page about the parcel that anyone may open; null for a carrier without one."""
    tracking_details: list[TrackingDetailOut]
    """What happened on the way, oldest first."""
    last_updated: TimeOut | None
    """When the carrier said so; null when it never said anything."""


class OfferedRateOut(Answer):
    carrier: str
    service: str
    rate: MoneyOut
    """US dollars for all parcels together."""
    delivery_days: int | None
    """Days until the last parcel arrives; null where the carrier does not say."""
    is_cheapest: bool
    """True for the cheapest of the rates."""
    is_fastest: bool
    """True for the fastest of the rates, the cheapest of them where several are."""


class QuotedParcelOut(Answer):
    length: MoneyOut
    """Length in inches."""
    width: MoneyOut
    """Width in inches."""
    height: MoneyOut
    """Height in inches."""
    weight: MoneyOut
    """Weight in ounces."""


class SuggestedAddressOut(Answer):
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str


class AddressCheckOut(Answer):
    ours: str
    """The order's address as one line."""
    suggested: SuggestedAddressOut | None
    """How the carrier writes it; null where it writes the same."""
    is_deliverable: bool
    """True when the carrier knows the address."""
    problem: str
    """What keeps it from being delivered; empty when nothing."""


class RatesOut(Answer):
    rates: list[OfferedRateOut]
    """The services that all parcels can go by, cheapest first."""
    parcels: list[QuotedParcelOut]
    """The parcels that were quoted."""
    address: AddressCheckOut | None
    """The carrier's check of the delivery address; null when it could not check it."""
    messages: list[str]
    """What carriers said about rates that they do not offer."""


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


class ShippedShortOut(MovedWarehouseOrderOut):
    missing_units: int
    """How many units do not ship."""


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
