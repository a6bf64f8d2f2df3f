"""ElevenLabs: list the conversations of an account, and fetch one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2

from integrations.errors import ServiceFailed, ServiceRefused, read_retry_after
from integrations.http import open_client, read_json_object

TIMEOUT_SECONDS = 20
PAGE_SIZE = 100
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class ElevenLabsAccount:
    """The account whose conversations are read."""

    api_key: str = field(repr=False)
    api_base: str


async def list_conversations(account: ElevenLabsAccount, *, since: datetime) -> list[str]:
    """Return the ids of the finished conversations that began at or after `since`, newest first."""
    found: list[str] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        asked = {"page_size": str(PAGE_SIZE), "call_start_after_unix": str(int(since.timestamp()))}
        page = await _get(account, "/v1/convai/conversations", asked | ({"cursor": cursor} if cursor else {}))
        listed = page.get("conversations")
        if not isinstance(listed, list):
            raise ServiceFailed("ElevenLabs answered with something that is not a list of conversations.")
        rows = [one for one in listed if isinstance(one, dict)]
        ids = [one.get("conversation_id") for one in rows if one.get("status") == "done"]
        found += [id_ for id_ in ids if isinstance(id_, str)]
        cursor = str(page.get("next_cursor") or "")
        if not page.get("has_more") or not cursor:
            break
    return found


async def fetch_conversation(account: ElevenLabsAccount, conversation_id: str) -> dict[str, Any]:
    """Return one conversation, in the form of the `data` of the post-call webhook."""
    return await _get(account, f"/v1/convai/conversations/{quote(conversation_id, safe='')}", {})


async def _get(account: ElevenLabsAccount, path: str, query: dict[str, str]) -> dict[str, Any]:
    url = f"{account.api_base.rstrip('/')}{path}"
    try:
        async with open_client(timeout_seconds=TIMEOUT_SECONDS) as http:
            answer = await http.get(url, params=query, headers={"xi-api-key": account.api_key})
    except httpx2.HTTPError as error:
        raise ServiceFailed(f"ElevenLabs could not be reached: {type(error).__name__}.") from error
    if answer.status_code in {401, 403, 404}:
        raise ServiceRefused(f"ElevenLabs refused us ({answer.status_code}).")
    if not answer.is_success:
        wait = read_retry_after(answer.headers.get("Retry-After"))
        raise ServiceFailed(f"ElevenLabs answered {answer.status_code}.", wait)
    body = read_json_object(answer)
    if body is None:
        raise ServiceFailed("ElevenLabs answered with something that is not a JSON object.")
    return body
