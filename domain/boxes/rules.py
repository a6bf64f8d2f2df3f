"""Box rules: how many units of a product fill which box. One rule per product; a second one is refused."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.boxes.measures import Inches
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import Id, Input, Text60, Text2000
from domain.kernel.paging import Page, PageInput, make_page
from models import AuditAction, BoxRule, Product

Reader = AsyncSession | AsyncConnection
UnitsPerBox = Annotated[int, Field(ge=1, le=100_000)]
SIZES = ("length_in", "width_in", "height_in")


class ListBoxRules(PageInput):
    """The rules by the name of the product."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 200
    """Rules on a page, at most 200."""


class CreateBoxRule(Input):
    """A rule for one product; without sizes only the name of the box is known."""

    product_id: Id
    """The product of the rule; one rule per product."""
    qty_per_box: UnitsPerBox = 1
    """How many units fill one box."""
    box_name: Text60 = ""
    """The name of the box."""
    length_in: Inches | None = None
    """Length of the box in inches."""
    width_in: Inches | None = None
    """Width of the box in inches."""
    height_in: Inches | None = None
    """Height of the box in inches."""
    notes: Text2000 = ""
    """Instructions for packing, for colleagues."""


class UpdateBoxRule(Input):
    """The values to change; fields that are not sent stay as they are, and null clears a size."""

    product_id: Id | None = None
    """Another product for the rule."""
    qty_per_box: UnitsPerBox | None = None
    """How many units fill one box."""
    box_name: Text60 | None = None
    """The name of the box."""
    length_in: Inches | None = None
    """Length of the box in inches."""
    width_in: Inches | None = None
    """Width of the box in inches."""
    height_in: Inches | None = None
    """Height of the box in inches."""
    notes: Text2000 | None = None
    """Instructions for packing, for colleagues."""


@dataclass(frozen=True, slots=True)
class BoxRuleRow:
    """A rule with its product; sizes in inches."""

    id: int
    product_id: int
    product_name: str
    product_sku: str
    qty_per_box: int
    box_name: str
    length_in: Decimal | None
    width_in: Decimal | None
    height_in: Decimal | None
    notes: str
    version: int
    ship_weight_oz: Decimal | None

    @property
    def weight_oz(self) -> Decimal | None:
        """The weight of the goods in a full box in ounces; None if the weight of a unit is unknown."""
        return None if self.ship_weight_oz is None else self.ship_weight_oz * self.qty_per_box


_OF_PRODUCT: dict[str, Any] = {
    "product_name": Product.name,
    "product_sku": Product.sku,
    "ship_weight_oz": Product.ship_weight_oz,
}
_COLUMNS: list[Any] = [
    _OF_PRODUCT[field.name] if field.name in _OF_PRODUCT else getattr(BoxRule, field.name)
    for field in fields(BoxRuleRow)
]
_SELECT: Select[Any] = select(*_COLUMNS).select_from(BoxRule).join(Product, Product.id == BoxRule.product_id)


async def list_box_rules(db: Reader, page: PageInput) -> Page[BoxRuleRow]:
    """Return a page of the rules, by the name of the product."""
    statement = _SELECT.order_by(Product.name, BoxRule.id).limit(page.per_page).offset(page.offset)
    rows = [BoxRuleRow(*row) for row in await db.execute(statement)]
    return make_page(rows, await db.scalar(select(func.count()).select_from(BoxRule)) or 0, page)


async def get_box_rule(db: Reader, rule_id: int) -> BoxRuleRow:
    """Return one rule. Raises NotFound."""
    row = (await db.execute(_SELECT.where(BoxRule.id == rule_id))).first()
    if row is None:
        raise NotFound("There is no such box rule.")
    return BoxRuleRow(*row)


async def find_box_rule_of(db: Reader, product_id: int) -> BoxRuleRow | None:
    """Return the rule of a product, if it has one."""
    row = (await db.execute(_SELECT.where(BoxRule.product_id == product_id))).first()
    return None if row is None else BoxRuleRow(*row)


async def list_box_names(db: Reader) -> list[str]:
    """List the existing names of boxes, for the form."""
    statement = select(BoxRule.box_name).where(BoxRule.box_name != "").distinct().order_by(BoxRule.box_name).limit(200)
    return list((await db.execute(statement)).scalars())


