"""Bank details on the customer page: saved there, and shown only by their last four digits."""

from dataclasses import dataclass

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right
from domain.kernel.errors import NotAllowed
from domain.sales.bank_account import BankDetails, SaveBankAccount, get_bank_details, save_bank_account
from portal.attempts import Attempt, attempt
from portal.customers.list import LIST
from portal.customers.tabs import Tab, register_tab
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_customer_bank", __name__)
TYPES = [("checking", "Checking"), ("savings", "Savings")]


@dataclass(frozen=True, slots=True)
class BankTab:
    """The bank details, or why this colleague can't see them."""

    details: BankDetails | None
    why_not: str = ""


async def _load_bank(session: AsyncSession, customer_id: int) -> BankTab:
    try:
        return BankTab(await get_bank_details(session, customer_id, visible_to=current_actor()))
    except NotAllowed as refusal:
        return BankTab(None, refusal.message)


register_tab(Tab("bank", "Bank", Right.SEE_BANK_DETAILS, "calling/bank_tab.html", _load_bank, place=80))


@blueprint.get(f"{LIST}/<id:customer_id>/bank")
@staff_page(Right.SEE_BANK_DETAILS)
async def show_bank_form(customer_id: int) -> Response:
    """The form for bank details."""
    return await _ask(customer_id, None)


@blueprint.post(f"{LIST}/<id:customer_id>/bank")
@staff_page(Right.SEE_BANK_DETAILS)
async def save_bank(customer_id: int) -> Response:
    """Replace the bank details."""

    async def save(data: SaveBankAccount) -> BankDetails:
        return await save_bank_account(db(), customer_id, data, by=current_actor(), keys=settings().data_keys)

    tried = await attempt(SaveBankAccount, save)
    if tried.result is None:
        return await _ask(customer_id, tried)
    word = f"The account ending in {(tried.result.ach_account_number_masked or '')[-4:]} is kept"
    return await redirect_to(f"{LIST}/{customer_id}?tab=bank", toast=word)


async def _ask(customer_id: int, tried: Attempt[BankDetails] | None) -> Response:
    details = await get_bank_details(db(), customer_id, visible_to=current_actor())
    # The number itself is never sent back to the page, not even the one just typed.
    typed = {name: value for name, value in tried.typed.items() if name != "account_number"} if tried else {}
    return await page_or_block(
        "calling/bank.html", block="dialog", status=tried.status if tried else 200, details=details, typed=typed,
        errors=tried.errors if tried else {}, problem=tried.problem if tried else "", types=TYPES,
        customer_id=customer_id,
    )  # fmt: skip
