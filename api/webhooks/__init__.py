"""The doors that outside companies call."""

from quart import Blueprint

from api.webhooks import easypost, stripe


def blueprints() -> list[Blueprint]:
    """Every blueprint of the webhooks."""
    return [easypost.blueprint, stripe.blueprint]
