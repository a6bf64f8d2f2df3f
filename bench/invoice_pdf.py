"""An invoice's PDF: a kept one as it is served, and making one against the PDF maker alone."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

from documents.invoice_pdf import make_invoice_writer, write_invoice_html
from documents.pdf import close_documents, render_pdf
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.papers import get_invoice_content, get_invoice_pdf
from domain.kernel.actor import Actor, ActorKind
from models import Role
from models.session import Database, use_database
from proofs.ground import proving_database
from settings import load_settings

MANAGER = Actor(ActorKind.STAFF, 1, "Bench", Role.MANAGER)
LINES = 12


async def bench(*, rounds: int = 12) -> dict[str, float]:
    """Milliseconds each way, the median of some rounds; prints and returns the ratios."""
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

        async def bare() -> None:
            await render_pdf(html)

        await serve()  # makes and keeps it
        took = {name: await _measure(way, rounds) for name, way in (("kept", serve), ("made", make), ("bare", bare))}
        await database.close()
        close_documents()
    ratios = {
        "made against the PDF maker alone": took["made"] / took["bare"],
        "kept of made": took["kept"] / took["made"],
    }
    print("  " + ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in took.items()))
    for name, ratio in ratios.items():
        print(f"  an invoice of {LINES} lines: {ratio:.3f} {name}")
    return ratios


async def _measure(way: Callable[[], Awaitable[None]], rounds: int) -> float:
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        await way()
        found.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0)
    return statistics.median(found)
