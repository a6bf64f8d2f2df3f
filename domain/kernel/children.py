"""Heavy arithmetic in a process of its own, so that this one's event loop goes on."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


async def in_child(work: Callable[..., T], *given: Any) -> T:
    """Run the work in a fresh child process, and answer what it answers.

    A thread starts the child and waits for its end: both take a while in which the event loop goes on.
    """
    return await asyncio.to_thread(_wait_for_child, work, *given)


def _wait_for_child(work: Callable[..., T], *given: Any) -> T:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(work, *given).result()
