"""The boxes that stand on the shelf: every size that a rule names."""

from typing import Any

from sqlalchemy import select

from domain.boxes.pack import BoxType
from domain.boxes.rules import Reader
from models import BoxRule

MOST_KINDS = 200


async def list_shelf(db: Reader, *, without_rule: int | None = None) -> list[BoxType]:
    """Each name and size once; with `without_rule` as if that rule were gone."""
    sides = (BoxRule.length_in, BoxRule.width_in, BoxRule.height_in)
    statement = (
        select(BoxRule.box_name, *sides).where(*(side.is_not(None) for side in sides)).distinct().limit(MOST_KINDS)
    )
    if without_rule is not None:
        statement = statement.where(BoxRule.id != without_rule)
    rows: Any = await db.execute(statement)
    return [BoxType(name, (length, width, height)) for name, length, width, height in rows]
