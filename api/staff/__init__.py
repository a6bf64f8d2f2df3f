"""The JSON doors of the staff."""

from quart import Blueprint

from api.staff import accounts, credit, inventory, orders, payments, product_sync, products, system


def blueprints() -> list[Blueprint]:
    """Every blueprint of the staff's JSON doors."""
    return [
        accounts.blueprint,
        inventory.blueprint,
        orders.blueprint,
        payments.blueprint,
        credit.blueprint,
        product_sync.blueprint,
        products.blueprint,
        system.blueprint,
    ]
