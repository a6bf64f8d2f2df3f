"""Compares routes of the program with a route of the same app that does nothing."""

import statistics
from collections.abc import Mapping
from functools import partial

import asyncpg

from bench.load import measure, request_bytes
from proofs.ground import Server, free_port, staff_token

CLIENTS = 8
BARE = "/bench/bare"


async def compare_routes(
    url: str, connection: asyncpg.Connection, paths: Mapping[str, str], *, seconds: float, rounds: int
) -> dict[str, float]:
    """Request each path and the bare route for some seconds, in turns; print and return the ratios to the bare one."""
    token = await staff_token(connection)
    await connection.execute("VACUUM ANALYZE")
    server = Server(url, free_port(), app="bench.app:create_app")
    await server.start()
    rates: dict[str, list[float]] = {name: [] for name in (*paths, "bare")}
    try:
        for turn in range(rounds + 1):
            for name, path in (*paths.items(), ("bare", BARE)):
                ask = partial(request_bytes, "GET", path, Authorization=f"Bearer {token}")
                rate = await measure(server.port, ask, connections=CLIENTS, seconds=seconds)
                rates[name] += [rate] if turn else []  # the first turn warms up
    finally:
        await server.stop()
    best = {name: statistics.median(found) for name, found in rates.items()}
    ratios = {name: best[name] / best["bare"] for name in paths}
    print("  " + ", ".join(f"{name} {rate:.0f}/s" for name, rate in best.items()))
    for name, ratio in ratios.items():
        print(f"  {paths[name]}: {ratio:.3f} of a route that does nothing")
    return ratios
