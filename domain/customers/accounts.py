"""What every act on an account needs: finding and locking it, whether it may sign in, how its owner sees it."""

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
    """The owner's view of an account, addresses as one line each."""
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
    """True when the account (or its row) may sign in: its email is proven, or its phone where it has no email."""
    proven_at = account.email_verified_at if account.email is not None else account.phone_verified_at
    return proven_at is not None


def as_owner(customer: Customer) -> Actor:
    """The customer as the one who did it, for audit entries of acts without a sign-in."""
    return Actor(ActorKind.CUSTOMER, customer.id, customer.company_name or customer.username)


def own_id(by: Actor) -> int:
    """The account of the signed-in customer; raises NotFound for anybody else."""
    if not by.is_customer or by.id is None:
        raise NotFound("Only customers have an account here.")
    return by.id


async def find_account(connection: AsyncConnection | AsyncSession, name: str) -> Any:
    """The row of a username or an email, with what signing in and mails need; None when there is none.

    Where one account's username is another's email, the email decides: that is what its owner proves.
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
    """The one active account with this E.164 number; None when there is none, or several share it."""
    statement = select(Customer.id).where(and_(Customer.phone == phone, Customer.is_active)).limit(2)
    found = (await connection.execute(statement)).scalars().all()
    return found[0] if len(found) == 1 else None


async def lock_account(db: AsyncSession, customer_id: int) -> Customer:
    """The account as it is now, locked until the transaction ends; raises NotFound.

    Always before codes and orders are locked. Orders may still be placed for it meanwhile.
    """
    customer = await db.get(Customer, customer_id, with_for_update={"key_share": True}, populate_existing=True)
    if customer is None:
        raise NotFound("There is no such account.")
    return customer
