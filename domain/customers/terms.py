"""A customer's terms, limit and rep, set by managers; open orders keep the terms on which they were placed."""

from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.customers.edit_customer import lock_editable
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Id, Input, MoneyIn
from domain.kernel.live import Topic, announce
from domain.kernel.money import ZERO
from models import AuditAction, PaymentTerms, Staff


class SetTerms(Input):
    """How a customer pays, the credit limit, and the rep who looks after them, if any."""

    # A limit that a client lost must not become 0.
    NULL_IS_ABSENT = False

    payment_terms: PaymentTerms
    credit_limit: MoneyIn = ZERO
    sales_rep_id: Id | None = None
    version: int | None = None


async def set_terms(db: AsyncSession, customer_id: int, data: SetTerms, *, by: Actor) -> None:
    """Set all three. Raises NotFound, InvalidInput for an unknown rep, and Refused for a stale version."""
    require(by, Right.SET_TERMS, "Only a manager sets terms.")
    customer = await lock_editable(db, customer_id, by=by)
    if data.version is not None and data.version != customer.version:
        raise await make_stale(
            db,
            "this customer",
            record_kind="customer",
            record_id=customer_id,
            changed_at=customer.updated_at,
            version=customer.version,
        )
    if data.sales_rep_id is not None:
        rep = await db.get(Staff, data.sales_rep_id)
        if rep is None or not rep.is_active:
            raise refuse_fields({"sales_rep_id": "is not an active colleague"})
    wanted = data.model_dump(exclude={"version"}) | {"payment_terms": str(data.payment_terms)}
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if value != getattr(customer, name)}
    if not changes:
        return
    before = {name: getattr(customer, name) for name in changes}
    for name, value in changes.items():
        setattr(customer, name, value)
    customer.updated_at, customer.version = now(), customer.version + 1
    await db.flush()
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_TERMS_SET,
        record_kind="customer",
        record_id=customer_id,
        record_name=customer.company_name or customer.username,
        before={name: _plain(value) for name, value in before.items()},
        after={name: _plain(value) for name, value in changes.items()},
        by=by,
    )
    await announce(db, Topic.CUSTOMERS, customer_id)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
