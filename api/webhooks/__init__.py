"""The doors that outside companies call."""

from quart import Blueprint


def blueprints() -> list[Blueprint]:
    """Every blueprint of the webhooks."""
    return []
