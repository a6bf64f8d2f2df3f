"""Box rules: how many units of a product fit into which box. At most one rule per product."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from models.base import Table, count, created, key, link, number, text


class BoxRule(Table, table=True):
    """`qty_per_box` units of the product fill one box. Sizes are in inches, and null until the box is measured."""

    __tablename__ = "box_rule"
    __table_args__ = (
        CheckConstraint("qty_per_box > 0", name="quantity_positive"),
        CheckConstraint("length_in > 0 AND width_in > 0 AND height_in > 0", name="sizes_positive"),
    )

    id: int = key()
    product_id: int = link("product.id", index=False, unique=True, ondelete="CASCADE")
    qty_per_box: int = count(1)
    box_name: str = text()
    length_in: Decimal | None = number(6, 2)
    width_in: Decimal | None = number(6, 2)
    height_in: Decimal | None = number(6, 2)
    notes: str = text()
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
