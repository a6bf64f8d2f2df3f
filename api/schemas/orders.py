"""Answers about orders, for the shop and for staff."""

from datetime import date
from decimal import Decimal

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut


class OrderItemOut(Answer):
    product_id: int | None
    product_name: str
    product_sku: str
    product_brand: str
    product_unit_size: str
    quantity: int
    unit_price: MoneyOut
    is_bulk_price: bool
    line_total: MoneyOut


class PlacedOrderOut(Answer):
    id: int
    order_number: str
    user_id: int | None
    status: str
    on_hold: bool
    created_at: TimeOut
    delivery_name: str
    delivery_first_name: str
    delivery_last_name: str
    delivery_email: str | None
    delivery_company: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_phone: str | None
    special_notes: str
    po_number: str
    subtotal: MoneyOut
    discount_amount: MoneyOut
    delivery_fee: MoneyOut
    total_amount: MoneyOut
    amount_paid: MoneyOut
    balance: MoneyOut
    payment_method: str
    payment_status: str
    items: list[OrderItemOut]


class PlaceOrderOut(Answer):
    success: bool = True
    message: str
    order: PlacedOrderOut


class OwnOrderOut(Answer):
    id: int
    order_number: str
    user_id: int | None = Field(validation_alias="customer_id")
    status: str
    created_at: TimeOut
    total_amount: MoneyOut
    amount_paid: MoneyOut
    allowances: MoneyOut
    balance: MoneyOut
    refund_due: MoneyOut
    payment_method: str
    payment_status: str
    delivery_name: str
    item_count: int
    tracking_number: str | None
    carrier: str | None
    items: list[OrderItemOut]


class OneOrderOut(Answer):
    order: OwnOrderOut


class TrackedOrderOut(Answer):
    order_number: str
    status: str
    created_at: TimeOut
    total_amount: MoneyOut
    delivery_name: str
    item_count: int
    tracking_number: str | None
    carrier: str | None


class ReorderItemOut(Answer):
    product_id: int | None
    product_name: str
    product_sku: str
    quantity: int
    unit_price: MoneyOut | None
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    is_available: bool


class ReorderOut(Answer):
    success: bool = True
    items: list[ReorderItemOut]


class GuideItemOut(Answer):
    product_id: int
    product_name: str
    product_sku: str
    product_unit_size: str
    times_ordered: int
    quantity: int
    last_price: MoneyOut
    last_ordered_on: date
    days_since: int
    unit_price: MoneyOut
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    in_stock: bool


class GuideOut(Answer):
    success: bool = True
    items: list[GuideItemOut]


class StaffOrderOut(Answer):
    """An order for staff; amounts are null for the warehouse role."""

    id: int
    order_number: str
    user_id: int | None = Field(validation_alias="customer_id")
    status: str
    on_hold: bool
    hold_reason: str
    attention: str
    source: str
    sales_rep_id: int | None
    delivery_name: str
    delivery_first_name: str
    delivery_last_name: str
    delivery_email: str | None
    delivery_company: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_phone: str | None
    po_number: str
    special_notes: str
    subtotal: MoneyOut | None
    discount_amount: MoneyOut | None
    delivery_fee: MoneyOut | None
    total_amount: MoneyOut | None
    amount_paid: MoneyOut | None
    allowances: MoneyOut | None
    balance: MoneyOut | None
    refund_due: MoneyOut | None
    payment_method: str
    payment_status: str
    staff_notes: str
    assigned_to: str
    tracking_number: str | None
    carrier: str | None
    version: int
    created_at: TimeOut
    confirmed_at: TimeOut | None
    shipped_at: TimeOut | None
    delivered_at: TimeOut | None


class StaffOrderItemOut(Answer):
    product_id: int | None
    product_name: str
    product_sku: str
    product_brand: str
    product_unit_size: str
    quantity: int
    unit_price: MoneyOut | None
    is_bulk_price: bool
    line_total: MoneyOut | None


class StaffOrderWithItemsOut(StaffOrderOut):
    items: list[StaffOrderItemOut]


class StaffOrderListOut(Answer):
    orders: list[StaffOrderWithItemsOut]
    total: int
    page: int
    pages: int


class EnteredOrderOut(Answer):
    success: bool = True
    order: StaffOrderWithItemsOut


class DoneOut(Answer):
    success: bool = True


class DeliveryOut(Answer):
    id: int
    delivery_name: str
    delivery_first_name: str
    delivery_last_name: str
    delivery_company: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_phone: str | None
    delivery_email: str | None


class UpdatedDeliveryOut(Answer):
    success: bool = True
    order: DeliveryOut
    updated_fields: list[str]


class CreditEntryOut(Answer):
    id: int
    amount: MoneyOut
    balance_after: MoneyOut
    kind: str
    note: str
    order_number: str | None
    created_by: str
    created_at: TimeOut


class AppliedCreditOut(Answer):
    success: bool = True
    credit_applied: MoneyOut
    new_order_total: MoneyOut
    credit_balance: MoneyOut
    transaction: CreditEntryOut


class PaidOrderOut(Answer):
    id: int
    payment_status: str
    payment_method: str
    staff_notes: str
    total_amount: MoneyOut
    amount_paid: MoneyOut
    allowances: MoneyOut
    balance: MoneyOut
    refund_due: MoneyOut


class MarkedPaidOut(Answer):
    success: bool = True
    order: PaidOrderOut
    overpayment_credited: MoneyOut = Decimal("0.00")


class NotesOut(Answer):
    id: int
    staff_notes: str
    assigned_to: str
    tracking_number: str | None
    status: str
    shipped_at: TimeOut | None


class UpdatedNotesOut(Answer):
    success: bool = True
    order: NotesOut


class RefundOut(Answer):
    refund_id: str | None
    amount: MoneyOut
    status: str | None
    error: str | None


class MovedOrderOut(Answer):
    success: bool = True
    order: StaffOrderWithItemsOut
    refund: RefundOut | None = None


class AssignedOut(Answer):
    id: int
    sales_rep_id: int | None


class AssignedOrderOut(Answer):
    success: bool = True
    order: AssignedOut


class SalesRepOut(Answer):
    id: int
    username: str
    full_name: str
