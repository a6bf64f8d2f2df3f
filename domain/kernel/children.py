"""Heavy arithmetic in a process of its own, so that this one's event loop goes on."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


async def in_child(work: Callable[..., T], *given: Any) -> T:
    """Run the work in a fresh child process, and answer what it answers."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *given)
