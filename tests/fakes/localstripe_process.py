"""localstripe, a Stripe that others wrote, served on loopback: `python -m tests.fakes.localstripe_process --port N`.

localstripe 1.15 speaks an older Stripe than our client and refuses every parameter that it does not know. It is taught
these, and how it charges, declines and refunds stays its own:

- `allowed_payment_method_types` of a PaymentIntent, the name since SDK 16 of the `payment_method_types` that it knows;
- `description` and `receipt_email` of a PaymentIntent and `reason` of a refund, which it keeps and shows again;
- `amount_received` in its answers about a PaymentIntent, which it left out: the amount of a charge that succeeded.

It answers on 127.0.0.1 only, where its own start would answer everywhere, and it keeps nothing on the disk, where its
own store would write one file in /tmp for every run on the machine.

What it cannot do, so that our own loopback Stripe (`stripe_server`) alone is tested with it: Checkout Sessions, bank
payments in the United States, disputes and faults. It ignores idempotency keys, so a lost answer cannot be asked for
again. It does not list PaymentIntents by their time, does not take another card for a PaymentIntent that was declined,
sends events about PaymentIntents only, and gives back more than was charged when it is asked to.
"""

import argparse
import logging
from typing import Any

from aiohttp import web
from localstripe import resources, server

NEW_NAMES = {"allowed_payment_method_types": "payment_method_types"}
KEPT = {resources.PaymentIntent: {"description", "receipt_email"}, resources.Refund: {"reason"}}


def teach() -> None:
    """Make localstripe accept our client's requests and return what it reads."""
    for kind, kept in KEPT.items():
        _accept(kind, kept)
    resources.PaymentIntent.amount_received = property(_count_received)
    resources.Store.dump_to_disk = lambda _: None


def _accept(kind: Any, kept: set[str]) -> None:
    create = kind._api_create.__func__

    def create_with_more(cls: Any, /, **data: Any) -> Any:
        known = {NEW_NAMES.get(name, name): value for name, value in data.items() if name not in kept}
        made = create(cls, **known)
        for name in kept & data.keys():
            setattr(made, name, data[name])
        return made

    kind._api_create = classmethod(create_with_more)


def _count_received(payment: Any) -> int:
    return int(payment.latest_charge.amount) if payment.status == "succeeded" else 0


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    teach()
    logging.basicConfig(level=logging.WARNING)
    web.run_app(server.app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main()
