"""Asks a vendor about many things, a few at a time, so that it is not overloaded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

AT_ONCE = 4
T = TypeVar("T")
R = TypeVar("R")


async def in_turns(things: Iterable[T], ask: Callable[[T], Awaitable[R]]) -> AsyncIterator[tuple[T, R]]:
    """Yield each thing with its result, in order. An error is raised when its thing is reached."""
    waiting = list(things)
    for begin in range(0, len(waiting), AT_ONCE):
        turn = waiting[begin : begin + AT_ONCE]
        answers = await asyncio.gather(*(ask(thing) for thing in turn), return_exceptions=True)
        for thing, answer in zip(turn, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            yield thing, answer
