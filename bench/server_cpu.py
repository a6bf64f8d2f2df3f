"""CPU seconds of a server process, which other load hardly affects."""

import asyncio
from pathlib import Path

import psutil

from proofs.ground import Server

# The share of a core below which a server counts as idle.
_IDLE_SHARE, _LOOKS_SECONDS = 0.05, 0.5


def cpu_seconds(server: Server) -> float:
    """CPU used by the server process so far, without its children; in nanoseconds if Linux provides them."""
    tasks = Path(f"/proc/{server.pid}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    except OSError:
        times = psutil.Process(server.pid).cpu_times()
        return float(times.user + times.system)


async def wait_until_idle(server: Server) -> None:
    """Wait until an idle server has finished its start-up work: loading the number words takes seconds."""
    spent = cpu_seconds(server)
    while True:
        await asyncio.sleep(_LOOKS_SECONDS)
        before, spent = spent, cpu_seconds(server)
        if spent - before < _IDLE_SHARE * _LOOKS_SECONDS:
            return
