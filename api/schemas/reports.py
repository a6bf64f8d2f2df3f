"""Answers of the reports: profit by month, and the order figures."""

from api.schemas.base import Answer, MoneyOut


class ProfitTotalsOut(Answer):
    total_sales: MoneyOut
    """US dollars: goods less discounts, allowances and credit memos."""
    delivery_fees: MoneyOut
    cost_of_goods: MoneyOut
    """US dollars at the cost of the day of each sale; lines without a known cost count 0."""
    shipping_cost: MoneyOut
    """US dollars: labels with their insurance, refunded ones left out."""
    gross_profit: MoneyOut
    order_count: int
    lines_without_cost: int
    """Lines whose cost nobody knew; they count as costing nothing."""


class MonthProfitOut(ProfitTotalsOut):
    year: int
    month: int
    month_label: str
    """The month as tables write it, such as Nov 2026."""
    avg_order_value: MoneyOut


class ProfitOut(Answer):
    period: int
    """Months, the running one included."""
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
    """US dollars of orders not cancelled; null for the warehouse."""
    needs_attention: int
    """Orders that wait for somebody now, whatever the range."""
