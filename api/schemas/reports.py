"""Answers of reports: profit by month, and order figures."""

from api.schemas.base import Answer, MoneyOut


class ProfitTotalsOut(Answer):
    total_sales: MoneyOut
    """US dollars: goods minus discounts, allowances and credit memos."""
    delivery_fees: MoneyOut
    cost_of_goods: MoneyOut
    """US dollars at the cost at the time of each sale; lines without a known cost count as 0."""
    shipping_cost: MoneyOut
    """US dollars: labels with their insurance, except refunded ones."""
    gross_profit: MoneyOut
    order_count: int
    lines_without_cost: int
    """Number of lines without a known cost; they count as 0."""


class MonthProfitOut(ProfitTotalsOut):
    year: int
    month: int
    month_label: str
    """The month for display, such as Nov 2026."""
    avg_order_value: MoneyOut


class ProfitOut(Answer):
    period: int
    """Number of months, including the current one."""
    monthly: list[MonthProfitOut]
    """Oldest first."""
    totals: ProfitTotalsOut


class StatsOut(Answer):
    total_orders: int
    pending: int
    confirmed: int
    packed: int
    shipped: int
    delivered: int
    cancelled: int
    total_revenue: MoneyOut | None
    """US dollars of orders not cancelled; null for the warehouse role."""
    needs_attention: int
    """Orders that need attention now, regardless of the range."""
