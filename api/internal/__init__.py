"""Doors for machines and for those who run the program: health, metrics, the API's own document."""

from quart import Blueprint

from api.internal import documents, health, metrics, subscriptions, warehouse


def blueprints() -> list[Blueprint]:
    """Every blueprint of this folder."""
    return [documents.blueprint, health.blueprint, metrics.blueprint, subscriptions.blueprint, warehouse.blueprint]
