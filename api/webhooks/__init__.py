"""The doors that outside companies call."""

from quart import Blueprint

from api.webhooks import easypost, elevenlabs, stripe, twilio


def blueprints() -> list[Blueprint]:
    """Every blueprint of the webhooks."""
    return [easypost.blueprint, elevenlabs.blueprint, stripe.blueprint, twilio.blueprint]
