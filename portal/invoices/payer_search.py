"""Whom a new invoice is for: found by a few letters as one types, and filled into the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.invoices.create import find_billing_details
from domain.kernel.whole_numbers import read_id
from domain.search.find import FoundCustomer, find_customers
from portal.invoices.list import LIST
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db

blueprint = Blueprint("portal_invoice_payers", __name__)
Pairs = Mapping[str, Sequence[str]]
_DETAILS = (
    "customer_id", "customer_name", "customer_company", "customer_email", "customer_phone", "customer_address",
    "customer_city", "customer_state", "customer_zip", "po_number",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayerSearch:
    """What was looked for and found; `details` are the fields that a choice fills in."""

    words: str = ""
    hits: Sequence[FoundCustomer] = ()
    details: dict[str, str] = field(default_factory=dict)


@blueprint.post(f"{LIST}/customers")
@staff_page(Right.EDIT_INVOICES)
async def find_payers() -> Response:
    """The customers that the words above the fields may mean."""
    words = _words(await form_pairs())
    found = PayerSearch(words, await find_customers(db(), words, visible_to=current_actor()))
    return await page_or_block("invoices/edit/part.html", block="customer_hits", payer=found)


async def search_payer(pairs: Pairs) -> PayerSearch | None:
    """What the form looks for, or whom it takes on or off; None for a form that does none of it.

    Words are sent by Enter, which selects the first result. Raises NotFound for a customer who is gone.
    """
    act = pairs.get("act", [""])[-1]
    if act == "other":
        return PayerSearch(details=dict.fromkeys(_DETAILS, ""))
    chosen = read_id(act.removeprefix("customer:")) if act.startswith("customer:") else None
    words = _words(pairs)
    if chosen is None and not words:
        return None
    hits: Sequence[FoundCustomer] = ()
    if chosen is None:
        hits = await find_customers(db(), words, visible_to=current_actor())
        if not hits:
            return PayerSearch(words)
        chosen = hits[0].id
    return PayerSearch(details=await fill_payer(chosen))


async def fill_payer(customer_id: int) -> dict[str, str]:
    """The fields that say whom an invoice is for; raises NotFound."""
    return {"customer_id": str(customer_id)} | await find_billing_details(db(), customer_id)


def _words(pairs: Pairs) -> str:
    return pairs.get("customer_q", [""])[-1].strip()[:80]
