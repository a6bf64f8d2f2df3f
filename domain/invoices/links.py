"""The link to a customer's page of one invoice: signed, valid for 400 days, and printed on the invoice.

Nothing is stored, so the same invoice always has the same page, whichever revision somebody has.
"""

from datetime import timedelta

from itsdangerous import BadSignature

from domain.access.signing import TimedSerializer
from domain.kernel.errors import NotFound
from settings import Settings

LIFETIME = timedelta(days=400)
_SALT = "invoice page"


def make_invoice_url(invoice_id: int, *, settings: Settings) -> str:
    """Return the URL of the page where a customer sees and pays an invoice."""
    token = str(_serializer(settings).dumps(invoice_id))
    return f"{settings.public_url.rstrip('/')}/pay/invoice/{token}"


def ask_for_all(invoice_url: str) -> str:
    """Return the same URL, whose page first offers to pay all of the customer's open invoices."""
    return f"{invoice_url}?all=1"


def find_reminders_page(invoice_url: str) -> str:
    """Return the URL of the page where the invoice's customer turns reminders off."""
    return f"{invoice_url}/reminders"


def read_invoice_token(token: str, *, settings: Settings) -> int:
    """Return the id of the invoice of a link. Raises NotFound if the token is invalid or expired."""
    try:
        found = _serializer(settings).loads(token, max_age=int(LIFETIME.total_seconds()))
    except BadSignature:
        raise NotFound("This link is not valid: it is too old, or it was copied incorrectly.") from None
    return int(found)


def _serializer(settings: Settings) -> TimedSerializer:
    # The first key signs; links signed with an older one remain valid while it is listed.
    return TimedSerializer(list(reversed(settings.secret_key.split(","))), salt=_SALT)
