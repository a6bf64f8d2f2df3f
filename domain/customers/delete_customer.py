"""Deletes customers, with the same act for the shop and for staff. Their orders are kept, unlinked.

A customer with debts, store credit, a pending payment or an active subscription is not deleted. Suppressed numbers stay
suppressed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.access.sessions import end_sessions_of
from domain.credit.exposure import calculate_exposure, find_customer
from domain.credit.ledger import get_credit_balance
from domain.customers.accounts import lock_account
from domain.customers.linking import unlink_orders
from domain.customers.links import void_tokens
from domain.customers.rows import EMPTIED, is_emptied
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Id, Input
from domain.kernel.live import Topic, announce
from domain.kernel.money import ZERO, format_money
from domain.messages.owners import list_numbers_of
from domain.messages.suppression import mark_do_not_call, mark_do_not_text
from domain.payments.intents import has_money_without_order
from models import (
    AuditAction,
    CodePurpose,
    CreditEntry,
    Customer,
    CustomerMerge,
    SessionKind,
    Subscription,
    SubscriptionStatus,
    SuppressionReason,
)
from models.session import raw_connection


class BulkDeleteCustomers(Input):
    """The customers to delete, each separately."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True)
class BulkDeleted:
    """The number of deleted customers, and why the others were not deleted."""

    deleted: int
    skipped: Sequence[dict[str, Any]]


async def delete_customer(db: AsyncSession, customer_id: int, *, by: Actor) -> None:
    """Delete a customer permanently, under lock. Raises NotFound, and Refused with the reason if impossible."""
    require(by, Right.DELETE_CUSTOMERS, "Your role does not delete customers.")
    await remove_customer(db, customer_id, note="By staff", by=by)


async def bulk_delete_customers(db: AsyncSession, data: BulkDeleteCustomers, *, by: Actor) -> BulkDeleted:
    """Delete each customer like `delete_customer`, in order of id; those that can't be deleted are named."""
    deleted, skipped = 0, []
    for customer_id in sorted(set(data.ids)):
        try:
            async with db.begin_nested():
                await delete_customer(db, customer_id, by=by)
            deleted += 1
        except (NotFound, Refused) as error:
            skipped.append({"id": customer_id, "error": error.message})
    return BulkDeleted(deleted, skipped)


async def remove_customer(db: AsyncSession, customer_id: int, *, note: str, by: Actor) -> None:
    """Delete a customer, for the customer's own door and for staff; the caller checks the right.

    If the credit ledger must be kept, the row is kept too, without any personal data. Raises NotFound for an unknown or
    emptied account, and Refused while something of it is open.
    """
    try:
        customer = await lock_account(db, customer_id)
    except NotFound:
        raise NotFound("There is no such customer.") from None
    if await db.scalar(select(is_emptied()).where(Customer.id == customer_id)):
        raise NotFound("There is no such customer.")
    await _refuse_open(db, customer)
    await _keep_marks(db, customer, by)
    await end_sessions_of(db, SessionKind.CUSTOMER, customer_id)
    await unlink_orders(db, customer, by=by)
    await _forget_merges(db, customer_id)
    username = customer.username
    if await db.scalar(select(exists().where(CreditEntry.customer_id == customer_id))):
        _empty(customer)
        await void_tokens(db, customer_id, list(CodePurpose))
        await db.flush()
    else:
        await db.execute(delete(Customer).where(Customer.id == customer_id))
        db.expunge(customer)
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_DELETED,
        record_kind="customer",
        record_id=customer_id,
        record_name=username,
        note=note,
        by=by,
    )
    await announce(db, Topic.CUSTOMERS, customer_id)


async def _forget_merges(db: AsyncSession, customer_id: int) -> None:
    """Remove the customer, and those merged into them, from the data for undoing merges."""
    merges = update(CustomerMerge).where(CustomerMerge.kept_id == customer_id)
    nothing: dict[str, Any] = {name: {} for name in ("kept_before", "kept_after", "merged_row", "moved")}
    await db.execute(merges.values(kept_id=None, merged_name="", further_phones=[], **nothing))


async def _keep_marks(db: AsyncSession, customer: Customer, by: Actor) -> None:
    """Suppress the numbers of a customer with a mark, so that the marks outlive them."""
    for phone in await list_numbers_of(db, customer):
        if customer.do_not_call:
            reason = SuppressionReason.STAFF
            await mark_do_not_call(db, phone, reason=reason, note=customer.do_not_call_note, by=by)
        if customer.do_not_text:
            await mark_do_not_text(db, phone, reason=SuppressionReason.STAFF, by=by)


async def _refuse_open(db: AsyncSession, customer: Customer) -> None:
    connection = await raw_connection(db)
    row = await find_customer(connection, customer.id)
    assert row is not None  # its row is locked
    balance = (await calculate_exposure(connection, row)).exposure
    if balance > ZERO:
        raise Refused(
            f"The account still owes {format_money(balance)}. Pay it first, then delete the account.",
            code=Code.HAS_BALANCE,
        )
    credit = await get_credit_balance(db, customer.id)
    if credit > ZERO:
        raise Refused(
            f"The account still has {format_money(credit)} of store credit. Use it or refund it first.",
            code=Code.HAS_CREDIT,
        )
    running = exists().where(
        Subscription.customer_id == customer.id, Subscription.status != SubscriptionStatus.CANCELLED
    )
    if await db.scalar(select(running)):
        raise Refused(
            "The account has a subscription that still runs. End it first, then delete the account.",
            code=Code.HAS_SUBSCRIPTION,
        )
    if await has_money_without_order(db, customer.id):
        raise Refused(
            "A payment of the account waits for its order. Place the order, or wait until the payment is credited.",
            code=Code.HAS_PAYMENT,
        )


def _empty(customer: Customer) -> None:
    """Remove all personal data from a row that must be kept."""
    for column in Customer.__table__.columns:  # type: ignore[attr-defined]
        if column.name.startswith(("shipping_", "billing_")) and not column.name.endswith(("country", "email")):
            setattr(customer, column.name, "")
    for name in (
        "first_name", "last_name", "contact_role", "company_name", "business_type", "business_ein",
        "resale_certificate", "state_of_operation", "po_number", "notes", "phone_raw", "phone_label", "phone2_label",
        "do_not_call_note",
    ):  # fmt: skip
        setattr(customer, name, "")
    for name in (
        "email", "billing_email", "email_verified_at", "password_hash", "google_subject", "phone", "phone2",
        "phone_verified_at", "claimed_order_id", "external_id", "sales_rep_id",
    ):  # fmt: skip
        setattr(customer, name, None)
    # Accounts cannot choose a username with this character.
    customer.username = f"{EMPTIED}#{customer.id}"
    customer.is_active = False
    customer.updated_at = now()
    customer.version += 1
