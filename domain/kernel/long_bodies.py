"""JSON bodies of any length: reading 5,000 rows takes as long as a hundred requests, which need not wait for it."""

import asyncio
from datetime import UTC, tzinfo

from domain.kernel.inputs import LEAST_PASSWORD, InputT, read_json

LONG = 50_000


async def read_body(
    model: type[InputT], raw: bytes, *, timezone: tzinfo = UTC, least_password: int = LEAST_PASSWORD
) -> InputT:
    """As `read_json`; a body of many bytes is read in a thread, so that others have their turn."""
    if len(raw) < LONG:
        return read_json(model, raw, timezone=timezone, least_password=least_password)
    return await asyncio.to_thread(read_json, model, raw, timezone=timezone, least_password=least_password)
