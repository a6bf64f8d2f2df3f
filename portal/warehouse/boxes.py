"""Box rules: the list, one rule's form, and the rules tried on an order as a picture."""

from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response

from documents.filters import with_query
from domain.access.rights import Right
from domain.boxes import rules
from domain.boxes.pack import count_all, weigh_all
from domain.boxes.rules import BoxRuleRow, CreateBoxRule, UpdateBoxRule
from domain.kernel.errors import DomainError
from domain.kernel.inputs import Id, Text60, Text200
from domain.kernel.paging import PageInput
from domain.search.find import find_products
from domain.warehouse.next_order import find_next_order
from domain.warehouse.try_boxes import TriedBoxes, try_boxes
from portal.attempts import Attempt, attempt, refusal_of
from portal.merging import MergedAttempt, Present, attempt_merging, choose_version, keep_opened
from portal.render import page_or_block, redirect_to
from portal.warehouse.crates import choose_letters, draw_crate
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_box_rules", __name__)
LIST = "/portal/box-rules"
MOST_DRAWN = 24
FIELD_WORDS = {
    "qty_per_box": "In a box", "box_name": "Box", "length_in": "Length", "width_in": "Width", "height_in": "Height",
    "notes": "Note",
}  # fmt: skip


class BoxRulesQuery(PageInput):
    """The page of the list, the order that the rules are tried on, and the product of a new rule."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 25
    order: Text60 = ""
    product: Text200 = ""


class BoxRuleForm(UpdateBoxRule):
    """The form of a rule; a new one names its product by SKU, barcode or name."""

    product_id: Id | None = None
    product: Text200 = ""


@blueprint.get(LIST)
@staff_page(Right.EDIT_BOXES)
@reads_query(BoxRulesQuery)
async def show_box_rules(query: BoxRulesQuery) -> Response:
    """The rules, an empty form, and an order as they pack it."""
    return await _show(query)


@blueprint.get(f"{LIST}/<id:rule_id>")
@staff_page(Right.EDIT_BOXES)
@reads_query(BoxRulesQuery)
async def show_box_rule(rule_id: int, query: BoxRulesQuery) -> Response:
    """One rule in the form."""
    return await _show(query, await rules.get_box_rule(db(), rule_id))


@blueprint.post(LIST)
@staff_page(Right.EDIT_BOXES)
async def create_box_rule() -> Response:
    """Add a rule for the product that the text finds first."""

    async def create(data: BoxRuleForm) -> BoxRuleRow:
        product_id = data.product_id
        if product_id is None:
            found = await find_products(db(), data.product, visible_to=current_actor(), most=1)
            product_id = found[0].id if found else 0
        sent = data.model_dump(exclude={"product", "product_id"}, exclude_none=True)
        return await rules.create_box_rule(
            db(), CreateBoxRule.model_validate(sent | {"product_id": max(product_id, 1)}), by=current_actor()
        )

    tried = await attempt(BoxRuleForm, create)
    if tried.result is None:
        return await _show(BoxRulesQuery(), tried=tried)
    return await redirect_to(f"{LIST}/{tried.result.id}", toast=f"Rule for {tried.result.product_name} saved")


@blueprint.post(f"{LIST}/<id:rule_id>")
@staff_page(Right.EDIT_BOXES)
async def update_box_rule(rule_id: int) -> Response:
    """Save the rule."""

    async def save(data: UpdateBoxRule, version: int | None) -> BoxRuleRow:
        return await rules.update_box_rule(db(), rule_id, data, by=current_actor(), version=version)

    async def read_present() -> Present:
        return _read_present(await rules.get_box_rule(db(), rule_id))

    tried = await attempt_merging(UpdateBoxRule, save, read_present)
    if tried.result is None:
        return await _show(BoxRulesQuery(), await rules.get_box_rule(db(), rule_id), tried=tried)
    return await redirect_to(f"{LIST}/{rule_id}", toast=f"Rule for {tried.result.product_name} saved")


@blueprint.post(f"{LIST}/<id:rule_id>/delete")
@staff_page(Right.EDIT_BOXES)
async def delete_box_rule(rule_id: int) -> Response:
    """Delete the rule."""
    rule = await rules.get_box_rule(db(), rule_id)
    await rules.delete_box_rule(db(), rule_id, by=current_actor())
    return await redirect_to(LIST, toast=f"Rule for {rule.product_name} deleted")


async def _show(query: BoxRulesQuery, rule: BoxRuleRow | None = None, *, tried: Attempt[Any] | None = None) -> Response:
    page = await rules.list_box_rules(db(), query)
    present = _read_present(rule) if rule else Present(0, {"qty_per_box": "1", "product": query.product})
    packed, problem = await _try(query.order)
    return await page_or_block(
        "warehouse/boxes.html",
        block="box_rules",
        page=page,
        rule=rule,
        url=f"{LIST}/{rule.id}" if rule else LIST,
        packed=packed,
        crates=_draw(packed) if packed else [],
        try_problem=problem,
        order_number=query.order or (packed.order.order_number if packed else ""),
        weight_oz=weigh_all(packed.boxes) if packed else None,
        box_count=count_all(packed.boxes) if packed else 0,
        **refusal_of(tried),
        values=tried.typed if tried else present.values,
        version=choose_version(tried, present),
        opened=keep_opened(tried, present.values),
        conflict=tried.describe_conflict(FIELD_WORDS) if isinstance(tried, MergedAttempt) else None,
        keep=with_query({"order": query.order}) if query.order else "",
    )


def _read_present(rule: BoxRuleRow) -> Present:
    """The rule's version, and what its form holds."""
    sizes = {name: f"{float(size):g}" if (size := getattr(rule, name)) else "" for name in rules.SIZES}
    return Present(
        rule.version,
        {"qty_per_box": str(rule.qty_per_box), "box_name": rule.box_name, "notes": rule.notes} | sizes,
    )


async def _try(order_number: str) -> tuple[TriedBoxes | None, str]:
    """The order that was asked for, else the next one of the queue."""
    me = current_actor()
    if not order_number:
        following = await find_next_order(db(), by=me)
        if following is None:
            return None, ""
        order_number = following.order_number
    try:
        return await try_boxes(db(), order_number, visible_to=me), ""
    except DomainError as error:
        return None, error.message


def _draw(packed: TriedBoxes) -> list[dict[str, Any]]:
    letters = choose_letters(packed.boxes)
    lines = {line.product_sku: line for line in packed.lines}
    return [
        {"box": box, "crate": draw_crate(box, lines, letters), "letters": letters} for box in packed.boxes[:MOST_DRAWN]
    ]
