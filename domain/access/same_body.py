"""Compares the JSON bodies of requests by content, regardless of whitespace and the order of keys."""

import asyncio
import re

import orjson

from domain.kernel.long_bodies import LONG

# Different numbers with this many digits may be the same double.
_LONG_NUMBER = re.compile(rb"[\d.]{16}")


def write_canonical(body: bytes) -> bytes:
    """Return bytes that are equal for JSON bodies with the same content, and for those only.

    A body that is not JSON, or has a number too long for a double, is returned unchanged.
    """
    if _LONG_NUMBER.search(body):
        return body
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body


async def read_canonical(body: bytes) -> bytes:
    """Like `write_canonical`, but processes a long body in a thread, so that other requests can proceed."""
    return write_canonical(body) if len(body) < LONG else await asyncio.to_thread(write_canonical, body)
