"""Box rules, and suggested boxes for a list of items."""

from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.boxes import BoxProductsOut, BoxRulesOut, BoxSuggestionsOut, DeletedBoxRuleOut, SavedBoxRuleOut
from domain.access.rights import Right
from domain.boxes import rules, suggest
from domain.kernel.codes import Code
from domain.kernel.inputs import Input, Text200
from domain.search.find import find_products, list_first_products
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db

blueprint = Blueprint("staff_boxes", __name__)
tag_blueprint(blueprint, ["boxes"])


class SearchBoxProducts(Input):
    """The search of the box rule form."""

    q: Text200 = ""
    """Part of a name, a SKU or a barcode; without it the first products by name."""
    limit: Annotated[int, Field(ge=1, le=200)] = 20
    """Maximum number of products."""


@blueprint.get("/api/warehouse/box-recommendations")
@staff_only(Right.SEE_WAREHOUSE)
@reads_query(rules.ListBoxRules)
@answers(BoxRulesOut)
async def list_box_rules(query: rules.ListBoxRules) -> Any:
    """Box rules, by the product's name."""
    async with current_database().reading() as connection:
        page = await rules.list_box_rules(connection, query)
    paged = {"total": page.total, "page": page.page, "per_page": page.per_page, "pages": page.pages}
    return {"box_recommendations": page.rows} | paged


@blueprint.post("/api/warehouse/box-recommendations")
@staff_only(Right.EDIT_BOXES)
@reads(rules.CreateBoxRule)
@answers(SavedBoxRuleOut, 201)
@refuses(Code.RULE_TAKEN)
async def create_box_rule(data: rules.CreateBoxRule) -> Any:
    """Create a box rule; a product has at most one."""
    return {"box_recommendation": await rules.create_box_rule(db(), data, by=current_actor())}


@blueprint.put("/api/warehouse/box-recommendations/<id:id>")
@staff_only(Right.EDIT_BOXES)
@reads(rules.UpdateBoxRule)
@answers(SavedBoxRuleOut)
@refuses(Code.RULE_TAKEN)
async def update_box_rule(id: int, data: rules.UpdateBoxRule) -> Any:  # noqa: A002 - the contract names it
    """Update a box rule; fields that are not sent stay unchanged."""
    return {"box_recommendation": await rules.update_box_rule(db(), id, data, by=current_actor())}


@blueprint.delete("/api/warehouse/box-recommendations/<id:id>")
@staff_only(Right.EDIT_BOXES)
@answers(DeletedBoxRuleOut)
async def delete_box_rule(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """Delete a box rule."""
    await rules.delete_box_rule(db(), id, by=current_actor())
    return {}


@blueprint.post("/api/warehouse/box-recommendations/suggest")
@staff_only(Right.SEE_WAREHOUSE)
@reads(suggest.SuggestBoxes)
@answers(BoxSuggestionsOut)
@refuses(Code.UNKNOWN_PRODUCTS)
async def suggest_boxes(data: suggest.SuggestBoxes) -> Any:
    """The rule that applies to each item and the number of boxes."""
    async with current_database().reading() as connection:
        return {"rules": await suggest.suggest_boxes(connection, data)}


@blueprint.get("/api/warehouse/box-recommendations/products")
@staff_only(Right.SEE_WAREHOUSE)
@reads_query(SearchBoxProducts)
@answers(BoxProductsOut)
async def search_box_products(query: SearchBoxProducts) -> Any:
    """Active products by SKU, barcode or words of the name, for the rule's form."""
    async with current_database().reading() as connection:
        if not query.q:
            return {"products": await list_first_products(connection, visible_to=current_actor(), most=query.limit)}
        return {"products": await find_products(connection, query.q, visible_to=current_actor(), most=query.limit)}
