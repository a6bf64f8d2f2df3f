"""Stripe's own checkout, opened from the pay page by a button, so that mail scanners which follow links start nothing.

The link's token is neither sent to Stripe nor stored with the parameters; the browser keeps it until it returns.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.payments.ask import ask_checkout
from domain.payments.card import METHODS
from domain.payments.find_order import lock_payable_order
from domain.payments.intents import UNPAID, expect_end, make_intent
from domain.payments.pay_link import PayPage, get_pay_page, payer_actor
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from integrations.stripe_client import CURRENCY, StripeAccount, to_cents
from models import IntentKind, IntentState, StripeIntent
from models.session import current_database, separate_transaction
from settings import Settings

# Stripe allows 30 minutes to 24 hours. The margins allow for differing clocks.
_SHORTEST = timedelta(minutes=31)
LONGEST = timedelta(hours=23, minutes=55)


async def open_checkout(token: str, *, settings: Settings) -> str:
    """Return the URL of Stripe's page for the holder of a link; the same one while it is open.

    Raises Refused if the link is over, and OutsideServiceFailed if Stripe does not answer.
    """
    account = get_stripe(settings)
    try:
        intent = await _prepare(token, settings)
    except IntegrityError:
        # The button was pressed twice at once; the first press created it.
        intent = await _prepare(token, settings)
    with stripe_errors_as_refusals():
        session = await ask_checkout(intent, account)
    if not session.url:
        raise Refused("This payment was already made or closed. Reload the page.", code=Code.CHECKOUT_CLOSED)
    return session.url


async def _prepare(token: str, settings: Settings) -> StripeIntent:
    """Commit the intent with its key, or find the open one for this link."""
    async with separate_transaction() as db:
        page = await get_pay_page(db, token)
        by = payer_actor(page)
        order = await lock_payable_order(db, page.order_number, visible_to=SYSTEM)
        # Read again under the lock, because the balance may have changed.
        page = await get_pay_page(db, token)
        if not page.is_open:
            raise Refused("This link is no longer valid. Reload the page.", code=Code.LINK_OVER)
        if not page.suits_cards:
            raise Refused("Card payments start at $0.50.", code=Code.TOO_SMALL)
        if (open_one := await _find_open(db, page)) is not None:
            return open_one
        intent = make_intent(
            IntentKind.CHECKOUT,
            page.balance,
            parameters={},
            by=by,
            order_id=page.order_id,
            customer_id=order.customer_id,
            pay_link_id=page.link_id,
        )
        intent.parameters = _parameters(page, intent.idempotency_key, settings)
        db.add(intent)
        await db.flush()
        return intent


async def _find_open(db: AsyncSession, page: PayPage) -> StripeIntent | None:
    return (
        await db.execute(
            select(StripeIntent).where(
                StripeIntent.pay_link_id == page.link_id,
                StripeIntent.kind == IntentKind.CHECKOUT,
                StripeIntent.state.in_(UNPAID),
            )
        )
    ).scalar_one_or_none()


def _parameters(page: PayPage, key: str, settings: Settings) -> dict[str, object]:
    """Return what Stripe's page asks for and shows. The metadata is on both the session and its payment."""
    back = f"{settings.public_url.rstrip('/')}/pay/back"
    metadata = {"order_number": page.order_number, "intent_key": key}
    parameters: dict[str, object] = {
        "mode": "payment",
        "client_reference_id": page.order_number,
        "allowed_payment_method_types": METHODS,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": CURRENCY,
                    "unit_amount": to_cents(page.balance),
                    "product_data": {"name": f"Order {page.order_number}"},
                },
            }
        ],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": f"Order {page.order_number}"},
        "success_url": f"{back}?paid=1",
        "cancel_url": back,
        "expires_at": int(_choose_end(page.expires_at).timestamp()),
    }
    if page.email:
        parameters["customer_email"] = page.email
    return parameters


def _choose_end(link_ends_at: datetime) -> datetime:
    """Return the link's own expiry, within Stripe's limits."""
    return min(max(link_ends_at, now() + _SHORTEST), now() + LONGEST)


async def ask_about_link(token: str, *, settings: Settings) -> None:
    """Ask Stripe about the checkouts of a link, when its holder returns from Stripe's page."""
    async with current_database().session() as db:
        page = await get_pay_page(db, token)
        rows = await db.execute(
            select(StripeIntent).where(
                StripeIntent.pay_link_id == page.link_id,
                StripeIntent.provider_id.is_not(None),
                StripeIntent.state.in_((*UNPAID, IntentState.PENDING)),
            )
        )
        intents = list(rows.scalars())
    account: StripeAccount = get_stripe(settings)
    with stripe_errors_as_refusals():
        for intent in intents:
            assert intent.provider_id is not None  # guaranteed by the query
            async with separate_transaction() as db:
                await expect_end(db, intent.provider_id)
            await ask_checkout(intent, account)
