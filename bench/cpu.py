"""The CPU time of the PostgreSQL backends of a program's connections, which other load hardly affects."""

import resource
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil

_BACKENDS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ladle'
"""


class BackendCpu:
    """The CPU time of all backends that serve the program, without parallel workers.

    Reads `/proc/PID/schedstat`; without this file nothing is measured.
    """

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids

    @classmethod
    async def of(cls, connection: asyncpg.Connection) -> "BackendCpu":
        """The backends that currently serve the program, read over a separate connection."""
        return cls([row["pid"] for row in await connection.fetch(_BACKENDS)])

    def read(self) -> float:
        """Milliseconds of all of them since they started."""
        return sum(_read_milliseconds(pid) for pid in self._pids)


def read_family_cpu(pid: int | None = None) -> float:
    """Milliseconds of a process, by default this one, and of its running child processes."""
    own = psutil.Process(pid)
    pids = [own.pid, *(child.pid for child in own.children(recursive=True))]
    tasks = (task for pid in pids for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(task.read_text().split()[0]) / 1e6 for task in tasks)


def read_database_cpu(backend: int) -> float:
    """Milliseconds of the whole PostgreSQL server to which this backend belongs, including backends that ended."""
    postmaster = psutil.Process(psutil.Process(backend).ppid())
    running = 0.0
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):  # It ended just now.
            times = process.cpu_times()
            running += times.user + times.system
    ended = postmaster.cpu_times()
    return (ended.children_user + ended.children_system + running) * 1000


def read_ended_children_cpu() -> float:
    """Milliseconds of the child processes of this one that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (spent.ru_utime + spent.ru_stime) * 1000


def _read_milliseconds(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/schedstat") as file:  # noqa: PTH123 - read a thousand times, and never blocked
            return int(file.read().split()[0]) / 1e6
    except FileNotFoundError:
        return 0.0
