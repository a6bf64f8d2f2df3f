"""The basis of all acts on an account: finding and locking it, whether it may sign in, how its owner sees it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.addresses import compose_address
from domain.kernel.errors import NotFound
from domain.kernel.texts import normalise_username
from models import Customer


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as its owner sees it."""

    id: int
    username: str
    email: str | None
    first_name: str
    last_name: str
    company_name: str
    phone: str | None
    shipping_address: str
    billing_address: str
    email_verified: bool
    phone_verified: bool


def describe_account(customer: Customer) -> Profile:
    """Return the owner's view of an account, with addresses as one line each."""
    return Profile(
        id=customer.id,
        username=customer.username,
        email=customer.email,
        first_name=customer.first_name,
        last_name=customer.last_name,
        company_name=customer.company_name,
        phone=customer.phone,
        shipping_address=compose_address(
            customer.shipping_street,
            customer.shipping_city,
            customer.shipping_state,
            customer.shipping_zip,
            customer.shipping_country,
        ),
        billing_address=compose_address(
            customer.billing_street,
            customer.billing_city,
            customer.billing_state,
            customer.billing_zip,
            customer.billing_country,
        ),
        email_verified=customer.email_verified_at is not None,
        phone_verified=customer.phone_verified_at is not None,
    )


def is_verified(account: Any) -> bool:
    """Return True if the account (or its row) may sign in: its email is verified, or its phone if it has no email."""
    proven_at = account.email_verified_at if account.email is not None else account.phone_verified_at
    return proven_at is not None


def as_owner(customer: Customer) -> Actor:
    """Return the customer as the actor, for audit entries of acts without a sign-in."""
    return Actor(ActorKind.CUSTOMER, customer.id, customer.company_name or customer.username)


def own_id(by: Actor) -> int:
    """Return the id of the signed-in customer. Raises NotFound for any other actor."""
    if not by.is_customer or by.id is None:
        raise NotFound("Only customers have an account here.")
    return by.id


async def find_account(connection: AsyncConnection | AsyncSession, name: str) -> Any:
    """Return the row for a username or an email, with what signing in and emails need; None if there is none.

    If one account's username is another's email, the email decides, because it is what its owner can verify.
    """
    wanted = func.lower(normalise_username(name))
    statement = (
        select(
            Customer.id,
            Customer.username,
            Customer.email,
            Customer.email_verified_at,
            Customer.phone_verified_at,
            Customer.password_hash,
            Customer.is_active,
            Customer.is_demo,
        )
        .where(or_(func.lower(Customer.username) == wanted, func.lower(Customer.email) == wanted))
        .order_by(func.coalesce(func.lower(Customer.email) == wanted, False).desc())
        .limit(1)
    )
    return (await connection.execute(statement)).first()


async def find_account_by_phone(connection: AsyncConnection | AsyncSession, phone: str) -> int | None:
    """Return the only active account with this E.164 number; None if there is none, or several share it."""
    statement = select(Customer.id).where(and_(Customer.phone == phone, Customer.is_active)).limit(2)
    found = (await connection.execute(statement)).scalars().all()
    return found[0] if len(found) == 1 else None


async def lock_account(db: AsyncSession, customer_id: int) -> Customer:
    """Return the current account, locked until the transaction ends. Raises NotFound.

    Lock it before codes and orders. Orders can still be placed for it in the meantime.
    """
    customer = await db.get(Customer, customer_id, with_for_update={"key_share": True}, populate_existing=True)
    if customer is None:
        raise NotFound("There is no such account.")
    return customer
