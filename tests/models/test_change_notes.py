"""What each change of a row notes for the stored figures: exactly the customers, products, numbers and hours concerned.

The tests of the figures make random changes and compare sums; here every column that matters changes alone.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

# Customers 1 and 2, and a few of their rows, with fixed ids and hours (in UTC). Amounts need not add up, so that each
# can change alone.
GROUND = """
ALTER TABLE orders DROP CONSTRAINT ck_orders_total_adds_up;
ALTER TABLE invoice DROP CONSTRAINT ck_invoice_total_adds_up;
INSERT INTO staff (id, username, full_name, role, password_hash) VALUES (1, 'ann', 'Ann', 'sales_rep', ''),
  (2, 'bob', 'Bob', 'sales_rep', '');
INSERT INTO customer (id, username, phone, phone2, payment_terms, credit_limit) VALUES
  (1, 'one', '+12165550101', NULL, 'net30', 500), (2, 'two', '+12165550102', '+12165550112', 'net30', 500);
INSERT INTO category (id, name) VALUES (1, 'Kitchen');
INSERT INTO product (id, category_id, name, sku, unit_price, bulk_price, bulk_quantity) VALUES
  (1, 1, 'Pan', 'A-1', 10, 8, 12), (2, 1, 'Pot', 'B-2', 20, 18, 12), (3, 1, 'Cup', 'C-3', 2, 1, 12);
INSERT INTO orders (id, order_number, customer_id, sales_rep_id, on_terms, subtotal, total_amount, created_at) VALUES
  (1, 'NOTE-1', 1, 1, true, 50, 50, '2026-11-02 10:20Z'), (2, 'NOTE-2', 2, NULL, true, 50, 50, '2026-11-02 11:20Z');
INSERT INTO order_item (id, order_id, product_id, product_name, quantity, unit_price, line_total, position)
VALUES (1, 1, 1, 'Pan', 5, 10, 50, 1);
INSERT INTO invoice (id, status, invoice_number, customer_name, customer_id, order_id, subtotal, total_amount, sent_at)
VALUES (1, 'sent', 'INV-1', 'One', 1, 1, 50, 50, '2026-11-02 12:20Z'),
  (2, 'sent', 'INV-2', 'Two', 2, NULL, 50, 50, '2026-11-02 13:20Z');
INSERT INTO payment (id, order_id, amount, applied_amount, method, created_at)
VALUES (1, 1, 20, 20, 'cash', '2026-11-02 14:20Z');
INSERT INTO payment (id, order_id, amount, applied_amount, method, given_back, given_for, created_at)
VALUES (2, 1, -3, -3, 'cash', 'allowance', 'goodwill', '2026-11-02 15:20Z');
INSERT INTO credit_memo (id, memo_number, invoice_id, amount, reason, created_at)
VALUES (1, 'CM-1', 1, 4, 'goodwill', '2026-11-02 16:20Z');
INSERT INTO order_allowance (id, order_id, amount, given_for, created_at)
VALUES (1, 1, 1, 'short', '2026-11-02 17:20Z');
INSERT INTO label (id, order_id, state, purchase, position, reference, request, rate, bought_at, next_ask_at)
VALUES (1, 1, 'bought', 'a', 1, 'a', '{}', 9, '2026-11-02 18:20Z', now());
INSERT INTO subscription (id, customer_id, product_id, quantity, interval_days, discount_pct, next_renewal_date,
  payment_type) VALUES (1, 1, 1, 5, 30, 5, '2026-12-01', 'card');
INSERT INTO suppressed_number (id, phone, do_not_call) VALUES (1, '+12165550199', true), (2, '+12165550198', false);
INSERT INTO calling_entry (id, phone, customer_id, assigned_to, is_suppressed, last_order_at, window_from, window_until)
VALUES (1, '+12165550101', 1, NULL, false, NULL, NULL, NULL),
  (2, '+12165550103', NULL, 1, false, '2026-11-02 08:20Z', '2026-11-20', '2026-11-23'),
  (3, NULL, NULL, 2, true, NULL, NULL, NULL);
INSERT INTO outbound_call_log (id, entry_id, customer_id, staff_id, phone, outcome, created_at)
VALUES (1, 1, 1, 1, '+12165550101', 'no_answer', '2026-11-02 19:20Z');
INSERT INTO calling_event (id, entry_id, kind, actor_kind, actor_id, created_at)
VALUES (1, 1, 'called', 'staff', 1, '2026-11-02 20:20Z');
"""
# What is compared of each note.
NOTES = {
    "customer_sales_change": "customer_id",
    "customer_standing_change": "customer_id",
    "customer_call_change": "customer_id, phone",
    "calling_mark_change": "entry_id, customer_id, phone",
    "shared_phone_change": "phone",
    "renewal_day_change": "product_id",
    "calling_count": "assigned_to, kind, extract(day FROM day)::int, entries",
    "order_day_change": """
