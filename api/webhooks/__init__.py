"""The doors that outside companies call."""

from quart import Blueprint

from api.webhooks import easypost, elevenlabs, stripe


def blueprints() -> list[Blueprint]:
    """Every blueprint of the webhooks."""
    return [easypost.blueprint, elevenlabs.blueprint, stripe.blueprint]
