"""Importing a CSV file of 20,000 customers, every row checked and looked up, against COPY of the same file."""

import statistics
import time
from io import BytesIO

from domain.imports import books
from domain.imports.from_api import import_later
from domain.imports.run import run_import
from domain.kernel.actor import Actor, ActorKind
from models import Role
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import proving_database, staff_token
from proofs.imports import write_customers
from settings import load_settings

CUSTOMERS = 20_000
MANAGER = Actor(ActorKind.STAFF, 1, "Bench", Role.MANAGER)
COLUMNS = [
    "company_name", "first_name", "last_name", "email", "phone", "shipping_street", "shipping_city", "shipping_state",
    "shipping_zip", "username",
]  # fmt: skip


async def bench(*, rounds: int = 3, customers: int = CUSTOMERS) -> dict[str, float]:
    """Measure rows per second both ways, in turns, each into an empty table; print and return the ratio."""
    rows = list(write_customers(customers))
    book = "".join(rows).encode()
    # COPY looks nothing up and can't generate usernames, so each row has one; bad rows are copied too.
    plain = "".join(f"{row.rstrip()},bench{number}\n" for number, row in enumerate(rows[1:])).replace("nobody@", "")
    rates: dict[str, list[float]] = {"import": [], "copy": []}
    async with proving_database() as url:
        setup, database = await connect(url), Database(url, pool_size=2)
        await staff_token(setup)
        use_database(database)
        for turn in range(rounds + 1):
            for name in rates:
                await setup.execute("TRUNCATE customer, import_run CASCADE")
                started = time.monotonic()
                if name == "copy":
                    await setup.copy_to_table(
                        "customer", source=BytesIO(plain.encode()), columns=COLUMNS, format="csv",
                        force_null=["email"],
                    )  # fmt: skip
                else:
                    run_id = await import_later(books.CUSTOMERS, BytesIO(book), "bench.csv", by=MANAGER)
                    await run_import(run_id, timezone=load_settings().timezone)
                spent = time.monotonic() - started
                rates[name] += [customers / spent] if turn else []  # the first turn warms up
        await database.close()
        await setup.close()
    best = {name: statistics.median(found) for name, found in rates.items()}
    print("  " + ", ".join(f"{name} {rate:,.0f} rows/s" for name, rate in best.items()))
    print(f"  csv_import: {best['import'] / best['copy']:.3f} of COPY FROM")
    return {"csv_import": best["import"] / best["copy"]}
