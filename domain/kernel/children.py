"""Runs heavy computations in a child process, so that this process's event loop is not blocked."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


async def in_child(work: Callable[..., T], *given: Any) -> T:
    """Call `work(*given)` in a new child process and return its result.

    A thread starts the child and waits for it, because both would block the event loop.
    """
    return await asyncio.to_thread(_wait_for_child, work, *given)


def _wait_for_child(work: Callable[..., T], *given: Any) -> T:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(work, *given).result()
