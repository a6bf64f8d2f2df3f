"""The link to a customer's page of one invoice: signed, good for a year and a month, and printed on the paper.

Nothing is kept of it, so that the same invoice always has the same page, whatever revision somebody holds.
"""

from datetime import timedelta

from itsdangerous import BadSignature

from domain.access.signing import TimedSerializer
from domain.kernel.errors import NotFound
from settings import Settings

LIFETIME = timedelta(days=400)
_SALT = "invoice page"


def make_invoice_url(invoice_id: int, *, settings: Settings) -> str:
    """The address of the page at which a customer sees and pays an invoice."""
    token = str(_serializer(settings).dumps(invoice_id))
    return f"{settings.public_url.rstrip('/')}/pay/invoice/{token}"


def ask_for_all(invoice_url: str) -> str:
    """The same address, whose page asks for all that its customer has open before it asks for this one."""
    return f"{invoice_url}?all=1"


def find_reminders_page(invoice_url: str) -> str:
    """The address of the page at which the invoice's customer turns reminders off."""
    return f"{invoice_url}/reminders"


def read_invoice_token(token: str, *, settings: Settings) -> int:
    """The id of the invoice that a link was made for; raises NotFound for one that is not ours or is over."""
    try:
        found = _serializer(settings).loads(token, max_age=int(LIFETIME.total_seconds()))
    except BadSignature:
        raise NotFound("This link is not one of ours, it is too old, or it was typed wrong.") from None
    return int(found)


def _serializer(settings: Settings) -> TimedSerializer:
    # The first key signs; links that an earlier one signed stay good while it is listed.
    return TimedSerializer(list(reversed(settings.secret_key.split(","))), salt=_SALT)
