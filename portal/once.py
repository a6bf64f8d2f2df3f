"""Repeated forms: if a form is sent twice, the second request waits for the first one's answer and gets the same."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from domain.access.idempotency import Claim, check_key, claim_key, hash_request, keep_answer
from domain.kernel.codes import Code
from domain.kernel.errors import KeyReused, Refused
from portal.attempts import Attempt, InputT, attempt
from web.reading import form_pairs
from web.request import current_actor, db

WAIT_SECONDS, WAIT_STEP_SECONDS = 5.0, 0.25
KEY = "form_key"
# Fields that differ between two sendings of the same form.
_PASSING = {KEY, "csrf_token", "step", "act"}


async def attempt_once(form: str, model: type[InputT], act: Callable[[InputT], Awaitable[str]]) -> Attempt[str]:
    """Like `attempt`, for a form with `ui.once`: sent again, it does nothing and gets the first result.

    Use it for an act that adds something and that no version of a record protects from being done twice.
    """
    pairs = await form_pairs()
    key = pairs.get(KEY, [""])[-1] or new_form_key()
    body = repr(sorted((name, values) for name, values in pairs.items() if name not in _PASSING))

    async def once(data: InputT) -> str:
        try:
            return await do_once(form, key, body, lambda: act(data))
        except KeyReused:
            raise KeyReused(
                "This form was sent before, with other values. See what was recorded, then open the form again."
            ) from None

    return await attempt(model, once)


def new_form_key() -> str:
    """A key under which a form is done once."""
    return secrets.token_urlsafe(18)


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
