"""Answers about customers for staff."""

from api.schemas.base import Answer, MoneyOut, TimeOut
from api.schemas.orders import StaffOrderWithItemsOut


class CustomerFieldsOut(Answer):
    id: int
    username: str
    first_name: str
    last_name: str
    email: str | None
    company_name: str
    phone: str | None
    phone2: str | None
    shipping_address: str
    billing_address: str
    preferred_language: str
    do_not_call: bool
    """True when the customer, or one of their numbers, must not be called."""
    do_not_text: bool
    """True when the customer opted out with STOP."""


class CustomerOut(CustomerFieldsOut):
    phone_raw: str
    """Text recorded with the phone number, or instead of a valid one."""
    sales_rep_id: int | None
    payment_terms: str
    version: int
    created_at: TimeOut
    is_active: bool


class CustomerListOut(Answer):
    customers: list[CustomerOut]
    total: int
    page: int
    per_page: int
    pages: int


class UpdatedCustomerOut(CustomerFieldsOut):
    success: bool = True


class DeletedCustomerOut(Answer):
    success: bool = True
    deleted_id: int


class SkippedCustomerOut(Answer):
    id: int
    error: str


class BulkDeletedCustomersOut(Answer):
    success: bool = True
    deleted: int
    skipped: list[SkippedCustomerOut]


class CustomerOrdersOut(Answer):
    orders: list[StaffOrderWithItemsOut]
    total: int
    page: int
    per_page: int
    pages: int


class TwinOut(Answer):
    id: int
    name: str
    company_name: str
    email: str | None
    order_count: int
    """Orders that were not cancelled."""
    total_spent: MoneyOut
    """Total of those orders in US dollars."""


class DuplicateGroupOut(Answer):
    phone: str
    customers: list[TwinOut]


class DuplicatesOut(Answer):
    duplicate_groups: list[DuplicateGroupOut]
    total_groups: int


class MergedCustomersOut(Answer):
    success: bool = True
    merge_id: int
    """The merge, which can be undone for 30 days."""
    kept_id: int
    merged_id: int
    orders_moved: int
    combined_order_count: int
    """Orders of both customers that were not cancelled."""
    combined_total_spent: MoneyOut
    """Total of those orders in US dollars."""
    kept_customer: CustomerFieldsOut


class PersonOut(Answer):
    id: int | None
    """The customer; null for a guest."""
    source: str
    """registered or guest."""
    name: str
    first_name: str
    last_name: str
    full_name: str
    username: str
    company: str
    company_name: str
    phone: str | None
    email: str | None
    shipping_address: str
    """The delivery address on one line."""
    address: str
    """The street of the delivery address."""
    city: str
    state: str
    zip: str


class WebsiteUserOut(Answer):
    id: int
    username: str
    email: str | None
    first_name: str
    last_name: str
    company_name: str
    phone: str | None
    email_verified: bool
    created_at: TimeOut


class WebsiteUsersOut(Answer):
    users: list[WebsiteUserOut]
    total: int
    page: int
    per_page: int
    pages: int
