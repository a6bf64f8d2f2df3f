"""The doors of voice agents: the tools that they call, and the calls that they leave behind."""

from quart import Blueprint

from api.voice import outbound, review, tools


def blueprints() -> list[Blueprint]:
    """Every blueprint of the voice doors."""
    return [outbound.blueprint, review.blueprint, tools.blueprint]
