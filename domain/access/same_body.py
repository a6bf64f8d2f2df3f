"""When two JSON bodies are the same request: by what they say, not by their spaces or the order of their keys."""

import asyncio
import re

import orjson

from domain.kernel.long_bodies import LONG

# Two numbers of so many digits may be one and the same double.
_LONG_NUMBER = re.compile(rb"[\d.]{16}")


def write_canonical(body: bytes) -> bytes:
    """Bytes that JSON bodies of the same content alone have in common.

    A body that is no JSON, or holds a number too long for a double, is the same only as the same bytes.
    """
    if _LONG_NUMBER.search(body):
        return body
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body


async def read_canonical(body: bytes) -> bytes:
    """Like `write_canonical`, with a long body in a thread, so that other requests can proceed."""
    return write_canonical(body) if len(body) < LONG else await asyncio.to_thread(write_canonical, body)
