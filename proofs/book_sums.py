"""Sums computed from the rows in plain Python, compared with the API and the program's own sums."""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx2

from domain.access.passwords import hash_password
from domain.credit.exposure import calculate_exposure, find_customer
from domain.invoices.close import get_month_close
from domain.invoices.statement import get_statement
from domain.kernel.clock import business_today
from domain.kernel.money import format_money
from proofs.book_acts import MANAGER, World
from proofs.ground import check

ZERO = Decimal("0.00")
PASSWORD = "proof-proof-proof"
# Number of orders compared on their pages.
PAGES = 20


async def compare(world: World, connection: asyncpg.Connection, server: str, token: str) -> None:
    """Recompute all sums from the rows in plain Python, and compare with the API and the pages' statements."""
    said = await read_orders(server, token)
    rows = await connection.fetch("SELECT * FROM orders")
    payments: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch("SELECT * FROM payment WHERE state = 'succeeded' AND order_id IS NOT NULL"):
        payments[row["order_id"]].append(row)
    credited = Counter[int]()
    for row in await connection.fetch(
        "SELECT p.order_id, c.amount FROM credit_entry AS c JOIN payment AS p ON p.id = c.payment_id "
        "WHERE c.kind = 'overpayment'"
    ):
        credited[row["order_id"]] += row["amount"]
    lines: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch("SELECT * FROM order_item"):
        lines[row["order_id"]].append(row)
    taken_off = await read_taken_off(connection)
    wrong: list[tuple[object, ...]] = []
    exposure: dict[int, Decimal] = defaultdict(lambda: ZERO)
    claims: dict[int, tuple[int | None, Decimal]] = {}
    invoices = await connection.fetch("SELECT * FROM invoice WHERE status NOT IN ('draft', 'void')")
    invoiced = {invoice["order_id"] for invoice in invoices}
    for row in rows:
        credit = Decimal(credited[row["id"]])
        figures = recompute(row, lines[row["id"]], payments[row["id"]], credit, taken_off[row["id"]])
        answered = said[row["order_number"]]
        if any(Decimal(str(answered[name])) != amount for name, amount in figures.items()):
            wrong.append((row["order_number"], figures, {name: answered[name] for name in figures}))
        claims[row["id"]] = row["customer_id"], figures["balance"]
        if row["customer_id"] and row["on_terms"] and not row["on_hold"] and row["id"] not in invoiced:
            exposure[row["customer_id"]] += figures["balance"]
        is_paid = row["payment_status"] in {"paid", "refunded", "partially_refunded"}
        if row["status"] != "cancelled" and is_paid != (figures["balance"] == ZERO):
            wrong.append((row["order_number"], row["payment_status"], figures["balance"]))
    check(f"{len(rows)} orders: total, paid, allowed, balance, refund due and status are what the rows say", not wrong)
    await add_invoices(connection, invoices, claims, exposure)
    await compare_exposure(world, connection, exposure)
    await compare_stock(connection)
    await compare_credit(connection)
    await compare_close(world, connection)
    await compare_pages(world, connection, exposure, server, token)


async def compare_pages(
    world: World, connection: asyncpg.Connection, exposure: dict[int, Decimal], server: str, token: str
) -> None:
    """Compare the pages of customers, orders and products, and the stock API."""
    await connection.execute("UPDATE staff SET password_hash = $1", await hash_password(PASSWORD))
    wrong: list[tuple[object, ...]] = []
    async with httpx2.AsyncClient(base_url=server, timeout=120) as client:
        form = await client.get("/portal/sign-in")
        csrf = form.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        await client.post("/portal/sign-in", data={"csrf_token": csrf, "username": "proof", "password": PASSWORD})
        for customer_id in world.customers:
            page = (await client.get(f"/portal/customers/{customer_id}")).text
            said = page.partition('<div class="label">Owes</div><div class="value">')[2].partition("<")[0]
            if said != format_money(exposure[customer_id]):
                wrong.append((customer_id, said, exposure[customer_id]))
        rows = await connection.fetch("SELECT order_number, balance FROM orders ORDER BY random() LIMIT $1", PAGES)
        for row in rows:
            page = (await client.get(f"/portal/orders/{row['order_number']}")).text
            if row["balance"] and format_money(row["balance"]) not in page:
                wrong.append((row["order_number"], row["balance"]))
        headers = {"Authorization": f"Bearer {token}"}
        stock = (await client.get("/api/staff/inventory?per_page=200", headers=headers)).json()["products"]
        levels = {each["id"]: each["stock_quantity"] for each in stock}
        for row in await connection.fetch("SELECT id, stock_quantity FROM product"):
            page = (await client.get(f"/portal/inventory/{row['id']}")).text
            level = row["stock_quantity"]
            if levels[row["id"]] != level or ("Not tracked" if level is None else f"{level:,}") not in page:
                wrong.append((row["id"], level, levels[row["id"]]))
    check(f"the pages of customers, {len(rows)} orders and the products say the same {wrong[:5] or ''}", not wrong)


