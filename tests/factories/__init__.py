"""Factories of the tests: small functions that create one record with sensible values."""

import itertools
from decimal import Decimal
from typing import Any

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.sessions import open_session
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from models import Category, Customer, Product, Role, SessionKind, Staff, StockMovement, StockReason
from web.guards import customer_auth, staff_auth

_numbers = itertools.count(1)
PASSWORD = "correct-horse-9"
# argon2id of PASSWORD with the cheapest parameters, so that tests need not hash.
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$t/VeEpzYtLdcZTxxP8YMSA$M+YrKZ2sh07FIipNTZbuOkOcLKA1oIXxJS6Q3bafjto"


def next_number() -> int:
    """A number that is unique in this run."""
    return next(_numbers)


async def make_staff(db: AsyncSession, role: Role = Role.STAFF, **values: Any) -> Staff:
    """An active colleague."""
    number = next_number()
    usual: dict[str, Any] = {
        "username": f"{role}{number}",
        "email": f"{role}{number}@ladle.example",
        "password_hash": PASSWORD_HASH,
        "full_name": f"Colleague {number}",
        "role": role,
    }
    staff = Staff(**usual | values)
    db.add(staff)
    await db.flush()
    return staff


async def make_customer(db: AsyncSession, **values: Any) -> Customer:
    """A verified customer who can sign in."""
    number = next_number()
    usual: dict[str, Any] = {
        "username": f"bistro{number}",
        "email": f"bistro{number}@kitchen.example",
        "email_verified_at": now(),
        "password_hash": PASSWORD_HASH,
        "first_name": "Robin",
        "last_name": f"Baker {number}",
        "company_name": f"Bistro {number}",
    }
    customer = Customer(**usual | values)
    db.add(customer)
    await db.flush()
    return customer


async def make_category(db: AsyncSession, **values: Any) -> Category:
    """A category with a unique name."""
    usual: dict[str, Any] = {"name": f"Category {next_number()}"}
    category = Category(**usual | values)
    db.add(category)
    await db.flush()
    return category


async def make_product(db: AsyncSession, stock: int | None = 100, **values: Any) -> Product:
    """An active product of 10.00 with its opening stock in the ledger; `stock=None` is untracked."""
    number = next_number()
    if "category_id" not in values:
        values["category_id"] = (await make_category(db)).id
    usual: dict[str, Any] = {
        "name": f"Sheet pan {number}",
        "sku": f"PAN-{number:04d}",
        "unit_price": Decimal("10.00"),
        "stock_quantity": stock,
    }
    product = Product(**usual | values)
    db.add(product)
    await db.flush()
    if stock:
        db.add(StockMovement(product_id=product.id, delta=stock, level_after=stock, reason=StockReason.OPENING))
        await db.flush()
    return product


def as_actor(person: Staff | Customer, session_id: int | None = None) -> Actor:
    """The actor that a guard would find for this person."""
    if isinstance(person, Staff):
        return Actor(ActorKind.STAFF, person.id, person.full_name or person.username, Role(person.role), session_id)
    return Actor(ActorKind.CUSTOMER, person.id, person.company_name or person.username, None, session_id)


async def sign_in(client: TestClientProtocol, db: AsyncSession, person: Staff | Customer) -> None:
    """Give the test browser this person's session, as after signing in."""
    is_staff = isinstance(person, Staff)
    assert person.id is not None
    token = await open_session(db, SessionKind.STAFF if is_staff else SessionKind.CUSTOMER, person.id)
    await db.commit()
    auth = staff_auth if is_staff else customer_auth
    client.set_cookie("localhost", str(auth.cookie_name), auth.dump_token(token, app=client.app))
