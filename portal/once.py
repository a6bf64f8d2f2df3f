"""Repeated forms: if a form is sent twice, the second request waits for the first one's answer and gets the same."""

import asyncio
from collections.abc import Awaitable, Callable

from domain.access.idempotency import Claim, check_key, claim_key, hash_request, keep_answer
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from web.request import current_actor, db

WAIT_SECONDS, WAIT_STEP_SECONDS = 5.0, 0.25


async def do_once(form: str, key: str, body: str, act: Callable[[], Awaitable[str]]) -> str:
    """Do the act unless this form already did; then return its first answer. Raises what the act raises."""
    claim = Claim(current_actor().caller, form, check_key(key), hash_request(body.encode()))
    waited = 0.0
    while True:
        try:
            kept = await claim_key(db(), claim)
            break
        except Refused as refusal:
            if refusal.code != Code.REQUEST_IN_PROGRESS or waited >= WAIT_SECONDS:
                raise
            await asyncio.sleep(WAIT_STEP_SECONDS)
            waited += WAIT_STEP_SECONDS
    if kept is not None:
        return kept.body.decode()
    answer = await act()
    await keep_answer(db(), claim, 200, answer.encode())
    return answer
