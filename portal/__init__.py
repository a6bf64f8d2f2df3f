"""The staff portal: server-rendered pages, quick with htmx, whole without it."""

from quart import Blueprint


def blueprints() -> list[Blueprint]:
    """Every blueprint of the portal."""
    return []
