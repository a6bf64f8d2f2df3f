"""The Stripe account in use, and how Stripe's errors are reported to the caller."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.kernel.codes import Code
from domain.kernel.errors import NotConfigured, OutsideServiceFailed, Refused
from integrations.errors import ServiceFailed
from integrations.stripe_client import Busy, KeyRefused, StillRunning, StripeAccount, StripeRefused
from settings import Settings


def get_stripe(settings: Settings, *, retries: int = 0) -> StripeAccount:
    """Return this installation's Stripe account. Raises NotConfigured naming the missing setting."""
    if not settings.stripe_secret_key:
        raise NotConfigured("Card payments are not set up here: the setting STRIPE_SECRET_KEY is missing.")
    return StripeAccount(settings.stripe_secret_key, settings.stripe_api_base, retries)


@contextmanager
def stripe_errors_as_refusals() -> Iterator[None]:
    """Convert a failure of Stripe into a refusal that a person can act on."""
    try:
        yield
    except StripeRefused as error:
        raise OutsideServiceFailed(f"Stripe refused: {error}", code=Code.STRIPE_REFUSED) from error
    except KeyRefused as error:
        raise OutsideServiceFailed(
            "Stripe refused our key; the setting STRIPE_SECRET_KEY is wrong.", code=Code.STRIPE_KEY_REFUSED
        ) from error
    except StillRunning as error:
        raise Refused(
            "The same request is still running. Try again in a moment.", code=Code.REQUEST_IN_PROGRESS
        ) from error
    except Busy as error:
        raise OutsideServiceFailed("Stripe is busy. Try again in a moment.", code=Code.STRIPE_BUSY) from error
    except ServiceFailed as error:
        raise OutsideServiceFailed(
            "Stripe did not answer. You can try again; nothing is charged twice.", code=Code.STRIPE_UNKNOWN
        ) from error
