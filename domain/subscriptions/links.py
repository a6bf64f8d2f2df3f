"""The link to a customer's page of one subscription: signed, valid for 60 days, for emails and texts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.access.signing import TimedSerializer
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.messages.outbox import Secret, queue_mail, queue_text
from domain.payments.pay_link import SendBy
from domain.subscriptions.enrol import find_subscription, note_change
from domain.subscriptions.letters import write_link
from models import AuditAction, Product, Subscription, SubscriptionStatus
from settings import Settings

LIFETIME = timedelta(days=60)
_SALT = "subscription page"


@dataclass(frozen=True, slots=True)
class SubscriptionLink:
    """A link and its expiry."""

    url: str
    expires_at: datetime

    @property
    def secret(self) -> Secret:
        """The part of a message that opens the page."""
        return Secret(self.url.rpartition("/")[2], self.expires_at)


def make_subscription_link(subscription_id: int, *, settings: Settings) -> SubscriptionLink:
    """Return the URL of the page where a customer changes a subscription and replaces its card."""
    token = str(_serializer(settings).dumps(subscription_id))
    return SubscriptionLink(f"{settings.public_url.rstrip('/')}/pay/sub/{token}", now() + LIFETIME)


def read_subscription_token(token: str, *, settings: Settings) -> tuple[int, datetime]:
    """Return the subscription's id of a link and its expiry. Raises NotFound if the token is invalid or expired."""
    try:
        found, made_at = _serializer(settings).loads(
            token, max_age=int(LIFETIME.total_seconds()), return_timestamp=True
        )
    except BadSignature:
        raise NotFound("This link is not valid: it is too old, or it was copied incorrectly.") from None
    return int(found), made_at + LIFETIME


async def send_subscription_link(
    db: AsyncSession, subscription_id: int, *, way: SendBy, by: Actor, settings: Settings
) -> str:
    """Email or text the link to the subscription's recipient. Returns the address it was sent to.

    Raises NotFound, Refused for a cancelled subscription, and InvalidInput without an address.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    subscription = await find_subscription(db, subscription_id, visible_to=by, lock=True)
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled and can't be changed.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    to = subscription.delivery_phone if way is SendBy.TEXT else subscription.delivery_email
    if not to:
        raise InvalidInput("The subscription has no phone number.", fields={"way": "needs a phone number"})
    await queue_link(db, subscription, way=way, to=to, settings=settings)
    await note_change(db, subscription, AuditAction.SUBSCRIPTION_LINK_SENT, by=by, after={"to": to})
    return to


async def queue_link(db: AsyncSession, subscription: Subscription, *, way: SendBy, to: str, settings: Settings) -> None:
    """Queue the message with the link; if the subscription waits for a card, the message asks for it."""
    link = make_subscription_link(subscription.id, settings=settings)
    name = await db.scalar(select(Product.name).where(Product.id == subscription.product_id)) or ""
    what, company = f"{subscription.quantity} × {name} every {subscription.interval_days} days", settings.company_name
    is_new = not subscription.stripe_payment_method_id
    more = {"to": to, "customer_id": subscription.customer_id, "secret": link.secret}
    if way is SendBy.TEXT:
        wish = "Save a card or bank account to start" if is_new else "Change or pause it, or use another card"
        text = f"{company}: {what}. {wish}: {link.url}"
        await queue_text(db, kind="subscription_link", text=text, **more)  # type: ignore[arg-type]
        return
    letter = write_link(name, subscription.quantity, subscription.interval_days, link.url, company, is_new=is_new)
    await queue_mail(db, letter, **more)  # type: ignore[arg-type]


def _serializer(settings: Settings) -> TimedSerializer:
    # The first key signs; links signed with an earlier key stay valid while that key is listed.
    return TimedSerializer(list(reversed(settings.secret_key.split(","))), salt=_SALT)
