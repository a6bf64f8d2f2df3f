"""The JSON API for staff."""

from quart import Blueprint

from api.staff import (
    accounts,
    boxes,
    calling,
    credit,
    customers,
    imports,
    inventory,
    invoices,
    labels,
    orders,
    payments,
    procurement,
    product_sync,
    products,
    reports,
    sales,
    scores,
    subscriptions,
    system,
    warehouse,
)


def blueprints() -> list[Blueprint]:
    """Every blueprint of the staff's JSON doors."""
    return [
        accounts.blueprint,
        boxes.blueprint,
        customers.blueprint,
        imports.blueprint,
        calling.blueprint,
        inventory.blueprint,
        invoices.blueprint,
        labels.blueprint,
        orders.blueprint,
        payments.blueprint,
        procurement.blueprint,
        credit.blueprint,
        product_sync.blueprint,
        products.blueprint,
        reports.blueprint,
        scores.blueprint,
        subscriptions.blueprint,
        sales.blueprint,
        sales.commissions,
        system.blueprint,
        warehouse.blueprint,
    ]
