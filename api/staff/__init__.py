"""The JSON doors of the staff."""

from quart import Blueprint


def blueprints() -> list[Blueprint]:
    """Every blueprint of the staff's JSON doors."""
    return []
