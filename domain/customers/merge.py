"""Merges two customers: all records of the merged one move, in one transaction; it can be undone for 30 days.

The kept customer's values take precedence unless others are chosen; the merged one's fill gaps, and do-not-call and
do-not-text marks apply to both. The merged customer's row is deleted; a snapshot of both is kept for the undo.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.customers.edit_customer import refuse_taken_email
from domain.customers.linking import settle_holds
from domain.customers.merge_fields import choose_values, list_numbers
from domain.customers.merge_tables import Moved, insert_snapshot, move_back, move_rows, take_snapshot
from domain.customers.rows import CustomerRow, get_customer
from domain.customers.totals import NOTHING, Bought, sum_orders_of
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import EmailIn, Id, Input, Text60, Text200
from domain.kernel.live import Topic, announce
from domain.messages.owners import list_further_numbers
from domain.messages.suppression import mark_do_not_call, mark_do_not_text
from models import UNDO_DAYS, AuditAction, CustomerMerge, SuppressionReason
from models.session import raw_connection

_RECOUNT_CREDIT = """
UPDATE credit_entry e SET balance_after = r.balance FROM (
  SELECT id, sum(amount) OVER (ORDER BY id) AS balance FROM credit_entry WHERE customer_id = $1
) r WHERE r.id = e.id AND e.balance_after <> r.balance
"""
_STORY = """
INSERT INTO order_event (order_id, kind, note, actor_kind, actor_id, actor_name)
SELECT id, 'linked', $2, $3, $4, $5 FROM unnest($1::bigint[]) AS id
"""


class ChosenValues(Input):
    """Values that override the kept customer's."""

    first_name: Text60 | None = None
    last_name: Text60 | None = None
    company_name: Text200 | None = None
    email: EmailIn | None = None


class MergeCustomers(Input):
    """Which customer is kept, and which is merged into it."""

    keep_id: Id
    """The customer that is kept."""
    merge_id: Id
    """The customer that is merged; all its records move."""
    chosen: ChosenValues | None = None
    """Values that override the kept customer's."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge."""

    merge_id: int
    kept_id: int
    merged_id: int
    orders_moved: int
    bought: Bought
    kept: CustomerRow


async def merge_customers(db: AsyncSession, data: MergeCustomers, *, by: Actor) -> Merged:
    """Move all records of one customer to another; orders on terms then count for the kept customer's terms.

    Locks both, in order of id, then their orders.

    Raises NotFound, InvalidInput if both are the same, and Refused for an email that a third customer has.
    """
    require(by, Right.MERGE_CUSTOMERS, "Your role does not merge customers.")
    if data.keep_id == data.merge_id:
        raise InvalidInput("Choose two different customers.", fields={"merge_id": "is the customer to keep"})
    connection = await raw_connection(db)
    kept, merged = await _lock_both(db, connection, data)
    chosen = data.chosen.model_dump(exclude_none=True) if data.chosen else {}
    await refuse_taken_email(db, chosen.get("email"), besides=[data.keep_id, data.merge_id])
    values = choose_values(kept, merged, chosen)
    moved = await move_rows(connection, data.merge_id, data.keep_id)
    orders = moved.ids.get("orders.customer_id", [])
    await connection.execute(_RECOUNT_CREDIT, data.keep_id)
    note = f"Moved with {_title(merged)}, which was merged into {_title(kept)}"
    await connection.execute(_STORY, orders, note, by.kind, by.id, by.name)
    await connection.execute("DELETE FROM customer WHERE id = $1", data.merge_id)
    await _write_values(connection, data.keep_id, values)
    await settle_holds(db, orders, by=by)
    await _keep_marks(db, kept, merged, by)
    merge_id = await _note_merge(db, connection, data, kept, merged, moved, by)
    bought = (await sum_orders_of(db, [data.keep_id])).get(data.keep_id, NOTHING)
    row = await get_customer(db, data.keep_id)
    return Merged(merge_id, data.keep_id, data.merge_id, len(orders), bought, row)


