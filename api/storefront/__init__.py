"""The doors of the customers' shop."""

from quart import Blueprint

from api.storefront import accounts, catalogue, orders, payments, savings


def blueprints() -> list[Blueprint]:
    """Every blueprint of the shop."""
    return [
        accounts.blueprint,
        catalogue.blueprint,
        orders.blueprint,
        payments.blueprint,
        savings.blueprint,
    ]
