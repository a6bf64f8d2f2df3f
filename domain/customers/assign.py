"""Assigns several customers to a rep at once; existing orders keep their rep."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Insert, any_, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.customers.list_filters import RepChoice, read_rep
from domain.customers.rows import CUSTOMERS, is_emptied
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled60, Id, Input
from domain.kernel.live import Topic, announce, announce_many
from models import AuditAction, AuditEntry, Customer, Role, Staff

MOST_CHOSEN = 200


class ChosenCustomers(Input):
    """The selected customers and what to do with them; when assigning, the rep's id or "none"."""

    customer: Annotated[list[Id], Field(min_length=1, max_length=MOST_CHOSEN)]
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
    # One array: a list of parameters ends at 32,767, and a rep who leaves may have more customers.
    chosen = CUSTOMERS.id == any_(literal(customer_ids, ARRAY(BigInteger)))
    found = select(CUSTOMERS.id).where(chosen, CUSTOMERS.sales_rep_id.is_distinct_from(rep_id), ~is_emptied())
    ids = list(await db.scalars(found.order_by(CUSTOMERS.id).with_for_update()))
    changing = CUSTOMERS.id == any_(literal(ids, ARRAY(BigInteger)))
    await db.execute(_note_assigned(changing, rep_id, by=by))
    changed = {"sales_rep_id": rep_id, "updated_at": now(), "version": CUSTOMERS.version + 1}
    await db.execute(update(Customer).where(changing).values(changed).execution_options(synchronize_session=False))
    if len(ids) > MOST_CHOSEN:
        await announce(db, Topic.CUSTOMERS, "many")
    else:
        await announce_many(db, Topic.CUSTOMERS, ids)
    return len(ids)


def _note_assigned(changing: ColumnElement[bool], rep_id: int | None, *, by: Actor) -> Insert:
    """Return the statement that adds one audit entry for each customer, while they still have their old rep."""
    values: dict[str, ColumnElement[Any]] = {
        "action": literal(str(AuditAction.CUSTOMER_ASSIGNED)),
        "record_kind": literal("customer"),
        "record_id": CUSTOMERS.id,
        "record_name": func.coalesce(func.nullif(CUSTOMERS.company_name, ""), CUSTOMERS.username),
        "before": func.jsonb_build_object("sales_rep_id", CUSTOMERS.sales_rep_id),
        "after": literal({"sales_rep_id": rep_id}, JSONB),
        **{name: literal(value) for name, value in by.columns.items()},
        "request_id": literal(by.request_id),
    }
    return insert(AuditEntry).from_select(list(values), select(*values.values()).where(changing).order_by(CUSTOMERS.id))
