"""Links to a customer's pay page; the token itself is kept nowhere, only its hash."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Field

from models.base import ByActor, created, key, link, money, required_moment


class PayLink(ByActor, table=True):
    """One link for the balance that an order had; it is over with its time or when the balance is another one."""

    __tablename__ = "pay_link"

    id: int = key()
    order_id: int = link("orders.id", ondelete="CASCADE")
    token_hash: str = Field(unique=True)
    amount: Decimal = money()
    expires_at: datetime = required_moment()
    created_at: datetime = created()
