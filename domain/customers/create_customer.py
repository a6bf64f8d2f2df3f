"""Staff create a customer without a sign-in; the page shows possible duplicates first."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.access.tokens import new_code
from domain.customers.edit_customer import EditCustomer, refuse_taken_email
from domain.customers.typed import read_address, read_phone
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.input_errors import refuse_fields
from domain.kernel.live import Topic, announce
from domain.messages.suppression import find_suppressed
from models import AuditAction, Customer, Role

_PLAIN = (
    "first_name", "last_name", "company_name", "contact_role", "phone_label", "phone2_label", "po_number", "notes",
)  # fmt: skip


async def create_customer(db: AsyncSession, data: EditCustomer, *, by: Actor) -> int:
    """Create a customer and return the id. A rep's new customers are their own.

    Raises InvalidInput without both name and company, or without both email and phone, and Refused for a taken email.
    """
    require(by, Right.EDIT_CUSTOMERS, "Your role does not change customers.")
    wrong: dict[str, str] = {}
    if not (data.company_name or data.first_name or data.last_name):
        wrong["company_name"] = "or a name is needed"
    if not data.email and not data.phone:
        wrong |= {"email": "or a phone is needed", "phone": "or an email is needed"}
    if wrong:
        raise refuse_fields(wrong)
    email = data.email or None
    await refuse_taken_email(db, email, besides=[])
    phone, raw = read_phone(data.phone) if data.phone else (None, "")
    phone2, _ = read_phone(data.phone2) if data.phone2 else (None, "")
    marks = (await find_suppressed(db, [phone, phone2])).values()
    addresses = {
        f"{kind}_{part}": value
        for kind, text in (("shipping", data.shipping_address), ("billing", data.billing_address))
        if text
        for part, value in read_address(text).items()
    }
    plain: dict[str, Any] = {name: getattr(data, name) or "" for name in _PLAIN}
    customer = Customer(
        username=email or f"{phone}-{new_code()}",
        email=email,
        billing_email=data.billing_email or None,
        phone=phone,
        phone_raw=raw,
        phone2=phone2,
        preferred_language=data.preferred_language or "en",
        do_not_call=any(mark.do_not_call for mark in marks),
        do_not_text=any(mark.do_not_text for mark in marks),
        sales_rep_id=by.id if by.has_role(Role.SALES_REP) else None,
        **plain | addresses,
    )
    db.add(customer)
    await db.flush()
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_CREATED,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        by=by,
    )
    await announce(db, Topic.CUSTOMERS, customer.id)
    return customer.id
