"""Reads long JSON bodies in a thread: 5,000 rows take as long as a hundred requests, which must not wait for them."""

import asyncio
from datetime import UTC, tzinfo

from domain.kernel.inputs import LEAST_PASSWORD, InputT, read_json

LONG = 50_000


async def read_body(
    model: type[InputT], raw: bytes, *, timezone: tzinfo = UTC, least_password: int = LEAST_PASSWORD
) -> InputT:
    """Like `read_json`, but a body of LONG bytes or more is read in a thread, so that other requests can proceed."""
    if len(raw) < LONG:
        return read_json(model, raw, timezone=timezone, least_password=least_password)
    return await asyncio.to_thread(read_json, model, raw, timezone=timezone, least_password=least_password)
