"""Webhooks called by outside services."""

from quart import Blueprint

from api.webhooks import easypost, elevenlabs, stripe, twilio


def blueprints() -> list[Blueprint]:
    """Every blueprint of the webhooks."""
    return [easypost.blueprint, elevenlabs.blueprint, stripe.blueprint, twilio.blueprint]
