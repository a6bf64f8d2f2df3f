"""Links to a customer's pay page. Only the hash of the token is stored."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Field

from models.base import ByActor, created, key, link, money, required_moment


class PayLink(ByActor, table=True):
    """One link for an order's balance. It ends when it expires or when the balance changes."""

    __tablename__ = "pay_link"

    id: int = key()
    order_id: int = link("orders.id", ondelete="CASCADE")
    token_hash: str = Field(unique=True)
    amount: Decimal = money()
    expires_at: datetime = required_moment()
    created_at: datetime = created()
