"""The numbers in the menu: each counts what waits, and nothing that looks like it."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.reports.waiting import count_waiting
from models import Role
from models.session import raw_connection

# Of each kind, the first row waits and the others do not.
GROUND = """
INSERT INTO staff (id, username, role, password_hash) VALUES (7, 'ann', 'sales_rep', ''), (8, 'bob', 'sales_rep', '');
INSERT INTO orders (order_number, status, payment_status, on_hold, picked_at, set_aside_at, sales_rep_id) VALUES
  ('TO-PICK', 'confirmed', 'paid', false, NULL, NULL, NULL), ('NEW', 'pending', 'unpaid', false, NULL, NULL, NULL),
  ('HELD', 'pending', 'unpaid', true, NULL, NULL, 7), ('PICKED', 'confirmed', 'paid', false, now(), NULL, NULL),
  ('ASIDE', 'confirmed', 'paid', false, NULL, now(), NULL), ('PACKED', 'packed', 'paid', false, NULL, NULL, NULL),
  ('SHIPPED', 'shipped', 'paid', false, NULL, NULL, NULL), ('CHECK', 'shipped', 'pending_review', false, NULL, NULL, 8);
INSERT INTO invoice (status, invoice_number, customer_name, overdue_from) VALUES
  ('sent', 'INV-1', 'Ann', now() - interval '1 day'), ('partly_paid', 'INV-2', 'Ann', now() - interval '1 day'),
  ('sent', 'INV-3', 'Ann', now() + interval '1 day'), ('paid', 'INV-4', 'Ann', now() - interval '1 day');
INSERT INTO category (id, name) VALUES (1, 'Kitchen');
INSERT INTO product (id, category_id, name, sku, unit_price) VALUES (1, 1, 'Pan', 'A-1', 10);
INSERT INTO customer (id, username) VALUES (1, 'one');
INSERT INTO subscription (customer_id, product_id, quantity, interval_days, discount_pct, next_renewal_date,
  payment_type, status, retry_on)
SELECT 1, 1, 5, 30, 0, current_date, 'card', s.status, s.retry_on
FROM (VALUES ('active', current_date), ('active', NULL), ('paused', current_date)) AS s(status, retry_on);
INSERT INTO savings_request (name, restaurant_name, address, city, state, phone, email, answered_at)
SELECT 'Ann', 'Oak Grill', '1 Elm St', 'Akron', 'OH', '+12165550101', 'ann@oak.example', at
FROM (VALUES (NULL), (now())) AS s(at);
INSERT INTO call_log (call_id, transcript, tool_outputs, checker_reasons, wants_review, eval_status) VALUES
  ('1', '[]', '[]', '[]', true, 'complete'), ('2', '[]', '[]', '[]', true, 'reviewed'),
  ('3', '[]', '[]', '[]', false, 'complete');
INSERT INTO import_run (kind, state) VALUES ('orders', 'queued'), ('orders', 'running'), ('orders', 'done');
INSERT INTO outbox_message (channel, kind, recipient, state) VALUES
  ('email', 'plan', 'ann@oak.example', 'failed'), ('email', 'plan', 'ann@oak.example', 'sent');
INSERT INTO job_run (name, payload, state) VALUES ('a', '{}', 'failed'), ('b', '{}', 'parked'), ('c', '{}', 'done');
"""
ALL = {
    "orders": 2, "checks": 1, "invoices": 2, "subscriptions": 1, "warehouse": 2, "savings": 1, "voice": 1, "imports": 2,
    "outbox": 1, "jobs": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("role", "reader_id", "counts"),
    [
        (Role.ADMIN, 1, ALL),
        (Role.SALES_REP, 7, {"orders": 1, "checks": 0}),
        (Role.SALES_REP, 8, {"orders": 1, "checks": 1}),
        (Role.WAREHOUSE, 1, {"warehouse": 2}),
    ],
)
async def test_each_number_is_that_of_what_waits(
    db: AsyncSession, role: Role, reader_id: int, counts: dict[str, Any]
) -> None:
    await (await raw_connection(db)).execute(GROUND)
    reader = Actor(ActorKind.STAFF, reader_id, "Test", role)
    found = await count_waiting(await db.connection(), visible_to=reader)
    assert {name: found.get(name) for name in counts} == counts