extract(hour FROM created_at AT TIME ZONE 'UTC')::int, sales_rep_id, status, orders, amount::int
""",
    "hour_change": "report, extract(hour FROM hour AT TIME ZONE 'UTC')::int",
}
ONE, TWO = "+12165550101", "+12165550102"
Notes = dict[str, set[Any]]


async def lay_ground(db: AsyncSession) -> None:
    connection = await raw_connection(db)
    await connection.execute(GROUND)
    for table in NOTES:
        await connection.execute(f"DELETE FROM {table}")


async def note(db: AsyncSession, act: str) -> Notes:
    """What an act notes, by table; rows that are repeated count once. The act is undone."""
    connection, found = await raw_connection(db), {}
    undo = connection.transaction()
    await undo.start()
    await connection.execute(act)
    for table, columns in NOTES.items():
        rows = {tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM {table}")}
        found[table] = {row[0] if len(row) == 1 else row for row in rows}
    await undo.rollback()
    return {table: rows for table, rows in found.items() if rows}


def trade(*hours: int) -> set[Any]:
    return {("trade", hour) for hour in hours}


def books(*hours: int) -> set[Any]:
    return {("books", hour) for hour in hours}


def sums(*rows: tuple[int, int, str, int, int]) -> set[Any]:
    return {*rows}


def counted(sign: int = 1, *, ordered: int = 2, begins: int = 20, after: int = 24) -> set[Any]:
    """What entry 2 is counted under; the days are those of its last order, its window, and the first one after it."""
    kinds = {
        ("open", None): 1,
        ("phone", None): 1,
        ("ordered", ordered): 1,
        ("window", begins): 1,
        ("window", after): -1,
    }
    return {(1, kind, day, sign * entries) for (kind, day), entries in kinds.items()}


COUNTED = counted(-1)
UNASSIGNED = {(0, "open", None, 1), (0, "suppressed open", None, -1)}
WAS = (10, 1, "pending", -1, -50)
CASES: list[tuple[str, Notes]] = [
    # Orders.
    (
        "UPDATE orders SET customer_id = 2 WHERE id = 1",
        {"customer_sales_change": {1, 2}, "customer_standing_change": {1, 2}},
    ),
    (
        "UPDATE orders SET status = 'cancelled' WHERE id = 2",
        {
            "customer_sales_change": {2}, "customer_standing_change": {2}, "hour_change": trade(11),
            "order_day_change": sums((11, 0, "pending", -1, -50), (11, 0, "cancelled", 1, 50)),
        },
    ),
    (
        "UPDATE orders SET status = 'packed' WHERE id = 1",
        {"order_day_change": sums(WAS, (10, 1, "packed", 1, 50))},
    ),
    (
        "UPDATE orders SET sales_rep_id = 2 WHERE id = 1",
        {
            "customer_standing_change": {1}, "hour_change": {("reps", 10)},
            "order_day_change": sums(WAS, (10, 2, "pending", 1, 50)),
        },
    ),
    (
        "UPDATE orders SET created_at = '2026-11-02 09:40Z' WHERE id = 1",
        {
            "customer_sales_change": {1}, "customer_standing_change": {1}, "hour_change": trade(9, 10),
            "order_day_change": sums(WAS, (9, 1, "pending", 1, 50)),
        },
    ),
    (
        "UPDATE orders SET total_amount = 60 WHERE id = 2",
        {
            "customer_sales_change": {2}, "customer_standing_change": {2},
            "order_day_change": sums((11, 0, "pending", -1, -50), (11, 0, "pending", 1, 60)),
        },
    ),
    ("UPDATE orders SET subtotal = 60 WHERE id = 1", {"hour_change": trade(10)}),
    ("UPDATE orders SET delivery_fee = 5 WHERE id = 1", {"hour_change": trade(10)}),
    ("UPDATE orders SET discount_amount = 5 WHERE id = 1", {"hour_change": trade(10)}),
    ("UPDATE orders SET commission_amount = 3 WHERE id = 1", {"hour_change": {("reps", 10)}}),
    ("UPDATE orders SET commission_paid = true WHERE id = 1", {"hour_change": {("reps", 10)}}),
    ("UPDATE orders SET on_terms = false WHERE id = 2", {"customer_standing_change": {2}}),
    ("UPDATE orders SET on_hold = true WHERE id = 2", {"customer_standing_change": {2}}),
    ("UPDATE orders SET amount_paid = 5 WHERE id = 2", {"customer_standing_change": {2}}),
    ("UPDATE orders SET staff_notes = 'Ring twice', payment_status = 'failed' WHERE id = 1", {}),
    (
        "DELETE FROM orders WHERE id = 2",
        {
            "customer_sales_change": {2}, "customer_standing_change": {2}, "hour_change": trade(11),
            "order_day_change": sums((11, 0, "pending", -1, -50)),
        },
    ),
    # Lines.
    ("UPDATE order_item SET order_id = 2", {"hour_change": trade(10, 11)}),
    ("UPDATE order_item SET product_id = 2", {"hour_change": trade(10)}),
    ("UPDATE order_item SET quantity = 6", {"hour_change": trade(10)}),
    ("UPDATE order_item SET unit_cost = 6", {"hour_change": trade(10)}),
    ("UPDATE order_item SET line_total = 6", {"hour_change": trade(10)}),
    ("UPDATE order_item SET short_quantity = 1", {}),
    ("DELETE FROM order_item", {"hour_change": trade(10)}),
    # Money. A payment of an order counts in the hours of the order's invoices that were sent or voided later.
    (
        "UPDATE payment SET created_at = '2026-11-02 11:40Z' WHERE id = 1",
        {"hour_change": books(11, 12, 14)},
    ),
    ("UPDATE payment SET method = 'check' WHERE id = 1", {"hour_change": books(14)}),
    ("UPDATE payment SET amount = 21 WHERE id = 1", {"hour_change": books(14)}),
    ("UPDATE payment SET applied_amount = 19 WHERE id = 1", {"hour_change": books(14)}),
    ("UPDATE payment SET state = 'failed' WHERE id = 1", {"hour_change": books(14)}),
    ("UPDATE payment SET state = 'failed' WHERE id = 2", {"hour_change": books(15) | trade(15)}),
    ("UPDATE payment SET note = 'CM-000001' WHERE id = 2", {"hour_change": books(15) | trade(15)}),
    ("UPDATE payment SET given_for = 'cancelled' WHERE id = 2", {"hour_change": books(15) | trade(15)}),
    ("UPDATE payment SET applied_amount = -2 WHERE id = 2", {"hour_change": books(15) | trade(15)}),
    ("DELETE FROM payment WHERE id = 2", {"hour_change": books(15) | trade(15)}),
    (
        "UPDATE credit_memo SET created_at = '2026-11-02 21:40Z'",
        {"hour_change": books(16, 21) | trade(16, 21)},
    ),
    ("UPDATE credit_memo SET amount = 5", {"hour_change": books(16) | trade(16)}),
    ("UPDATE credit_memo SET invoice_id = 2", {"hour_change": books(16)}),
    ("DELETE FROM credit_memo", {"hour_change": books(16) | trade(16)}),
    (
        "UPDATE order_allowance SET created_at = '2026-11-02 11:40Z'",
        {"hour_change": books(11, 12, 17) | trade(11, 17)},
    ),
    ("UPDATE order_allowance SET amount = 2", {"hour_change": books(17) | trade(17)}),
    ("UPDATE order_allowance SET order_id = 2", {"hour_change": books(17)}),
    ("DELETE FROM order_allowance", {"hour_change": books(17) | trade(17)}),
    # Labels.
    ("UPDATE label SET bought_at = '2026-11-02 21:40Z'", {"hour_change": trade(18, 21)}),
    ("UPDATE label SET bought_at = NULL, state = 'buying'", {"hour_change": trade(18)}),
    ("UPDATE label SET state = 'failed'", {"hour_change": trade(18)}),
    ("UPDATE label SET rate = 8", {"hour_change": trade(18)}),
    ("UPDATE label SET insurance = 1", {"hour_change": trade(18)}),
    ("UPDATE label SET refund_status = 'refunded'", {"hour_change": trade(18)}),
    ("DELETE FROM label", {"hour_change": trade(18)}),
    # Invoices. Those of an order count in the hours of its later payments and allowances.
    (
        "UPDATE invoice SET customer_id = 2 WHERE id = 1",
        {"customer_standing_change": {1, 2}},
    ),
    (
        "UPDATE invoice SET order_id = 2 WHERE id = 1",
        {"customer_standing_change": {1, 2}, "hour_change": books(12, 14, 15, 17)},
    ),
    ("UPDATE invoice SET overdue_from = '2026-11-02 12:40Z' WHERE id = 2", {"customer_standing_change": {2}}),
    ("UPDATE invoice SET amount_paid = 10 WHERE id = 2", {"customer_standing_change": {2}}),
    ("UPDATE invoice SET status = 'partly_paid' WHERE id = 2", {"customer_standing_change": {2}}),
    ("UPDATE invoice SET sent_at = '2026-11-02 14:40Z' WHERE id = 1", {"hour_change": books(12, 14, 15, 17)}),
    ("UPDATE invoice SET total_amount = 51 WHERE id = 2", {"customer_standing_change": {2}, "hour_change": books(13)}),
    ("UPDATE invoice SET shipping_fee = 1 WHERE id = 2", {"hour_change": books(13)}),
    ("UPDATE invoice SET tax_amount = 1 WHERE id = 2", {"hour_change": books(13)}),
    ("UPDATE invoice SET notes = 'Thanks' WHERE id = 2", {}),
    ("DELETE FROM invoice WHERE id = 2", {"customer_standing_change": {2}, "hour_change": books(13)}),
    # Customers and their numbers.
    ("UPDATE customer SET credit_limit = 400 WHERE id = 1", {"customer_standing_change": {1}}),
    ("UPDATE customer SET payment_terms = 'prepaid' WHERE id = 1", {"customer_standing_change": {1}}),
    (
        "UPDATE customer SET phone = '+12165550104' WHERE id = 1",
        {"customer_call_change": {(1, None)}, "shared_phone_change": {ONE, "+12165550104"}},
    ),
    ("UPDATE customer SET phone2 = '+12165550104' WHERE id = 1", {"customer_call_change": {(1, None)}}),
    ("UPDATE customer SET shipping_zip = '53202' WHERE id = 1", {"customer_call_change": {(1, None)}}),
    ("UPDATE customer SET shipping_state = 'WI' WHERE id = 1", {"customer_call_change": {(1, None)}}),
    ("UPDATE customer SET is_active = false WHERE id = 1", {"customer_call_change": {(1, None)}}),
    (
        "UPDATE customer SET do_not_call = true WHERE id = 1",
        {"customer_call_change": {(1, None)}, "calling_mark_change": {(None, 1, None)}},
    ),
    ("UPDATE customer SET notes = 'Ring twice', email = 'a@example.com' WHERE id = 1", {}),
    (
        "UPDATE suppressed_number SET phone = '+12165550197' WHERE id = 1",
        {
            "customer_call_change": {(None, "+12165550199"), (None, "+12165550197")},
            "calling_mark_change": {(None, None, "+12165550199"), (None, None, "+12165550197")},
        },
    ),
    (
        "UPDATE suppressed_number SET do_not_call = false WHERE id = 1",
        {"customer_call_change": {(None, "+12165550199")}, "calling_mark_change": {(None, None, "+12165550199")}},
    ),
    (
        "DELETE FROM suppressed_number",
        {"customer_call_change": {(None, "+12165550199")}, "calling_mark_change": {(None, None, "+12165550199")}},
    ),
    ("UPDATE suppressed_number SET do_not_text = true", {}),
    # Calls and entries.
    (
        "UPDATE outbound_call_log SET customer_id = 2",
        {"customer_call_change": {(1, ONE), (2, ONE)}},
    ),
    ("UPDATE outbound_call_log SET phone = '+12165550102'", {"customer_call_change": {(1, ONE), (1, TWO)}}),
    (
        "UPDATE outbound_call_log SET outcome = 'sale_made'",
        {"customer_call_change": {(1, ONE)}, "hour_change": {("calls", 19)}},
    ),
    ("UPDATE outbound_call_log SET callback_date = '2026-11-09'", {"customer_call_change": {(1, ONE)}}),
    (
        "UPDATE outbound_call_log SET created_at = '2026-11-02 21:40Z'",
        {"customer_call_change": {(1, ONE)}, "hour_change": {("calls", 19), ("calls", 21)}},
    ),
    ("UPDATE outbound_call_log SET staff_id = 2", {"hour_change": {("calls", 19)}}),
    ("UPDATE outbound_call_log SET entry_id = 2", {"hour_change": {("calls", 19)}}),
    ("UPDATE outbound_call_log SET notes = 'Rang twice'", {}),
    (
        "DELETE FROM outbound_call_log",
        {"customer_call_change": {(1, ONE)}, "hour_change": {("calls", 19)}},
    ),
    ("UPDATE calling_event SET created_at = '2026-11-02 21:40Z'", {"hour_change": {("calls", 20), ("calls", 21)}}),
    ("UPDATE calling_event SET kind = 'email_opened'", {"hour_change": {("calls", 20)}}),
    ("UPDATE calling_event SET actor_id = 2", {"hour_change": {("calls", 20)}}),
    ("UPDATE calling_event SET actor_kind = 'system'", {"hour_change": {("calls", 20)}}),
    ("UPDATE calling_event SET entry_id = 2", {"hour_change": {("calls", 20)}}),
    ("UPDATE calling_event SET points = 2", {}),
    ("DELETE FROM calling_event", {"hour_change": {("calls", 20)}}),
    (
        "UPDATE calling_entry SET hours_key = '|America/Denver' WHERE id = 1",
        {"hour_change": {("calls", 19), ("calls", 20)}},
    ),
    ("UPDATE calling_entry SET phone = '+12165550104' WHERE id = 1", {"calling_mark_change": {(1, None, None)}}),
    ("UPDATE calling_entry SET phone2 = '+12165550104' WHERE id = 1", {"calling_mark_change": {(1, None, None)}}),
    ("UPDATE calling_entry SET customer_id = 2 WHERE id = 1", {"calling_mark_change": {(1, None, None)}}),
    ("UPDATE calling_entry SET status = 'contacted', last_called_at = now(), phone = phone", {}),
    # What an entry was counted under is subtracted, and what it is counted under now is added.
    (
        "UPDATE calling_entry SET assigned_to = NULL WHERE id = 3",
        {"calling_count": {(2, "open", None, -1), (2, "suppressed open", None, 1)} | UNASSIGNED},
    ),
    (
        "UPDATE calling_entry SET is_suppressed = false WHERE id = 3",
        {"calling_count": {(2, "open", None, -1), (2, "suppressed open", None, 1), (2, "open", None, 1)}},
    ),
    (
        "UPDATE calling_entry SET phone = '+12165550104' WHERE id = 3",
        {
            "calling_mark_change": {(3, None, None)},
            "calling_count": {
                (2, "open", None, -1), (2, "suppressed open", None, 1), (2, "open", None, 1), (2, "phone", None, 1),
                (2, "suppressed open", None, -1), (2, "suppressed phone", None, -1),
            },
        },
    ),
    ("UPDATE calling_entry SET status = 'closed' WHERE id = 2", {"calling_count": COUNTED}),
    (
        "UPDATE calling_entry SET last_order_at = '2026-11-04 08:20Z' WHERE id = 2",
        {"calling_count": COUNTED | counted(ordered=4)},
    ),
    (
        "UPDATE calling_entry SET window_from = '2026-11-19' WHERE id = 2",
        {"calling_count": COUNTED | counted(begins=19)},
    ),
    (
        "UPDATE calling_entry SET window_until = '2026-11-25' WHERE id = 2",
        {"calling_count": COUNTED | counted(after=26)},
    ),
    ("DELETE FROM calling_entry WHERE id = 2", {"calling_count": COUNTED}),
    (
        "DELETE FROM calling_entry WHERE id = 3",
        {"calling_count": {(2, "open", None, -1), (2, "suppressed open", None, 1)}},
    ),
    # Subscriptions and prices.
    ("UPDATE subscription SET product_id = 2", {"renewal_day_change": {1, 2}}),
    ("UPDATE subscription SET substitute_id = 3", {"renewal_day_change": {1, 3}}),
    ("UPDATE subscription SET substitute_agreed = true", {"renewal_day_change": {1}}),
    ("UPDATE subscription SET status = 'paused'", {"renewal_day_change": {1}}),
    ("UPDATE subscription SET retry_on = '2026-12-02'", {"renewal_day_change": {1}}),
    ("UPDATE subscription SET next_renewal_date = '2026-12-02'", {"renewal_day_change": {1}}),
    ("UPDATE subscription SET quantity = 6", {"renewal_day_change": {1}}),
    ("UPDATE subscription SET discount_pct = 6", {"renewal_day_change": {1}}),
    ("UPDATE subscription SET interval_days = 60", {}),
    ("DELETE FROM subscription", {"renewal_day_change": {1}}),
    ("UPDATE product SET unit_price = 11 WHERE id = 1", {"renewal_day_change": {1}}),
    ("UPDATE product SET bulk_price = 7 WHERE id = 1", {"renewal_day_change": {1}}),
    ("UPDATE product SET bulk_quantity = 24 WHERE id = 1", {"renewal_day_change": {1}}),
    ("UPDATE product SET name = 'Wok', stock_quantity = 4 WHERE id = 1", {}),
]  # fmt: skip


async def test_each_change_notes_what_it_affects(db: AsyncSession) -> None:
    await lay_ground(db)
    found = [(act, await note(db, act)) for act, _ in CASES]
    assert found == CASES
