"""CPU seconds of a server process: what a busy machine does to a clock, it hardly does to them."""

import asyncio
from pathlib import Path

import psutil

from proofs.ground import Server

# So small a share of a core is what an idle server takes.
_IDLE_SHARE, _LOOKS_SECONDS = 0.05, 0.5


def cpu_seconds(server: Server) -> float:
    """What the server's process has used so far, its children not counted; to the nanosecond where Linux says it."""
    assert server.process is not None
    tasks = Path(f"/proc/{server.process.pid}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    except OSError:
        times = psutil.Process(server.process.pid).cpu_times()
        return float(times.user + times.system)


async def wait_until_idle(server: Server) -> None:
    """Wait until a server that nobody asks has done what it does behind its start: words for numbers take seconds."""
    spent = cpu_seconds(server)
    while True:
        await asyncio.sleep(_LOOKS_SECONDS)
        before, spent = spent, cpu_seconds(server)
        if spent - before < _IDLE_SHARE * _LOOKS_SECONDS:
            return
