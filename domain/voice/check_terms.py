"""Whether the caller may pay on net 30, and what is overdue; this decides how an order is paid."""

from dataclasses import dataclass, field
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

import asyncpg

from domain.credit.exposure import TERMS, AccountStatus, calculate_exposure
from domain.kernel.clock import business_date, business_today
from domain.kernel.money import ZERO
from domain.voice.caller import Caller, find_caller
from domain.voice.inputs import CallerInput
from domain.voice.speech import say_count, say_money

# As in the exposure: orders on hold are not owed yet, and invoiced orders count once, as invoices. All are added up,
# and the oldest 200 are listed.
_OVERDUE = """
SELECT *, count(*) OVER () AS bills, sum(balance) OVER () AS owed FROM (
SELECT o.order_number, o.total_amount AS total, o.balance, o.created_at + $2::interval AS due_at, NULL::date AS due_date
FROM orders AS o
WHERE o.customer_id = $1 AND o.on_terms AND NOT o.on_hold AND o.balance > 0 AND o.created_at < now() - $2::interval
  AND NOT EXISTS (SELECT FROM invoice AS i WHERE i.order_id = o.id AND i.status IN ('sent', 'partly_paid', 'paid'))
UNION ALL
SELECT i.invoice_number, i.total_amount, i.balance, i.overdue_from, i.due_date FROM invoice AS i
WHERE i.customer_id = $1 AND i.status IN ('sent', 'partly_paid') AND i.balance > 0 AND i.overdue_from <= now()
) AS late ORDER BY due_at, order_number LIMIT 200
"""


class CheckTerms(CallerInput):
    """The caller whose terms are requested."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A caller's terms. Amounts are in US dollars."""

    message: str
    success: bool = True
    approved_for_terms: bool = False
    payment_terms: str = "prepaid"
    has_overdue: bool = False
    overdue_amount: Decimal = ZERO
    overdue_invoice_count: int = 0
    credit_limit: Decimal = ZERO
    available_credit: Decimal = ZERO
    customer_id: int | None = None
    company_name: str | None = None
    current_balance: Decimal = ZERO
    account_status: str = AccountStatus.NO_TERMS
    overdue_orders: list[dict[str, Any]] = field(default_factory=list)


async def check_terms(connection: asyncpg.Connection, data: CheckTerms, *, timezone: tzinfo) -> Terms:
    """Return the caller's current terms; an unknown number has none."""
    caller = await find_caller(connection, data.caller)
    if caller.customer is None:
        return Terms("I have no account under this number, so card or check works best today.", success=False)
    standing = await calculate_exposure(connection, caller.customer)
    today = business_today(timezone)
    rows = await connection.fetch(_OVERDUE, caller.customer_id, TERMS)
    bills, amount = (rows[0]["bills"], rows[0]["owed"]) if rows else (0, ZERO)
    return Terms(
        _say_terms(standing.account_status, standing.available_credit, bills, amount),
        approved_for_terms=standing.payment_terms == "net30",
        payment_terms=standing.payment_terms,
        has_overdue=bool(rows),
        overdue_amount=amount,
        overdue_invoice_count=bills,
        credit_limit=standing.credit_limit,
        available_credit=standing.available_credit if standing.payment_terms == "net30" else ZERO,
        customer_id=caller.customer_id,
        company_name=_company_of(caller),
        current_balance=standing.exposure,
        account_status=standing.account_status,
        overdue_orders=[_show_overdue(row, today, timezone) for row in rows],
    )


def _company_of(caller: Caller) -> str | None:
    return caller.name or None


def _show_overdue(row: asyncpg.Record, today: date, timezone: tzinfo) -> dict[str, Any]:
    due = row["due_date"] or business_date(row["due_at"], timezone)
    return {
        "order_number": row["order_number"],
        "total": row["total"],
        "balance": row["balance"],
        "due_date": due,
        "days_overdue": max((today - due).days, 0),
    }


def _say_terms(status: AccountStatus, available: Decimal, overdue: int, amount: Decimal) -> str:
    if status is AccountStatus.GOOD:
        return f"You can order on net thirty, with {say_money(available)} of credit left."
    if status is AccountStatus.OVERDUE:
        bills = "One bill" if overdue == 1 else f"{say_count(overdue, 'bill').capitalize()} together"
        late = f"{bills} for {say_money(amount)} {'is' if overdue == 1 else 'are'} past due"
        return f"{late}, so I can't put more on the account today. Card or check works."
    if status is AccountStatus.OVER_LIMIT:
        return "Your credit limit is used up right now. Card or check works."
    return "This account pays when it orders, by card or by check."
