"""Box rules: the list, one rule's form with its effect, and the rules tried on an order as a drawing."""

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
from domain.search.find import FoundProduct, find_products
from domain.warehouse.next_order import find_next_order
from domain.warehouse.rule_effect import foresee_rule
from domain.warehouse.rule_use import RuleList, RuleTab, list_rules
from domain.warehouse.try_boxes import TriedBoxes, try_boxes
from portal.attempts import Attempt, attempt, refusal_of
from portal.merging import MergedAttempt, Present, attempt_merging, choose_version, keep_opened
from portal.render import page_or_block, redirect_to
from portal.warehouse.crates import choose_letters, choose_scale, draw_crate
from portal.warehouse.rule_words import FIELD_WORDS, EffectWords, write_effect, write_values
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_box_rules", __name__)
LIST = "/portal/box-rules"
MOST_DRAWN = 24
MOST_STEPS = 200
TAB_WORDS = (
    (RuleTab.RULES, "With a rule"),
    (RuleTab.WEEK, "Without, ordered this week"),
    (RuleTab.ALL, "Without, all"),
)


class BoxRulesQuery(PageInput):
    """The tab and page of the list, the order for trying the rules, whether to show steps, and a new rule's product."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 25
    tab: RuleTab = RuleTab.RULES
    order: Text60 = ""
    product: Text200 = ""
    steps: bool = False


class BoxRuleForm(UpdateBoxRule):
    """The form of a rule; a new one names its product by SKU, barcode or name."""

    product_id: Id | None = None
    product: Text200 = ""


class EffectForm(BoxRuleForm):
    """The form while typing, with the order for trying the rules."""

    order: Text60 = ""


@blueprint.get(LIST)
@staff_page(Right.EDIT_BOXES)
@reads_query(BoxRulesQuery)
async def show_box_rules(query: BoxRulesQuery) -> Response:
    """The rules, an empty form, and an order packed by them."""
    return await _show(query)


@blueprint.get(f"{LIST}/<id:rule_id>")
@staff_page(Right.EDIT_BOXES)
@reads_query(BoxRulesQuery)
async def show_box_rule(rule_id: int, query: BoxRulesQuery) -> Response:
    """One rule in the form."""
    return await _show(query, await rules.get_box_rule(db(), rule_id))


@blueprint.get(f"{LIST}/products")
@staff_page(Right.EDIT_BOXES)
@reads_query(BoxRulesQuery)
async def find_rule_products(query: BoxRulesQuery) -> Response:
    """The products that match a new rule's search."""
    hits = await find_products(db(), query.product, visible_to=current_actor()) if query.product else []
    return await page_or_block(
        "warehouse/rule/part.html", block="product_hits", hits=hits, order_number=query.order, words=query.product
    )


@blueprint.post(f"{LIST}/effect")
@staff_page(Right.EDIT_BOXES)
async def foresee_effect() -> Response:
    """The effect of the typed rule; nothing is saved."""

    async def foresee(data: EffectForm) -> EffectWords | None:
        return await _foresee(data, data.order)

    tried = await attempt(EffectForm, foresee)
    return await page_or_block("warehouse/rule/part.html", block="rule_effect", effect=tried.result)


@blueprint.post(LIST)
@staff_page(Right.EDIT_BOXES)
async def create_box_rule() -> Response:
    """Add a rule for the chosen product, or the first search result."""

    async def create(data: BoxRuleForm) -> BoxRuleRow:
        sent = await _read_rule(data)
        return await rules.create_box_rule(db(), sent, by=current_actor())

    tried = await attempt(BoxRuleForm, create)
    if tried.result is None:
        return await _show(BoxRulesQuery(), tried=tried)
    return await redirect_to(f"{LIST}/{tried.result.id}", toast=f"Rule for {tried.result.product_name} saved")


