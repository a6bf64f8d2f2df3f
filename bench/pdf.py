"""The PDFs of an invoice and of a packing slip: serving a stored one, and making one, compared with the PDF library
alone."""

import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from app import build_app
from bench.cpu import read_family_cpu
from documents.invoice_pdf import make_invoice_writer, write_invoice_html
from documents.pdf import close_documents, render_again, render_pdf
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.papers import get_invoice_content, get_invoice_pdf
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.order_desk.packing_slip import list_packing_slips
from models import Role
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import proving_database, stock_shelf
from settings import load_settings
from web.templates import render_template

MANAGER = Actor(ActorKind.STAFF, 1, "Bench", Role.MANAGER)
LINES = 12
_ORDER = """
WITH made AS (
  INSERT INTO orders (order_number, delivery_name, delivery_company, delivery_address, delivery_city, delivery_state,
    delivery_zip, subtotal, total_amount)
  VALUES ('LLD-BENCH', 'Ana Ruiz', 'Old Mill Tavern', '1 Mill Road', 'Chicago', 'IL', '60607', $2, $2)
  RETURNING id
)
INSERT INTO order_item (order_id, position, product_id, product_name, product_sku, quantity, unit_price, line_total)
SELECT made.id, place, product.id, product.name, product.sku, 1, 1, 1
FROM made, unnest($1::bigint[]) WITH ORDINALITY AS wanted(id, place) JOIN product ON product.id = wanted.id
"""


async def bench(*, rounds: int = 24) -> dict[str, float]:
    """Measure milliseconds each way, the median of some rounds; print and return the ratios."""
    settings = load_settings()
    async with proving_database() as url:
        database = Database(url)
        use_database(database)
        items = [
            {"description": f"Sheet pan {n}", "quantity": n + 1, "unit_price": Decimal("12.95")} for n in range(LINES)
        ]
        data = CreateInvoice.model_validate({"customer_name": "Old Mill Tavern", "items": items, "status": "sent"})
        async with database.separate_transaction() as db:
            invoice = await create_invoice(db, data, by=MANAGER, timezone=ZoneInfo("America/Chicago"))
        write = make_invoice_writer(settings)
        content = await get_invoice_content(invoice.id, visible_to=MANAGER)
        html = write_invoice_html(invoice.id, content, settings=settings)

        async def serve() -> None:
            await get_invoice_pdf(invoice.id, visible_to=MANAGER, write_pdf=write)

        async def make() -> None:
            await write(invoice.id, content)

        ratios = await _compare("an invoice", serve, make, html, rounds)
        ratios |= await _compare_slips(url, database, rounds)
        await database.close()
        close_documents()
    return ratios


async def _compare_slips(url: str, database: Database, rounds: int) -> dict[str, float]:
    """The same of a packing slip, from the order's rows to its bytes."""
    setup = await connect(url)
    await setup.execute(_ORDER, await stock_shelf(setup, [10] * LINES), LINES)
    await setup.close()
    app, minutes = build_app(load_settings()), itertools.count()

    async def write_html(at: datetime) -> str:
        async with database.session() as session:
            slips = await list_packing_slips(session, ["LLD-BENCH"], visible_to=MANAGER)
        return await render_template("pdf/packing_slip.html", slips=slips, printed_at=at, company_address="Chicago")

    async def serve() -> None:
        await render_again(await write_html(now()))

    async def make() -> None:
        await render_again(await write_html(now() + timedelta(minutes=1 + next(minutes))))

    async with app.test_request_context("/"):
        return await _compare("a packing slip", serve, make, await write_html(now()), rounds)


async def _compare(
    what: str, serve: Callable[[], Awaitable[None]], make: Callable[[], Awaitable[None]], html: str, rounds: int
) -> dict[str, float]:
    """Measure in turns; print and return the ratios of making one, and of a stored one, to the PDF library alone.

    Making one takes one percent more than the library alone. Clock times show this only over many rounds, CPU of this
    process and its children over a few.
    """

    async def bare() -> None:
        await render_pdf(html)

    await serve()  # makes and keeps it
    ways = {"kept": serve, "made": make, "bare": bare}
    found: dict[str, list[float]] = {name: [] for name in ways}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        # Two children take turns: in a fixed order each variant would always use the same child.
        for name in sorted(ways, reverse=turn % 2 == 1):
            before = read_family_cpu()
            found[name].append(await _measure(ways[name]))
            spent[name].append(read_family_cpu() - before)
    took = {name: statistics.median(times) for name, times in found.items()}
    cpu = {name: statistics.median(each) for name, each in spent.items()}
    ratios = {
        f"{what} against the PDF maker alone": took["bare"] / took["made"],
        f"{what} against the PDF maker alone, by CPU": cpu["bare"] / cpu["made"],
        f"{what}, kept of made": took["kept"] / took["made"],
    }
    print(f"  {what} of {LINES} lines: " + ", ".join(f"{name} {spent:.1f} ms" for name, spent in took.items()))
    for name, ratio in ratios.items():
        print(f"  {name}: {ratio:.3f}")
    return ratios


async def _measure(way: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await way()
    return (time.perf_counter() - started) * 1000
