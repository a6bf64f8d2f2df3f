"""The program taking payments before a browser: its Stripe on loopback, and a phone that finds Stripe’s page there."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from playwright.async_api import Browser, Page

from domain.kernel.actor import GUEST, SYSTEM
from domain.payments.pay_link import CreatePayLink, MadeLink, create_pay_link
from proofs.ground import Server, free_port
from settings import Settings
from tests.browser.browsing import Launch, Portal, browsing
from tests.factories import make_product
from tests.factories.orders import make_order
from tests.fakes.stripe_page import HOST, checkout_page
from tests.fakes.stripe_server import FakeStripe, with_stripe

CHECKOUT = re.compile(rf"https://{re.escape(HOST)}/c/pay/cs_test_\w+")


@dataclass
class Till:
    """The program taking payments, the Stripe that it asks, and the phone that finds Stripe's page."""

    portal: Portal
    stripe: FakeStripe
    settings: Settings
    phone: Browser

    async def make_link(self) -> MadeLink:
        """A link to the pay page of a new guest's order of $65.00."""
        async with self.portal.writing() as db:
            placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=GUEST)
            data = CreatePayLink(order_number=placed.written.order_number)
            return await create_pay_link(db, data, by=SYSTEM, settings=self.settings)

    def open_phone(self, *, java_script: bool = True) -> AbstractAsyncContextManager[Page]:
        """A page as wide as a phone, which takes the certificate of our own checkout.stripe.com."""
        size = {"width": 390, "height": 844}
        return browsing(self.phone, viewport=size, ignore_https_errors=True, java_script_enabled=java_script)

    async def read_order(self, link: MadeLink) -> tuple[str, str, str]:
        """The order's payment status, its status and what is paid of it."""
        row = await self.portal.raw.fetchrow(
            "SELECT payment_status, status, amount_paid::text FROM orders WHERE id = $1", link.order_id
        )
        return tuple(row)

    async def list_payments(self, link: MadeLink) -> list[tuple[str, str]]:
        """The amounts of the order's payments and how they were made."""
        rows = await self.portal.raw.fetch(
            "SELECT amount::text, method FROM payment WHERE order_id = $1 ORDER BY id", link.order_id
        )
        return [tuple(row) for row in rows]


@asynccontextmanager
async def open_till(
    portal: Portal, settings: Settings, launch: Launch, secrets: dict[str, str], folder: Path
) -> AsyncIterator[Till]:
    """A second server on the portal's database, which has a Stripe; its page's certificate is made in the folder."""
    fake = FakeStripe()
    await fake.start()
    server = Server(portal.database.url, free_port())
    paying = with_stripe(settings, fake).model_copy(update={"public_url": server.url})
    server.extra = secrets | {
        "PUBLIC_URL": paying.public_url,
        "STRIPE_SECRET_KEY": paying.stripe_secret_key,
        "STRIPE_API_BASE": paying.stripe_api_base,
    }
    async with checkout_page(fake, folder) as port:
        phone = await launch(
            "--no-proxy-server",
            f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        )
        try:
            await server.start()
            yield Till(replace(portal, url=server.url), fake, paying, phone)
        finally:
            await server.stop()
            await phone.close()
    await fake.stop()
