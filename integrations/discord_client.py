"""Discord: one call that posts to the webhook of a channel."""

import httpx2

from integrations.errors import ServiceFailed, ServiceRefused, read_retry_after
from integrations.http import open_client, read_json_object

TIMEOUT_SECONDS = 15
LONGEST_POST = 2000
# Used if the answer does not say how long to wait.
SHORTEST_WAIT_SECONDS = 1.0


async def post_message(webhook_url: str, *, text: str) -> None:
    """Post a text that mentions nobody. Raises ServiceRefused if the webhook does not exist any more, else
    ServiceFailed.

    If Discord says how long to wait, the error has it as `wait_seconds`.
    """
    content = text if len(text) <= LONGEST_POST else text[: LONGEST_POST - 1] + "…"
    try:
        async with open_client(timeout_seconds=TIMEOUT_SECONDS) as http:
            answer = await http.post(webhook_url, json={"content": content, "allowed_mentions": {"parse": []}})
    except httpx2.InvalidURL as error:
        raise ServiceRefused("The Discord webhook's address is not a URL.") from error
    except httpx2.HTTPError as error:
        # The address is a secret, so the library's message is not used.
        raise ServiceFailed(f"Discord could not be reached: {type(error).__name__}.") from error
    if answer.is_success:
        return
    if answer.status_code == 429:
        raise ServiceFailed("Discord answered 429.", _read_wait(answer))
    kind = ServiceRefused if answer.status_code in {400, 401, 403, 404} else ServiceFailed
    raise kind(f"Discord answered {answer.status_code}.")


def _read_wait(answer: httpx2.Response) -> float:
    """Return how many seconds Discord wants us to wait: by its header, else by its body, which has fractions."""
    in_body = (read_json_object(answer) or {}).get("retry_after")
    named = answer.headers.get("Retry-After") or answer.headers.get("X-RateLimit-Reset-After")
    return max(read_retry_after(named), read_retry_after(in_body)) or SHORTEST_WAIT_SECONDS
