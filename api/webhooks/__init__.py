"""The doors that outside companies call."""

from quart import Blueprint

from api.webhooks import stripe


def blueprints() -> list[Blueprint]:
    """Every blueprint of the webhooks."""
    return [stripe.blueprint]