async def undo_merge(db: AsyncSession, merge_id: int, *, by: Actor) -> CustomerMerge:
    """Undo a merge. Raises NotFound, and Refused with the reason if too much has happened since."""
    require(by, Right.MERGE_CUSTOMERS, "Your role does not merge customers.")
    merge = await db.get(CustomerMerge, merge_id, with_for_update=True)
    if merge is None or merge.kept_id is None:
        raise NotFound("There is no such merge.")
    connection = await raw_connection(db)
    await connection.fetchval("SELECT id FROM customer WHERE id = $1 FOR UPDATE", merge.kept_id)
    if reason := await why_not_undone(db, merge):
        raise Refused(reason, code=Code.GONE_MEANWHILE)
    moved = Moved(merge.moved["ids"], merge.moved["gave_way"])
    before = {name: merge.kept_before[name] for name in merge.kept_after}
    await _write_values(connection, merge.kept_id, before | {"version": merge.kept_after["version"] + 1})
    await insert_snapshot(connection, "customer", merge.merged_row)
    await move_back(connection, moved, merge.merged_id, merge.kept_id)
    for customer_id in (merge.kept_id, merge.merged_id):
        await connection.execute(_RECOUNT_CREDIT, customer_id)
    note = f"Moved back to {merge.merged_name}: the merge was undone"
    orders = moved.ids.get("orders.customer_id", [])
    await connection.execute(_STORY, orders, note, by.kind, by.id, by.name)
    await settle_holds(db, orders, by=by)
    merge.undone_at, merge.undone_by = now(), by.name
    await db.flush()
    await _audit(db, AuditAction.CUSTOMER_MERGE_UNDONE, merge.kept_id, merge.merged_id, merge.merged_name, by)
    return merge


async def find_merge_of(db: AsyncSession, merged_id: int) -> CustomerMerge | None:
    """Return the merge of a customer into one that still exists; None for any other id."""
    merges = select(CustomerMerge).where(
        CustomerMerge.merged_id == merged_id, CustomerMerge.undone_at.is_(None), CustomerMerge.kept_id.is_not(None)
    )
    return (await db.scalars(merges.order_by(CustomerMerge.id.desc()).limit(1))).first()


async def why_not_undone(db: AsyncSession, merge: CustomerMerge) -> str:
    """Return why a merge can't be undone any more; an empty string if it can."""
    if merge.undone_at is not None:
        return "This merge was already undone."
    if merge.created_at < now() - timedelta(days=UNDO_DAYS):
        return f"A merge can be undone for {UNDO_DAYS} days only."
    connection = await raw_connection(db)
    row = await connection.fetchrow(
        """
        SELECT c.version,
          EXISTS (SELECT FROM orders WHERE customer_id = c.id AND created_at > $2) AS ordered,
          EXISTS (SELECT FROM payment WHERE customer_id = c.id AND created_at > $2) AS paid,
          EXISTS (SELECT FROM credit_entry WHERE customer_id = c.id AND created_at > $2) AS credited,
          EXISTS (SELECT FROM customer_merge WHERE kept_id = c.id AND id > $3 AND undone_at IS NULL) AS merged_again,
          EXISTS (
            SELECT FROM customer o WHERE o.id <> c.id
              AND (lower(o.email) = lower($4) OR lower(o.username) = lower($5))
          ) AS taken
        FROM customer c WHERE c.id = $1
        """,
        merge.kept_id,
        merge.created_at,
        merge.id,
        merge.merged_row.get("email"),
        merge.merged_row["username"],
    )
    if row is None:
        return "The customer no longer exists."
    reasons = {
        "merged_again": "Another customer was merged into this one since. Undo that merge first.",
        "ordered": "An order came in since the merge, so the merge can't be undone.",
        "paid": "A payment came in since the merge, so the merge can't be undone.",
        "credited": "Store credit moved since the merge, so the merge can't be undone.",
        "taken": "Another customer has the email or the username of the merged one now.",
    }
    if found := next((reason for name, reason in reasons.items() if row[name]), ""):
        return found
    if row["version"] != merge.kept_after["version"]:
        return "The customer was changed since the merge, so the merge can't be undone."
    return ""


