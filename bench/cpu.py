"""The CPU time of the PostgreSQL backends behind a program's connections: a busy machine leaves this figure alone."""

from pathlib import Path

import asyncpg
import psutil

_BACKENDS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ladle'
"""


class BackendCpu:
    """The CPU time of all backends that serve the program; parallel workers are not among them.

    It asks the kernel (`/proc/PID/schedstat`), so that nothing is measured where there is no such file.
    """

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids

    @classmethod
    async def of(cls, connection: asyncpg.Connection) -> "BackendCpu":
        """The backends that serve the program now, asked for over a connection of the bench's own."""
        return cls([row["pid"] for row in await connection.fetch(_BACKENDS)])

    def read(self) -> float:
        """Milliseconds of all of them since they started."""
        return sum(_read_milliseconds(pid) for pid in self._pids)


def read_family_cpu() -> float:
    """Milliseconds of this process and of all processes that it started and that live still."""
    own = psutil.Process()
    pids = [own.pid, *(child.pid for child in own.children(recursive=True))]
    tasks = (task for pid in pids for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(task.read_text().split()[0]) / 1e6 for task in tasks)


def _read_milliseconds(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/schedstat") as file:  # noqa: PTH123 - read a thousand times, and never blocked
            return int(file.read().split()[0]) / 1e6
    except FileNotFoundError:
        return 0.0
