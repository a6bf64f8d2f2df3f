"""Endpoints for machines and operators: health, metrics, and the API documentation."""

from quart import Blueprint

from api.internal import documents, health, metrics, subscriptions, warehouse


def blueprints() -> list[Blueprint]:
    """Every blueprint of this folder."""
    return [documents.blueprint, health.blueprint, metrics.blueprint, subscriptions.blueprint, warehouse.blueprint]
