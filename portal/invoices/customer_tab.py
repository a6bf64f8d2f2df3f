"""The invoices on the customer page, with open and late amounts, the statement, and the switch for reminders."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right
from domain.invoices.customer_invoices import count_customer_invoices, get_customer_invoices
from portal.customers.tabs import Tab, register_tab
from web.request import current_actor


async def _load(db: AsyncSession, customer_id: int) -> Any:
    return await get_customer_invoices(db, customer_id, visible_to=current_actor())


async def _count(db: AsyncSession, customer_id: int) -> int:
    return await count_customer_invoices(db, customer_id, visible_to=current_actor())


register_tab(Tab("invoices", "Invoices", Right.SEE_INVOICES, "invoices/customer_tab.html", _load, _count, 20))