@blueprint.post(f"{LIST}/<id:rule_id>")
@staff_page(Right.EDIT_BOXES)
async def update_box_rule(rule_id: int) -> Response:
    """Save the rule; a colleague's changes are merged, or shown beside the typed values."""

    async def save(data: UpdateBoxRule, version: int | None) -> BoxRuleRow:
        return await rules.update_box_rule(db(), rule_id, data, by=current_actor(), version=version)

    async def read_present() -> Present:
        there = await rules.get_box_rule(db(), rule_id)
        return Present(there.version, write_values(there))

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
    chosen = await _find_chosen(tried.typed.get("product", "") if tried else query.product) if rule is None else None
    if chosen is not None and tried is None:
        rule = await rules.find_box_rule_of(db(), chosen.id)
    listed = await list_rules(db(), query.tab, query)
    packed, problem = await _try(query.order)
    order_number = query.order or (packed.order.order_number if packed else "")
    present = Present(rule.version if rule else 0, write_values(rule))
    return await page_or_block(
        "warehouse/boxes.html",
        block=("box_rules", "rule_list"),
        listed=listed,
        page=listed.page,
        tabs=_make_tabs(listed, query),
        rule=rule,
        url=f"{LIST}/{rule.id}" if rule else LIST,
        packed=packed,
        crates=_draw(packed) if packed else [],
        ruler=12 * choose_scale(packed.boxes[:MOST_DRAWN]) if packed else 0,
        try_problem=problem,
        order_number=order_number,
        weight_oz=weigh_all(packed.boxes) if packed else None,
        box_count=count_all(packed.boxes) if packed else 0,
        steps=packed.steps[:MOST_STEPS] if packed and query.steps else [],
        steps_url=_link_steps(query, rule, order_number),
        version=choose_version(tried, present),
        opened=keep_opened(tried, present.values),
        values=tried.typed if tried else present.values,
        **refusal_of(tried),
        conflict=tried.describe_conflict(FIELD_WORDS) if isinstance(tried, MergedAttempt) else None,
        hits=[],
        words="",
        shelf_names=await rules.list_box_names(db()),
        chosen=None if rule else chosen,
        keep=with_query({"order": query.order}) if query.order else "",
        product=tried.typed.get("product", "") if tried else query.product,
        effect=await _foresee_saved(rule, packed) if rule and not tried else None,
    )


def _link_steps(query: BoxRulesQuery, rule: BoxRuleRow | None, order_number: str) -> str:
    """This page with each step of the packing, or without."""
    wanted = {"order": order_number or None, "product": query.product or None, "steps": None if query.steps else 1}
    return (f"{LIST}/{rule.id}" if rule else LIST) + with_query(wanted)


async def _find_chosen(text: str) -> FoundProduct | None:
    """The product with exactly this SKU."""
    found = await find_products(db(), text, visible_to=current_actor(), most=5) if text else []
    return next((product for product in found if product.sku.casefold() == text.casefold()), None)


async def _read_rule(data: BoxRuleForm) -> CreateBoxRule:
    """The typed rule, for the chosen product or the first search result."""
    product_id = data.product_id
    if product_id is None:
        found = await find_products(db(), data.product, visible_to=current_actor(), most=1) if data.product else []
        product_id = found[0].id if found else 0
    sent = data.model_dump(include=set(CreateBoxRule.model_fields), exclude_none=True)
    return CreateBoxRule.model_validate(sent | {"product_id": max(product_id, 1)})


async def _foresee(data: BoxRuleForm, order_number: str) -> EffectWords | None:
    rule = await _read_rule(data)
    packed, _ = await _try(order_number)
    tried = packed.order.order_number if packed else ""
    return write_effect(await foresee_rule(db(), rule, tried, visible_to=current_actor()), rule)


async def _foresee_saved(rule: BoxRuleRow, packed: TriedBoxes | None) -> EffectWords:
    """The effect of the saved rule."""
    sent = {name: getattr(rule, name) for name in CreateBoxRule.model_fields}
    order_number = packed.order.order_number if packed else ""
    data = CreateBoxRule.model_construct(**sent)
    return write_effect(await foresee_rule(db(), data, order_number, visible_to=current_actor()), data)


def _make_tabs(listed: RuleList, query: BoxRulesQuery) -> list[dict[str, Any]]:
    return [
        {
            "word": word,
            "url": LIST
            + with_query({"tab": None if tab is RuleTab.RULES else tab.value, "order": query.order or None}),
            "count": listed.counts[tab],
            "current": tab is listed.tab,
        }
        for tab, word in TAB_WORDS
    ]


async def _try(order_number: str) -> tuple[TriedBoxes | None, str]:
    """The requested order, otherwise the next one in the queue."""
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
    boxes = packed.boxes[:MOST_DRAWN]
    letters, scale = choose_letters(packed.boxes), choose_scale(boxes)
    lines = {line.product_sku: line for line in packed.lines}
    return [
        {"number": number, "box": box, "crate": draw_crate(box, lines, letters, scale), "letters": letters}
        for number, box in enumerate(boxes, start=1)
    ]
