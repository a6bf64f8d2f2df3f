"""The customer of a new invoice: searched while typing, and filled into the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.invoices.create import find_billing_details
from domain.kernel.phone import format_phone
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
    """The search and its results; `details` are the fields filled in by a choice."""

    words: str = ""
    hits: Sequence[FoundCustomer] = ()
    details: dict[str, str] = field(default_factory=dict)


@blueprint.post(f"{LIST}/customers")
@staff_page(Right.EDIT_INVOICES)
async def find_payers() -> Response:
    """The customers that match the search field."""
    words = _words(await form_pairs())
    found = PayerSearch(words, await find_customers(db(), words, visible_to=current_actor()))
    return await page_or_block("invoices/edit/part.html", block="customer_hits", payer=found)


async def search_payer(pairs: Pairs) -> PayerSearch | None:
    """The form's search, or the customer that it selects or removes; None if it does neither.

    Enter sends the search and selects the first result. Raises NotFound for a deleted customer.
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
    """The recipient fields of an invoice; raises NotFound."""
    return write_phone({"customer_id": str(customer_id)} | await find_billing_details(db(), customer_id))


def write_phone(details: dict[str, str]) -> dict[str, str]:
    """The form's fields with the phone number as people write it."""
    return details | {"customer_phone": format_phone(details["customer_phone"])}


def _words(pairs: Pairs) -> str:
    return pairs.get("customer_q", [""])[-1].strip()[:80]
