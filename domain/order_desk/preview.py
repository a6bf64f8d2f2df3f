"""The live totals of the new order page: what an order would cost, and whether it could be placed."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import CreditStanding, calculate_exposure, find_customer
from domain.credit.ledger import get_credit_balance
from domain.credit.terms import Claim, check_terms
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Id, Input, MoneyIn
from domain.kernel.money import ZERO
from domain.order_desk.edit_items import bounded_percent
from domain.orders.lines import Line, OrderLines, price_lines
from domain.orders.place import price_order
from domain.orders.rules import OrderRules
from domain.orders.totals import Totals, calculate_totals, check_discount
from models import Role
from models.session import raw_connection


class PreviewOrder(Input):
    """The lines so far, with discount and fee if set."""

    items: OrderLines
    discount_amount: MoneyIn = ZERO
    delivery_fee: MoneyIn | None = None
    customer_id: Id | None = None


@dataclass(frozen=True, slots=True)
class OrderPreview:
    """Priced lines, totals, and what would prevent the order."""

    lines: list[Line]
    totals: Totals
    discount_error: str
    standing: CreditStanding | None
    store_credit: Decimal
    not_covered: str


async def preview_order(db: AsyncSession, data: PreviewOrder, *, by: Actor, rules: OrderRules) -> OrderPreview:
    """Price an order like `enter_order`, without taking stock or locking anything.

    Raises InvalidInput for unknown products. Stock is not checked, since the page itself shows each product's level.
    """
    connection = await raw_connection(db)
    lines = await price_lines(connection, data.items, lock=False, check_stock=False)
    subtotal: Decimal = sum((line.line_total for line in lines), ZERO)
    discount, discount_error = data.discount_amount, ""
    try:
        check_discount(discount, subtotal, most_percent=bounded_percent(by, rules))
    except InvalidInput as refusal:
        discount, discount_error = ZERO, refusal.message
    fee = data.delivery_fee
    if fee is None:
        fee = price_order(lines, rules).delivery_fee if by.has_role(Role.SALES_REP) else ZERO
    totals = calculate_totals([line.line_total for line in lines], discount=discount, delivery_fee=fee)
    customer = await find_customer(connection, data.customer_id) if data.customer_id else None
    standing = await calculate_exposure(connection, customer) if customer else None
    store_credit = await get_credit_balance(db, data.customer_id) if data.customer_id else ZERO
    claim = Claim(totals.total_amount, totals.total_amount)
    not_covered = await check_terms(connection, customer, claim) if customer else ""
    return OrderPreview(lines, totals, discount_error, standing, store_credit, not_covered)