async def create_box_rule(db: AsyncSession, data: CreateBoxRule, *, by: Actor) -> BoxRuleRow:
    """Add a rule. Raises InvalidInput for an unknown product, Refused for a product that already has a rule."""
    require(by, Right.EDIT_BOXES, "Your role can't change box rules.")
    await _check_product(db, data.product_id)
    rule = BoxRule(**data.model_dump())
    await _write(db, rule)
    await _audit(db, AuditAction.BOX_RULE_CREATED, rule, before=None, by=by)
    return await get_box_rule(db, rule.id)


async def update_box_rule(
    db: AsyncSession, rule_id: int, data: UpdateBoxRule, *, by: Actor, version: int | None = None
) -> BoxRuleRow:
    """Change the fields sent. Raises NotFound, InvalidInput, and Refused for a product that has another rule."""
    require(by, Right.EDIT_BOXES, "Your role can't change box rules.")
    rule = await _lock_rule(db, rule_id)
    if version is not None and version != rule.version:
        raise await make_stale(
            db,
            "this rule",
            record_kind="box_rule",
            record_id=rule_id,
            changed_at=rule.updated_at,
            version=rule.version,
        )
    sent = data.model_dump(exclude_unset=True)
    # Null clears a size; for a name, a note and a number, null means not sent.
    sent = {name: value for name, value in sent.items() if value is not None or name in SIZES}
    if sent.get("product_id", rule.product_id) != rule.product_id:
        await _check_product(db, sent["product_id"])
    before = _values_of(rule)
    for name, value in sent.items():
        setattr(rule, name, value)
    if _values_of(rule) != before:
        rule.version += 1
        rule.updated_at = now()
        await _write(db, rule)
        await _audit(db, AuditAction.BOX_RULE_UPDATED, rule, before=before, by=by)
    return await get_box_rule(db, rule_id)


async def delete_box_rule(db: AsyncSession, rule_id: int, *, by: Actor) -> None:
    """Delete a rule. Raises NotFound."""
    require(by, Right.EDIT_BOXES, "Your role can't change box rules.")
    rule = await _lock_rule(db, rule_id)
    await _audit(db, AuditAction.BOX_RULE_DELETED, rule, before=_values_of(rule), by=by, is_gone=True)
    await db.delete(rule)
    await db.flush()


async def _lock_rule(db: AsyncSession, rule_id: int) -> BoxRule:
    rule = (await db.execute(select(BoxRule).where(BoxRule.id == rule_id).with_for_update())).scalar_one_or_none()
    if rule is None:
        raise NotFound("There is no such box rule.")
    return rule


async def _check_product(db: AsyncSession, product_id: int) -> None:
    known = await db.scalar(select(Product.id).where(Product.id == product_id, Product.archived_at.is_(None)))
    if known is None:
        raise InvalidInput("There is no such product.", fields={"product_id": "is not one of our products"})


async def _write(db: AsyncSession, rule: BoxRule) -> None:
    """Write the row in a savepoint; a unique index refuses a second rule for a product, even if concurrent."""
    try:
        async with db.begin_nested():
            db.add(rule)
            await db.flush()
    except IntegrityError as error:
        if "uq_box_rule_product_id" in str(error.orig):
            raise Refused("This product already has a box rule. Change that one.", code=Code.RULE_TAKEN) from error
        raise


def _values_of(rule: BoxRule) -> dict[str, Any]:
    names = ("product_id", "qty_per_box", "box_name", *SIZES, "notes")
    values = {name: getattr(rule, name) for name in names}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


async def _audit(
    db: AsyncSession,
    action: AuditAction,
    rule: BoxRule,
    *,
    before: dict[str, Any] | None,
    by: Actor,
    is_gone: bool = False,
) -> None:
    name = await db.scalar(select(Product.name).where(Product.id == rule.product_id))
    await record_audit(
        db,
        action=action,
        record_kind="box_rule",
        record_id=rule.id,
        record_name=name or "",
        before=before,
        after=None if is_gone else _values_of(rule),
        by=by,
    )
