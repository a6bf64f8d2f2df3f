"""Answers of the warehouse; none contains prices of an order."""

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
    """What was posted, or the missing setting."""


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
    """When it was marked as picked."""
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
    """The carrier's URL of the label; the portal prints our stored copy."""
    tracking_number: str | None
    carrier: str
    service: str
    rate: MoneyOut | None
    """The carrier's price for the parcel in US dollars."""
    insurance: MoneyOut | None
    """Insured value in US dollars; null without insurance."""
    shipment_id: str | None
    tracker_id: str | None
    refund_status: str | None
    """Status of EasyPost's refund; null if none was requested."""
    created_at: TimeOut


class FailedParcelOut(Answer):
    parcel: int
    """The parcel's number in the request, from 1."""
    label_id: int
    error: str
    """Why the carrier did not sell the label."""


class BoughtLabelOut(Answer):
    label_url: str
    tracking_num: str | None
    """The tracking number of the first parcel."""
    carrier: str
    service: str
    rate: MoneyOut | None
    """The carrier's price for the first parcel in US dollars."""
    shipment_id: str | None
    tracker_id: str | None
    label_id: int
    labels: list[LabelOut]
    """The labels of all parcels, in the request's order."""
    failed: list[FailedParcelOut]
    """Parcels without a label; repeat the request to try them again."""


class VoidedLabelOut(Answer):
    success: bool = True
    voided_tracking: str | None
    """The tracking number removed from the order."""
    ep_refund_status: str | None
    """submitted, refunded, or not_applicable if the carrier bills only scanned labels."""
    ep_error: str | None
    """EasyPost's error; null if it accepted the refund."""
    remaining_tracking: str | None
    """The order's tracking number now."""


class TrackingDetailOut(Answer):
    datetime: str | None
    """When it happened, as ISO 8601 in UTC."""
    message: str
    """The carrier's message."""
    status: str
    """The resulting status."""
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
    """The carrier's public tracking page; null if it has none."""
    tracking_details: list[TrackingDetailOut]
    """The tracking events, oldest first."""
    last_updated: TimeOut | None
    """When the carrier last reported; null if it never did."""


class OfferedRateOut(Answer):
    carrier: str
    service: str
    rate: MoneyOut
    """Price of all parcels together in US dollars."""
    delivery_days: int | None
    """Days until the last parcel arrives; null if the carrier does not say."""
    is_cheapest: bool
    """True for the cheapest of the rates."""
    is_fastest: bool
    """True for the fastest rate; if several are equally fast, for the cheapest of them."""


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
    """The order's address on one line."""
    suggested: SuggestedAddressOut | None
    """The carrier's form of the address; null if it is the same."""
    is_deliverable: bool
    """True when the carrier knows the address."""
    problem: str
    """Why it can't be delivered; empty if it can."""


class RatesOut(Answer):
    rates: list[OfferedRateOut]
    """The services available for all parcels, cheapest first."""
    parcels: list[QuotedParcelOut]
    """The parcels that were quoted."""
    address: AddressCheckOut | None
    """The carrier's check of the delivery address; null when it could not check it."""
    messages: list[str]
    """Carriers' messages about rates that are not offered."""


class LabelListOut(Answer):
    labels: list[LabelOut]


class PackedBoxOut(Answer):
    box_name: str
    length_in: MoneyOut | None
    """Length in inches; null if the box has not been measured."""
    width_in: MoneyOut | None
    height_in: MoneyOut | None
    weight_oz: MoneyOut | None
    """Weight of the goods in ounces; null if a product's weight is unknown."""
    contents: list[dict[str, Any]]
    """The contents: `product_id`, `product_name`, `product_sku` and `quantity` of each product."""


class PackedItemOut(WarehouseItemOut):
    bin_location: str
    barcode: str
    weight_oz: MoneyOut | None
    """Weight of one unit in ounces."""
    packed: int
    """Number of units scanned into the box."""


class PackedOrderOut(WarehouseOrderFields):
    items: list[PackedItemOut]
    weight_oz: MoneyOut | None
    """Total weight of the goods in ounces; null if a product's weight is unknown."""
    boxes: list[PackedBoxOut]
    labels: list[LabelOut]


class OneWarehouseOrderOut(Answer):
    order: PackedOrderOut


class MovedWarehouseOrderOut(Answer):
    success: bool = True
    order: WarehouseOrderOut


class ShippedShortOut(MovedWarehouseOrderOut):
    missing_units: int
    """Number of units that are not shipped."""


class SlipOut(Answer):
    slip: WarehouseOrderOut


class WarehouseStatsOut(Answer):
    shipped_today: int
    in_transit: int
    """Shipped but not yet delivered."""
    delivered_7d: int
    """Delivered in the last seven days."""


class DoneOut(Answer):
    success: bool = True
