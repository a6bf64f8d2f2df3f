"""The calls made to a customer, on the customer's page."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right
from domain.calling.customer_calls import count_customer_calls, list_customer_calls
from portal.calling.words import OUTCOMES
from portal.customers.tabs import Tab, register_tab

SHOWN = 20


async def _load_calls(db: AsyncSession, customer_id: int) -> Any:
    calls = await list_customer_calls(db, customer_id, most=SHOWN)
    words = {outcome.value: words for outcome, words in OUTCOMES.items()}
    return [(call, words.get(call.outcome, (call.outcome.replace("_", " "), "quiet", "phone"))) for call in calls]


register_tab(
    Tab("calls", "Calls", Right.CALL_CUSTOMERS, "calling/customer_calls.html", _load_calls, count_customer_calls, 30)
)
