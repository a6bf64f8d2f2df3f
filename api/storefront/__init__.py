"""The JSON API of the shop."""

from quart import Blueprint

from api.storefront import accounts, catalogue, invoices, orders, payments, savings, subscriptions


def blueprints() -> list[Blueprint]:
    """Every blueprint of the shop."""
    return [
        accounts.blueprint,
        catalogue.blueprint,
        invoices.blueprint,
        orders.blueprint,
        payments.blueprint,
        savings.blueprint,
        subscriptions.blueprint,
    ]
