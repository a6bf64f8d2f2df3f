"""The calling list, 50 of 50,000 entries by score, against a route of the same app that does nothing."""

import statistics
from functools import partial

from bench.load import measure, request_bytes
from models.postgres.connect import connect
from proofs.ground import Server, free_port, proving_database, staff_token

ENTRIES = 50_000
CLIENTS = 8
PATHS = {
    "served": "/api/sales/calling-list",
    "segments": "/api/sales/calling-list/segments",
    "bare": "/bench/bare",
}
_ENTRIES = """
INSERT INTO calling_entry (phone, company_name, base_score, priority_score)
SELECT '+1312' || lpad((2000000 + n)::text, 7, '0'), 'Bistro ' || n, n % 100, n % 100 FROM generate_series(1, $1) AS n
"""


async def bench(*, seconds: float = 4.0, rounds: int = 3, entries: int = ENTRIES) -> dict[str, float]:
    """Answers a second each way, in turns; prints and returns the ratios."""
    async with proving_database() as url:
        setup = await connect(url)
        await setup.execute(_ENTRIES, entries)
        token = await staff_token(setup)
        await setup.execute("VACUUM ANALYZE")
        server = Server(url, free_port(), app="bench.app:create_app")
        await server.start()
        rates: dict[str, list[float]] = {name: [] for name in PATHS}
        try:
            for turn in range(rounds + 1):
                for name, path in PATHS.items():
                    ask = partial(request_bytes, "GET", path, Authorization=f"Bearer {token}")
                    rate = await measure(server.port, ask, connections=CLIENTS, seconds=seconds)
                    rates[name] += [rate] if turn else []  # the first turn warms up
        finally:
            await server.stop()
            await setup.close()
    best = {name: statistics.median(found) for name, found in rates.items()}
    ratios = {name: best[name] / best["bare"] for name in ("served", "segments")}
    print("  " + ", ".join(f"{name} {rate:.0f}/s" for name, rate in best.items()))
    for name, ratio in ratios.items():
        print(f"  {PATHS[name]}: {ratio:.3f} of a route that does nothing")
    return ratios
