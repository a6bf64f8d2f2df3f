"""The available boxes: every size that a rule names."""

from sqlalchemy import select

from domain.boxes.pack import BoxType
from domain.boxes.rules import Reader
from models import BoxRule, columns_of

MOST_KINDS = 200


RULES = columns_of(BoxRule)
_SIDES = (RULES.length_in, RULES.width_in, RULES.height_in)
_SHELF = select(RULES.box_name, *_SIDES).where(*(side.is_not(None) for side in _SIDES)).distinct().limit(MOST_KINDS)


async def list_shelf(db: Reader, *, without_rule: int | None = None) -> list[BoxType]:
    """List each name and size once; `without_rule` is the id of a rule to leave out."""
    statement = _SHELF if without_rule is None else _SHELF.where(RULES.id != without_rule)
    return [BoxType(name, (length, width, height)) for name, length, width, height in await db.execute(statement)]