async def add_invoices(
    connection: asyncpg.Connection,
    invoices: list[asyncpg.Record],
    claims: dict[int, tuple[int | None, Decimal]],
    exposure: dict[int, Decimal],
) -> None:
    """Add open invoices; one made from an order is owed by the order's customer, with the order's balance."""
    paid: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for row in await connection.fetch(
        "SELECT invoice_id, applied_amount FROM payment WHERE state = 'succeeded' AND invoice_id IS NOT NULL"
    ):
        paid[row["invoice_id"]] += row["applied_amount"]
    for row in await connection.fetch("SELECT invoice_id, amount FROM credit_memo"):
        paid[row["invoice_id"]] += row["amount"]
    wrong = []
    for row in invoices:
        owner, balance = row["customer_id"], max(row["total_amount"] - paid[row["id"]], ZERO)
        if row["order_id"] is not None:
            owner, balance = claims[row["order_id"]]
        if owner != row["customer_id"] or balance != row["balance"] or (row["status"] == "paid") != (balance == ZERO):
            wrong.append((row["invoice_number"], row["status"], row["customer_id"], owner, row["balance"], balance))
        if owner is not None:
            exposure[owner] += balance
    check(f"the balance and the status of every invoice are what its payments say {wrong[:5] or ''}", not wrong)


async def read_taken_off(connection: asyncpg.Connection) -> dict[int, Decimal]:
    """Allowances of each order before payment: short picks, and credit memos of its invoices."""
    found: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for row in await connection.fetch(
        "SELECT order_id, amount FROM order_allowance UNION ALL "
        "SELECT i.order_id, m.amount - m.to_credit FROM credit_memo AS m JOIN invoice AS i ON i.id = m.invoice_id "
        "WHERE i.order_id IS NOT NULL"
    ):
        found[row["order_id"]] += row["amount"]
    return found


def recompute(
    row: asyncpg.Record,
    lines: list[asyncpg.Record],
    payments: list[asyncpg.Record],
    credited: Decimal,
    taken_off: Decimal,
) -> dict[str, Decimal]:
    """The figures of one order from its lines and payments."""
    subtotal = sum((line["unit_price"] * line["quantity"] for line in lines), ZERO)
    total = max(subtotal - row["discount_amount"] + row["delivery_fee"], ZERO)
    paid = sum((each["applied_amount"] for each in payments), ZERO)
    allowed = -sum(
        (
            each["applied_amount"]
            for each in payments
            if each["given_back"] == "allowance" and each["given_for"] != "cancelled"
        ),
        ZERO,
    )
    allowed += taken_off
    over = max(sum((each["amount"] - each["applied_amount"] for each in payments), ZERO) - credited, ZERO)
    is_cancelled = row["status"] == "cancelled"
    claim = max(total - allowed, ZERO)
    return {
        "subtotal": subtotal,
        "total_amount": total,
        "amount_paid": paid,
        "allowances": allowed,
        "balance": ZERO if is_cancelled else max(claim - paid, ZERO),
        "refund_due": over + (paid if is_cancelled else max(paid - claim, ZERO)),
    }


