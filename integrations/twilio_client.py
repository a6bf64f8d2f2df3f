"""Twilio: one call that sends a text message."""

from dataclasses import dataclass, field

import httpx2

from integrations.errors import ServiceFailed, ServiceRefused, Unsubscribed, read_retry_after
from integrations.http import open_client, read_json_object

TIMEOUT_SECONDS = 15
# Not a mobile number, or not reachable by this sender: permanent, like a number that was unsubscribed by STOP.
FOR_GOOD = {21211, 21214, 21217, 21408, 21612, 21614}
UNSUBSCRIBED = 21610


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """The account that sends; `sender` is an E.164 number or a messaging service (MG…)."""

    sid: str
    token: str = field(repr=False)
    sender: str
    api_base: str


async def send_text(account: TwilioAccount, *, to: str, text: str) -> str:
    """Send one text and return its id at Twilio.

    Raises ServiceRefused for a number that can't receive texts, Unsubscribed for one that replied STOP.
    """
    sender = "MessagingServiceSid" if account.sender.startswith("MG") else "From"
    url = f"{account.api_base.rstrip('/')}/2010-04-01/Accounts/{account.sid}/Messages.json"
    try:
        async with open_client(timeout_seconds=TIMEOUT_SECONDS) as http:
            answer = await http.post(
                url, data={"To": to, sender: account.sender, "Body": text}, auth=(account.sid, account.token)
            )
    except httpx2.HTTPError as error:
        raise ServiceFailed(f"Twilio could not be reached: {type(error).__name__}.") from error
    body = read_json_object(answer)
    if body is None:
        raise ServiceFailed(f"Twilio answered {answer.status_code} with something that is not JSON.")
    if answer.is_success and isinstance(body.get("sid"), str):
        return str(body["sid"])
    code = body.get("code")
    kind = Unsubscribed if code == UNSUBSCRIBED else ServiceRefused if code in FOR_GOOD else ServiceFailed
    words = f"Twilio refused ({code or answer.status_code}): {body.get('message') or 'no reason given'}"
    raise kind(words, _read_wait(answer))


def _read_wait(answer: httpx2.Response) -> float:
    """Return how many seconds Twilio wants us to wait; 0 unless there were too many requests."""
    return read_retry_after(answer.headers.get("Retry-After"), otherwise=1) if answer.status_code == 429 else 0
