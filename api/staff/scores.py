"""Repeat-purchase scores for staff."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.scores import ScoreListOut, ScoreOut, show_scores
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.scores.list_scores import ListScores, get_score, list_scores
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads_query, refuses
from web.request import current_actor, settings

blueprint = Blueprint("staff_scores", __name__)
tag_blueprint(blueprint, ["scores"])


@blueprint.get("/api/customers/scores")
@staff_only(Right.SEE_SCORES)
@reads_query(ListScores)
@answers(ScoreListOut)
async def customer_scores(query: ListScores) -> Any:
    """Scores, filtered by tier, probability of being active and text, with a count for each tier."""
    async with current_database().listing() as connection:
        found = await list_scores(connection, query, timezone=settings().timezone, visible_to=current_actor())
    return show_scores(found)


@blueprint.get("/api/customers/<id:id>/score")
@staff_only(Right.SEE_SCORES)
@refuses(Code.NO_SCORE)
@answers(ScoreOut)
async def customer_score(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """One customer's repeat-purchase score; figures are null until there is enough history."""
    async with current_database().reading() as connection:
        return await get_score(connection, id, timezone=settings().timezone, visible_to=current_actor())
