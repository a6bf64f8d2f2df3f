"""The calling list, 50 of 50,000 entries by score, against a route of the same app that does nothing."""

from bench.routes import compare_routes
from postgres.connect import connect
from proofs.ground import proving_database

ENTRIES = 50_000
PATHS = {
    "served": "/api/sales/calling-list",
    "segments": "/api/sales/calling-list/segments",
}
_ENTRIES = """
INSERT INTO calling_entry (phone, company_name, base_score, priority_score)
SELECT '+1312' || lpad((2000000 + n)::text, 7, '0'), 'Bistro ' || n, n % 100, n % 100 FROM generate_series(1, $1) AS n
"""


async def bench(*, seconds: float = 4.0, rounds: int = 3, entries: int = ENTRIES) -> dict[str, float]:
    """Measure answers per second both ways, in turns; print and return the ratios."""
    async with proving_database() as url:
        setup = await connect(url)
        await setup.execute(_ENTRIES, entries)
        try:
            return await compare_routes(url, setup, PATHS, seconds=seconds, rounds=rounds)
        finally:
            await setup.close()
