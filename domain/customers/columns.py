"""Changes columns of a customer, made by staff or by the customer: the effects of a new address, email or phone."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.links import void_tokens
from domain.customers.messages import send_security_notice, send_verification_link
from domain.customers.rows import ADDRESS_PARTS
from domain.customers.typed import read_address
from domain.kernel.addresses import compose_address
from domain.kernel.clock import now
from models import CodePurpose, Customer


def read_address_change(customer: Customer, kind: str, sent: str | None) -> dict[str, str]:
    """Return the columns of a `shipping` or `billing` address sent as one line; an unchanged line changes nothing."""
    if sent is None or sent == compose_address(*(getattr(customer, f"{kind}_{part}") for part in ADDRESS_PARTS)):
        return {}
    return {f"{kind}_{part}": value for part, value in read_address(sent).items()}


def set_columns(customer: Customer, changes: dict[str, Any]) -> None:
    """Set the changed columns and increment the version. A new email or phone must be verified again."""
    for name, value in changes.items():
        setattr(customer, name, value)
    if "email" in changes:
        customer.email_verified_at = None
    if "phone" in changes:
        customer.phone_verified_at = None
    customer.updated_at = now()
    customer.version += 1


async def notify_of_new_email(db: AsyncSession, customer: Customer, old_email: str | None, *, shop_url: str) -> None:
    """Invalidate links to the old address and notify it. The new address is verified when its owner signs in."""
    await void_tokens(db, customer.id, [CodePurpose.EMAIL_VERIFICATION, CodePurpose.PASSWORD_RESET])
    if customer.password_hash is None or customer.email is None:
        return
    await send_verification_link(db, customer.id, email=customer.email, shop_url=shop_url)
    if old_email is not None:
        await send_security_notice(db, customer, f"The email of your account is now {customer.email}.", to=old_email)
