"""The cards and bank accounts that a customer saved for a subscription and that can be charged for another one."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from models import Customer, Subscription, SubscriptionStatus

NOT_SAVED = "is no longer saved; choose again"


@dataclass(frozen=True, slots=True)
class SavedMethodLine:
    """A saved payment method, identified by the newest subscription charged to it; `pays_by` may still be unknown."""

    subscription_id: int
    pays_by: str
    payment_type: str


async def list_saved_methods(db: AsyncSession, customer_id: int, *, visible_to: Actor) -> list[SavedMethodLine]:
    """Return the payment methods of the customer's subscriptions, each once; cancelled ones do not count."""
    require(visible_to, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    method = Subscription.stripe_payment_method_id
    statement = (
        select(Subscription.id, Subscription.pays_by, Subscription.payment_type)
        .where(
            Subscription.customer_id == customer_id,
            Subscription.status != SubscriptionStatus.CANCELLED,
            method != "",
        )
        .ext(distinct_on(method))
        .order_by(method, Subscription.id.desc())
    )
    return [SavedMethodLine(*row) for row in await db.execute(statement)]


async def lock_saved_method(db: AsyncSession, customer_id: int, subscription_id: int) -> Subscription:
    """Return the subscription whose payment method another one will use, locked so that the method is not replaced.

    Raises InvalidInput if it is not this customer's, is cancelled or has no payment method. Locks the customer first.
    """
    await db.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))
    found = (
        await db.execute(
            select(Subscription)
            .where(
                Subscription.id == subscription_id,
                Subscription.customer_id == customer_id,
                Subscription.status != SubscriptionStatus.CANCELLED,
                Subscription.stripe_payment_method_id != "",
            )
            .with_for_update(read=True)
        )
    ).scalar_one_or_none()
    if found is None:
        raise InvalidInput("The saved payment method no longer exists.", fields={"saved_with": NOT_SAVED})
    return found
