"""Scheduled reminders: three days before the due date, on the day, and 7 and 21 days after. Paid invoices get none.

If the due date of an invoice is moved, it gets reminders for the new date.
"""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.mail import MAIL_JOB
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.audit import record_audit
from domain.kernel.clock import business_today
from domain.kernel.errors import NotFound
from models import AuditAction, Customer, Invoice
from models.session import separate_transaction
from settings import Settings

REMIND_JOB = "send_reminders"
# A pass sends at most this many; the next one sends the rest.
MOST_AT_ONCE = 500

# Only the newest step that is due is sent, so that a worker that was stopped for a week sends one reminder. A reminder
# without a date was written by an older release that is still running.
_TAKE = text("""
WITH owed AS (
  SELECT i.id, i.customer_email, i.due_date, CASE
    WHEN i.due_date <= CAST(:today AS date) - 21 THEN 'late_21'
    WHEN i.due_date <= CAST(:today AS date) - 7 THEN 'late_7'
    WHEN i.due_date <= CAST(:today AS date) THEN 'due' ELSE 'before' END AS step
  FROM invoice AS i LEFT JOIN customer AS c ON c.id = i.customer_id
  WHERE i.status IN ('sent', 'partly_paid') AND i.due_date <= CAST(:today AS date) + 3 AND i.customer_email IS NOT NULL
    AND coalesce(c.sends_reminders, true)
    AND i.sent_at < now() - interval '12 hours'
),
chosen AS (
  SELECT o.* FROM owed AS o
  WHERE NOT EXISTS (
    SELECT FROM invoice_reminder AS r
    WHERE r.invoice_id = o.id AND r.step = o.step AND coalesce(r.due_date, o.due_date) = o.due_date
  )
  ORDER BY o.id LIMIT :most
),
kept AS (
  INSERT INTO invoice_reminder (invoice_id, step, due_date, recipient)
  SELECT id, step, due_date, customer_email FROM chosen ON CONFLICT DO NOTHING RETURNING id, invoice_id, step, recipient
),
events AS (
  INSERT INTO invoice_event (invoice_id, kind, note, actor_kind, actor_name)
  SELECT invoice_id, 'reminded', 'To ' || recipient, 'system', :who FROM kept
)
SELECT id, invoice_id, step, recipient FROM kept ORDER BY invoice_id
""")


async def send_reminders(settings: Settings) -> int:
    """Send the reminders that are due today and not sent yet. Returns how many. Repeating it sends nothing twice."""
    async with separate_transaction() as db:
        today = business_today(settings.timezone)
        rows = (await db.execute(_TAKE, {"today": today, "most": MOST_AT_ONCE, "who": SYSTEM.name})).all()
        for row in rows:
            await enqueue(
                db,
                MAIL_JOB,
                {
                    "invoice_id": row.invoice_id,
                    "to": row.recipient,
                    "step": row.step,
                    "key": f"invoice_reminder:{row.id}",
                },
            )
    return len(rows)


async def switch_reminders(db: AsyncSession, customer_id: int, *, on: bool, by: Actor) -> None:
    """Turn the reminders of one customer on or off."""
    require(by, Right.EDIT_INVOICES, "Your role does not change reminders.")
    await _switch(db, customer_id, on=on, by=by)


async def switch_own_reminders(db: AsyncSession, invoice_id: int, *, on: bool) -> None:
    """Turn reminders on or off for the customer with the link of an invoice. Raises NotFound without an account."""
    owner = select(Customer.id, Customer.company_name, Customer.username).join(
        Invoice, Invoice.customer_id == Customer.id
    )
    found = (await db.execute(owner.where(Invoice.id == invoice_id))).one_or_none()
    if found is None:
        raise NotFound("This invoice has no customer account.")
    by = Actor(ActorKind.CUSTOMER, found.id, found.company_name or found.username)
    await _switch(db, found.id, on=on, by=by)


async def gets_reminders(db: AsyncSession, invoice_id: int) -> bool | None:
    """Return whether the customer of an invoice gets reminders; None for an invoice without a customer account."""
    switch = select(Customer.sends_reminders).join(Invoice, Invoice.customer_id == Customer.id)
    return await db.scalar(switch.where(Invoice.id == invoice_id))


async def _switch(db: AsyncSession, customer_id: int, *, on: bool, by: Actor) -> None:
    customer = await db.get(Customer, customer_id, with_for_update={"key_share": True})
    if customer is None:
        raise NotFound("There is no such customer.")
    if customer.sends_reminders == on:
        return
    customer.sends_reminders = on
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_REMINDERS_SWITCHED,
        record_kind="customer",
        record_id=customer_id,
        record_name=customer.company_name or customer.username,
        before={"sends_reminders": not on},
        after={"sends_reminders": on},
        by=by,
    )
