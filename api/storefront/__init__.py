"""The doors of the customers' shop."""

from quart import Blueprint


def blueprints() -> list[Blueprint]:
    """Every blueprint of the shop."""
    return []
