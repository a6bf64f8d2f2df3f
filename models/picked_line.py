"""Lines of orders that somebody picked into a tote while following a pick list."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from models.base import Table, created, link, text


class PickedLine(Table, table=True):
    """One line of an order that was looked for: `quantity` units of it are in the tote; 0 means none were found."""

    __tablename__ = "picked_line"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity_not_below_zero"),)

    order_item_id: int = Field(primary_key=True, foreign_key="order_item.id", sa_type=BigInteger, ondelete="CASCADE")
    order_id: int = link("orders.id", ondelete="CASCADE")
    quantity: int
    actor_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    actor_name: str = text()
    created_at: datetime = created()
