"""Finds the customer of a manually entered order by email or phone, or creates one without a sign-in."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import new_code
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.errors import InvalidInput
from domain.kernel.phone import split_phone
from domain.orders.place import DeliveryInput
from models import AuditAction, Customer, Role


async def find_or_create_customer(db: AsyncSession, data: DeliveryInput, *, by: Actor) -> int:
    """Return the id of the customer with this email, or else with this phone, or else of a new one.

    Raises InvalidInput without either. A phone that several customers share matches none.
    """
    phone, phone_raw = split_phone(data.delivery_phone)
    if not data.delivery_email and not phone:
        raise InvalidInput(
            "An email or a phone is needed to find or create the customer.",
            fields={"delivery_email": "give an email or a phone"},
        )
    if data.delivery_email and (found := await _find_by_email(db, data.delivery_email)):
        return found
    if phone and (found := await _find_by_phone(db, phone)):
        return found
    customer = Customer(
        username=data.delivery_email or f"{phone}-{new_code()}",
        email=data.delivery_email,
        first_name=data.delivery_first_name or "",
        last_name=data.delivery_last_name or "",
        company_name=data.delivery_company or data.delivery_name,
        phone=phone,
        phone_raw=phone_raw,
        shipping_street=data.delivery_address,
        shipping_city=data.delivery_city,
        shipping_state=data.delivery_state,
        shipping_zip=data.delivery_zip,
        sales_rep_id=by.id if by.has_role(Role.SALES_REP) else None,
    )
    db.add(customer)
    await db.flush()
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_CREATED,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name,
        by=by,
    )
    return customer.id


async def _find_by_email(db: AsyncSession, email: str) -> int | None:
    return (
        await db.execute(select(Customer.id).where(func.lower(Customer.email) == email.lower()))
    ).scalar_one_or_none()


async def _find_by_phone(db: AsyncSession, phone: str) -> int | None:
    found = (await db.execute(select(Customer.id).where(Customer.phone == phone).limit(2))).scalars().all()
    return found[0] if len(found) == 1 else None
