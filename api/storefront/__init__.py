"""The doors of the customers' shop."""

from quart import Blueprint

from api.storefront import catalogue, orders


def blueprints() -> list[Blueprint]:
    """Every blueprint of the shop."""
    return [
        catalogue.blueprint,
        orders.blueprint,
    ]
