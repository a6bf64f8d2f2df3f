"""Links guest orders to an account, but only through an email or phone that the account has verified."""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import is_random_order_number
from domain.customers.accounts import as_owner, is_verified
from domain.kernel.actor import Actor
from domain.orders.hold import settle_hold
from models import Customer, Order

_LINK = text("""
WITH wanted AS (
  SELECT id FROM orders
  WHERE customer_id IS NULL
    AND (
      lower(delivery_email) = lower(CAST(:email AS text)) OR delivery_phone = CAST(:phone AS text)
      OR id = CAST(:claimed_order_id AS bigint)
    )
  ORDER BY id FOR NO KEY UPDATE
),
linked AS (
  UPDATE orders SET customer_id = CAST(:customer_id AS bigint), version = version + 1, updated_at = now()
  WHERE id IN (SELECT id FROM wanted) RETURNING id
),
paid AS (
  UPDATE payment SET customer_id = CAST(:customer_id AS bigint)
  WHERE order_id IN (SELECT id FROM linked) AND customer_id IS NULL
),
events AS (
  INSERT INTO order_event (order_id, kind, note, actor_kind, actor_id, actor_name)
  SELECT id, 'linked', 'Linked to the account ' || CAST(:username AS text),
         CAST(:actor_kind AS text), CAST(:customer_id AS bigint), CAST(:actor_name AS text)
  FROM linked
)
SELECT id, announce('orders', id::text) FROM linked
""")
_UNLINK = text("""
WITH wanted AS (
  SELECT id FROM orders WHERE customer_id = CAST(:customer_id AS bigint) ORDER BY id FOR NO KEY UPDATE
),
freed AS (
  UPDATE orders SET customer_id = NULL, version = version + 1, updated_at = now()
  WHERE id IN (SELECT id FROM wanted) RETURNING id
),
paid AS (
  UPDATE payment SET customer_id = NULL WHERE customer_id = CAST(:customer_id AS bigint)
),
events AS (
  INSERT INTO order_event (order_id, kind, note, actor_kind, actor_id, actor_name)
  SELECT id, 'unlinked', CAST(:note AS text), CAST(:actor_kind AS text), CAST(:actor_id AS bigint),
         CAST(:actor_name AS text)
  FROM freed
)
SELECT id, announce('orders', id::text) FROM freed
""")


async def link_orders(db: AsyncSession, customer: Customer) -> int:
    """Link the guest orders of the verified email and phone, and the claimed one. Returns how many.

    Those on terms are held or released according to the account's terms. The caller holds the account's lock; the
    orders are locked in order of id.
    """
    await db.flush()
    owner = as_owner(customer)
    linked = await db.execute(
        _LINK,
        {
            "customer_id": customer.id,
            "username": customer.username,
            "email": customer.email if customer.email_verified_at is not None else None,
            "phone": customer.phone if customer.phone_verified_at is not None else None,
            "claimed_order_id": customer.claimed_order_id if is_verified(customer) else None,
            "actor_kind": owner.kind,
            "actor_name": owner.name,
        },
    )
    if is_verified(customer):
        customer.claimed_order_id = None
    order_ids = [row.id for row in linked]
    await settle_holds(db, order_ids, by=owner)
    return len(order_ids)


async def settle_holds(db: AsyncSession, order_ids: list[int], *, by: Actor) -> None:
    """Hold or release those of these locked orders that are owed on terms, by id, after their customer changed."""
    owed = select(Order).where(Order.id.in_(order_ids), Order.on_terms, Order.balance > 0).order_by(Order.id)
    for order in (await db.execute(owed.execution_options(populate_existing=True))).scalars().all():
        await settle_hold(db, order, by=by)


async def unlink_orders(db: AsyncSession, customer: Customer, *, by: Actor) -> int:
    """Unlink the orders of a deleted account, which become guest orders. Returns how many."""
    note = "The customer deleted the account" if by.is_customer else "The customer was deleted"
    freed = await db.execute(
        _UNLINK,
        {
            "customer_id": customer.id,
            "note": note,
            "actor_kind": by.kind,
            "actor_id": by.id,
            "actor_name": "" if by.is_customer else by.name,
        },
    )
    return len(freed.all())


async def find_claimable_order(db: AsyncSession, order_number: str, *, email: str, phone: str | None) -> int | None:
    """Return the guest order that a new account may claim by its number, if its email or phone is the account's;
    otherwise None.

    An order number chosen by staff can be guessed, and the phone is not verified yet, so such an order can't be
    claimed.
    """
    number = order_number.upper()
    if not is_random_order_number(number):
        return None
    row = (
        await db.execute(
            select(Order.id, Order.delivery_email, Order.delivery_phone).where(
                Order.order_number == number, Order.customer_id.is_(None)
            )
        )
    ).first()
    if row is None:
        return None
    matches = (row.delivery_email or "").lower() == email or (phone is not None and row.delivery_phone == phone)
    return row.id if matches else None
