"""A worker process for the tests: its jobs note each start in a file, and some of them kill it.

Run as: python -m tests.tasks.worker_that_dies DATABASE_URL FILE
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from models.session import Database, use_database
from settings import Settings
from tasks.job import Work, job
from tasks.worker import work_until

NOTES = Path(sys.argv[2])


def has_begun(word: str) -> bool:
    return NOTES.exists() and word in NOTES.read_text()


def note(word: str) -> None:
    with NOTES.open("a") as file:
        file.write(f"{word}\n")


@job("half_way")
async def half_way(work: Work) -> dict[str, bool]:
    """Waits for its killer the first time, and comes to its end the second."""
    already = has_begun("half_way")
    note("half_way")
    if not already:
        await asyncio.sleep(600)
    return {"done": True}


@job("killer")
async def killer(work: Work) -> None:
    """Kills its worker, always."""
    note("killer")
    os.kill(os.getpid(), signal.SIGKILL)


@job("slow")
async def slow(work: Work) -> None:
    """Never ends by itself."""
    note("slow")
    await asyncio.sleep(600)


@job("steady")
async def steady(work: Work) -> None:
    """Takes a moment and ends."""
    note("steady began")
    await asyncio.sleep(0.5)
    note("steady ended")


async def main() -> None:
    use_database(Database(sys.argv[1], pool_size=4))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    settings = Settings(_env_file=None)
    await work_until(stopping, settings, heartbeat_seconds=1.0, grace_seconds=1.0)


asyncio.run(main())
