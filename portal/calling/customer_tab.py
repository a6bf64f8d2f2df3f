"""The calls made to a customer, and the bank account kept for them, on the customer's page."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right
from domain.calling.customer_calls import count_customer_calls, list_customer_calls
from domain.kernel.errors import NotFound
from domain.sales.bank_account import BankDetails, get_bank_details
from portal.calling.words import OUTCOMES
from portal.customers.tabs import Card, Tab, register_card, register_tab
from web.request import current_actor

SHOWN = 20


async def _load_calls(db: AsyncSession, customer_id: int) -> Any:
    calls = await list_customer_calls(db, customer_id, most=SHOWN)
    words = {outcome.value: words for outcome, words in OUTCOMES.items()}
    return [(call, words.get(call.outcome, (call.outcome.replace("_", " "), "quiet", "phone"))) for call in calls]


async def _load_bank(db: AsyncSession, customer_id: int) -> BankDetails | None:
    try:
        return await get_bank_details(db, customer_id, visible_to=current_actor())
    except NotFound:  # a rep sees the accounts of their own customers alone
        return None


register_tab(
    Tab("calls", "Calls", Right.CALL_CUSTOMERS, "calling/customer_calls.html", _load_calls, count_customer_calls, 30)
)
register_card(Card("bank", Right.SEE_BANK_DETAILS, "calling/customer_bank.html", _load_bank, 60))
