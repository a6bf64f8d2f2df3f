"""Assigns several customers to a rep at once; existing orders keep their rep."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.customers.list_filters import RepChoice, read_rep
from domain.customers.rows import CUSTOMERS, is_emptied
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled60, Id, Input
from domain.kernel.live import Topic, announce_many
from models import AuditAction, AuditEntry, Customer, Role, Staff


class ChosenCustomers(Input):
    """The selected customers and what to do with them; when assigning, the rep's id or "none"."""

    customer: Annotated[list[Id], Field(min_length=1, max_length=200)]
    act: Filled60 = ""
    sales_rep_id: RepChoice | None = None


async def assign_customers(db: AsyncSession, customer_ids: list[int], choice: str, *, by: Actor) -> int:
    """Assign the customers to a rep, or to none. Returns how many changed.

    Raises InvalidInput unless the rep is active. Locks the customers in order of id; those that no longer exist or
    already have this rep do not change.
    """
    require(by, Right.SET_TERMS, "Only a manager can assign customers to reps.")
    rep_id = read_rep(choice)
    if rep_id is not None:
        rep = await db.get(Staff, rep_id)
        if rep is None or not rep.is_active or rep.role != Role.SALES_REP:
            raise refuse_fields({"sales_rep_id": "must be an active sales rep"})
    found = select(CUSTOMERS.id, CUSTOMERS.sales_rep_id, CUSTOMERS.company_name, CUSTOMERS.username).where(
        CUSTOMERS.id.in_(customer_ids), CUSTOMERS.sales_rep_id.is_distinct_from(rep_id), ~is_emptied()
    )
    rows = (await db.execute(found.order_by(CUSTOMERS.id).with_for_update())).all()
    changed = {"sales_rep_id": rep_id, "updated_at": now(), "version": CUSTOMERS.version + 1}
    await db.execute(update(Customer).where(CUSTOMERS.id.in_([row.id for row in rows])).values(changed))
    db.add_all(
        AuditEntry(
            action=AuditAction.CUSTOMER_ASSIGNED,
            record_kind="customer",
            record_id=row.id,
            record_name=row.company_name or row.username,
            before={"sales_rep_id": row.sales_rep_id},
            after={"sales_rep_id": rep_id},
            **by.columns,
            request_id=by.request_id,
        )
        for row in rows
    )
    await db.flush()
    await announce_many(db, Topic.CUSTOMERS, [row.id for row in rows])
    return len(rows)