async def read_orders(server: str, token: str) -> dict[str, dict[str, Any]]:
    """Every order as the API answers it, by its number."""
    found: dict[str, dict[str, Any]] = {}
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=120, headers=headers) as client:
        page = 1
        while True:
            answer = (await client.get(f"{server}/api/staff/orders?per_page=200&page={page}")).json()
            found |= {order["order_number"]: order for order in answer["orders"]}
            if page >= answer["pages"]:
                return found
            page += 1


async def compare_exposure(world: World, connection: asyncpg.Connection, counted: dict[int, Decimal]) -> None:
    """What each customer owes on terms, according to `calculate_exposure`."""
    wrong = []
    for customer_id in world.customers:
        customer = await find_customer(connection, customer_id)
        assert customer is not None
        standing = await calculate_exposure(connection, customer)
        if standing.exposure != counted[customer_id]:
            wrong.append((customer_id, standing.exposure, counted[customer_id]))
    print(f"  exposure {[str(counted[customer_id]) for customer_id in world.customers]}")
    check(f"the exposure of every customer is their open orders on terms and open invoices {wrong or ''}", not wrong)


async def compare_stock(connection: asyncpg.Connection) -> None:
    """The ledger adds up to each level, and a cancelled order holds nothing."""
    levels = Counter[int]()
    held: dict[int, Counter[int]] = defaultdict(Counter)
    for row in await connection.fetch("SELECT product_id, order_id, delta FROM stock_movement ORDER BY id"):
        levels[row["product_id"]] += row["delta"]
        if row["order_id"] is not None:
            held[row["order_id"]][row["product_id"]] -= row["delta"]
    products = await connection.fetch("SELECT id, stock_quantity FROM product")
    check("the ledger adds up to the level", all(levels[row["id"]] == (row["stock_quantity"] or 0) for row in products))
    rows = await connection.fetch("SELECT id, status FROM orders")
    lines: dict[int, Counter[int]] = defaultdict(Counter)
    for row in await connection.fetch(
        "SELECT order_id, product_id, quantity - short_quantity AS quantity FROM order_item"
    ):
        lines[row["order_id"]][row["product_id"]] += row["quantity"]
    is_right = all(
        not any(held[row["id"]].values())
        if row["status"] == "cancelled"
        else all(0 <= units <= lines[row["id"]][product] for product, units in held[row["id"]].items())
        for row in rows
    )
    check("a cancelled order holds nothing, any other at most what its lines ask for", is_right)


async def compare_close(world: World, connection: asyncpg.Connection) -> None:
    """Compare the month's close and the customers' statements with the open invoices."""
    timezone = world.settings.timezone
    today = business_today(timezone)
    async with world.database.reading() as reading:
        close = await get_month_close(reading, today, visible_to=MANAGER, timezone=timezone)
    opened = await connection.fetchval("SELECT coalesce(sum(balance), 0) FROM invoice WHERE sent_at IS NOT NULL")
    words = f"the journal balances, and leads to the {opened} of the open invoices {close.receivables}"
    check(words, close.is_balanced and close.agrees and close.receivables == opened)
    wrong = []
    for customer_id in world.customers:
        async with world.database.session() as db:
            since = today - timedelta(days=30)
            said = await get_statement(db, customer_id, since=since, as_of=today, visible_to=MANAGER, timezone=timezone)
        owed = await connection.fetchval(
            "SELECT coalesce(sum(balance), 0) FROM invoice WHERE customer_id = $1 AND sent_at IS NOT NULL", customer_id
        )
        last = said.lines[-1].balance if said.lines else ZERO
        if not said.balance == last == owed:
            wrong.append((customer_id, said.balance, last, owed))
    check(f"a statement says what the invoices say {wrong or ''}", not wrong)


async def compare_credit(connection: asyncpg.Connection) -> None:
    """The credit of each customer is the sum of its entries, and was never below zero."""
    balance: dict[int, Decimal] = defaultdict(lambda: ZERO)
    is_right = True
    for row in await connection.fetch("SELECT customer_id, amount, balance_after FROM credit_entry ORDER BY id"):
        balance[row["customer_id"]] += row["amount"]
        is_right = is_right and balance[row["customer_id"]] == row["balance_after"] >= ZERO
    check("store credit adds up and is never below zero", is_right)
