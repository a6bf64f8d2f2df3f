"""The pages about voice agents: figures, reviews, calls, the outbound queue, prompts and requests for quotes."""

from quart import Blueprint

from portal.voice import dashboard, outbound, prompts, review, rfqs


def blueprints() -> list[Blueprint]:
    """Every blueprint of the voice pages."""
    return [dashboard.blueprint, review.blueprint, outbound.blueprint, prompts.blueprint, rfqs.blueprint]