async def _lock_both(
    db: AsyncSession, connection: asyncpg.Connection, data: MergeCustomers
) -> tuple[dict[str, Any], dict[str, Any]]:
    ids = sorted((data.keep_id, data.merge_id))
    for customer_id in ids:
        await get_customer(db, customer_id)
    locked = await connection.fetch("SELECT id FROM customer WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
    if len(locked) < 2:
        raise NotFound("There is no such customer.")
    kept = await take_snapshot(connection, "customer", data.keep_id)
    return kept, await take_snapshot(connection, "customer", data.merge_id)


async def _write_values(connection: asyncpg.Connection, customer_id: int, values: dict[str, Any]) -> None:
    """Set columns from plain JSON values, converted by the row's own types."""
    names = sorted(values)
    assigned = ", ".join(f"{name} = r.{name}" for name in names)
    await connection.execute(
        f"UPDATE customer c SET {assigned}, updated_at = now() "  # noqa: S608 - names of our own columns
        "FROM jsonb_populate_record(NULL::customer, $2::jsonb) r WHERE c.id = $1",
        customer_id,
        orjson.dumps(values).decode(),
    )


async def _keep_marks(db: AsyncSession, kept: dict[str, Any], merged: dict[str, Any], by: Actor) -> None:
    """Apply the marks of either customer to all numbers of both."""
    reason = SuppressionReason.STAFF
    for phone in sorted({*list_numbers(kept, merged), *await list_further_numbers(db, kept["id"])}):
        if kept["do_not_call"] or merged["do_not_call"]:
            note = kept["do_not_call_note"] or merged["do_not_call_note"]
            await mark_do_not_call(db, phone, reason=reason, note=note, by=by)
        if kept["do_not_text"] or merged["do_not_text"]:
            await mark_do_not_text(db, phone, reason=reason, by=by)


async def _note_merge(  # noqa: PLR0917 - the columns of one row
    db: AsyncSession,
    connection: asyncpg.Connection,
    data: MergeCustomers,
    kept: dict[str, Any],
    merged: dict[str, Any],
    moved: Moved,
    by: Actor,
) -> int:
    for row in (kept, merged):
        row.pop("search_text", None)
    after = await take_snapshot(connection, "customer", data.keep_id)
    changed = {name: after[name] for name in kept if after[name] != kept[name] and name != "updated_at"}
    merge = CustomerMerge(
        kept_id=data.keep_id,
        merged_id=data.merge_id,
        merged_name=_title(merged),
        kept_before=kept,
        kept_after=changed | {"version": after["version"]},
        merged_row=merged,
        moved={"ids": moved.ids, "gave_way": moved.gave_way},
        further_phones=[phone for phone in list_numbers(kept, merged) if phone not in list_numbers(after)],
        **by.columns,
    )
    db.add(merge)
    await db.flush()
    await _audit(db, AuditAction.CUSTOMER_MERGED, data.keep_id, data.merge_id, _title(merged), by)
    return merge.id


async def _audit(  # noqa: PLR0917 - what one entry says
    db: AsyncSession, action: AuditAction, kept_id: int, merged_id: int, merged_name: str, by: Actor
) -> None:
    await record_audit(
        db,
        action=action,
        record_kind="customer",
        record_id=kept_id,
        record_name=merged_name,
        after={"merged_id": merged_id, "merged": merged_name},
        by=by,
    )
    for customer_id in (kept_id, merged_id):
        await announce(db, Topic.CUSTOMERS, customer_id)


def _title(row: dict[str, Any]) -> str:
    return str(row["company_name"] or f"{row['first_name']} {row['last_name']}".strip() or row["username"])
