"""The API for voice agents: their tools, and their finished calls."""

from quart import Blueprint

from api.voice import outbound, review, tools


def blueprints() -> list[Blueprint]:
    """Every blueprint of the voice API."""
    return [outbound.blueprint, review.blueprint, tools.blueprint]
