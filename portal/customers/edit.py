"""Forms of a customer: a new one, a changed one, terms, do-not-call and deletion."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.customers import create_customer as creating
from domain.customers import delete_customer as deleting
from domain.customers import edit_customer as editing
from domain.customers import terms
from domain.customers.duplicates import find_lookalikes
from domain.customers.edit_customer import EditCustomer
from domain.customers.hub import list_customer_trail
from domain.customers.rows import CustomerRow, get_customer
from domain.kernel.errors import Refused
from domain.kernel.inputs import Input, Text2000
from domain.kernel.phone import format_phone, parse_phone
from domain.kernel.whole_numbers import read_whole
from domain.order_desk.assign import list_sales_reps
from models import PaymentTerms
from portal.attempts import Attempt, attempt, form_status, refusal_of
from portal.customers.customer import FIELD_WORDS, LANGUAGES
from portal.customers.list import LIST
from portal.merging import MergedAttempt, Present, attempt_merging, choose_version, keep_opened
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db, shop_url

blueprint = Blueprint("portal_customer_forms", __name__)
FIELDS = [name for name in EditCustomer.model_fields if name not in {"do_not_call", "do_not_call_note", "version"}]
TERM_FIELDS = {"payment_terms": "Terms", "credit_limit": "Credit limit", "sales_rep_id": "Rep"}
TERM_WORDS = [(PaymentTerms.PREPAID.value, "Prepaid"), (PaymentTerms.NET30.value, "Net 30")]


class AskNotToCall(Input):
    """Why the customer is not to be called."""

    do_not_call_note: Text2000 = ""


@blueprint.get(f"{LIST}/new")
@staff_page(Right.EDIT_CUSTOMERS)
async def show_new_form() -> Response:
    """The form of a new customer."""
    return await _show_form("New customer", f"{LIST}/new", LIST, {})


@blueprint.post(f"{LIST}/new")
@staff_page(Right.EDIT_CUSTOMERS)
async def create() -> Response:
    """Create a customer, if there is no lookalike or the form confirms it."""
    form = await request.form
    twins = [] if form.get("is_new") else await _find_twins(dict(form))
    if twins:
        return await _show_form("New customer", f"{LIST}/new", LIST, dict(form), twins=twins, status=409)

    async def save(data: EditCustomer) -> int:
        return await creating.create_customer(db(), data, by=current_actor())

    tried = await attempt(EditCustomer, save)
    if tried.result is None:
        return await _show_form("New customer", f"{LIST}/new", LIST, tried.typed, tried=tried)
    return await redirect_to(f"{LIST}/{tried.result}", toast="Customer kept")


@blueprint.get(f"{LIST}/lookalikes")
@staff_page(Right.SEE_CUSTOMERS)
async def show_lookalikes() -> Response:
    """Existing customers that look like the typed one."""
    twins = await _find_twins(request.args.to_dict())
    return await page_or_block("customers/form.html", block="lookalikes", twins=twins, **_blank_form())


@blueprint.get(f"{LIST}/<id:customer_id>/edit")
@staff_page(Right.EDIT_CUSTOMERS)
async def show_edit_form(customer_id: int) -> Response:
    """The form that changes a customer."""
    row = await get_customer(db(), customer_id)
    return await _show_form(row.title, f"{LIST}/{customer_id}/edit", f"{LIST}/{customer_id}", _values(row), row=row)


@blueprint.post(f"{LIST}/<id:customer_id>/edit")
@staff_page(Right.EDIT_CUSTOMERS)
async def save_customer(customer_id: int) -> Response:
    """Change a customer; a colleague's changes in the meantime are shown beside the typed values."""

    async def save(data: EditCustomer, version: int | None) -> CustomerRow:
        wanted = data.model_copy(update={"version": version})
        return await editing.update_customer(db(), customer_id, wanted, shop_url=shop_url(), by=current_actor())

    async def read_present() -> Present:
        there = await get_customer(db(), customer_id)
        return Present(there.version, _values(there))

    tried = await attempt_merging(EditCustomer, save, read_present)
    if tried.result is not None:
        return await redirect_to(f"{LIST}/{customer_id}", toast="Customer saved")
    row = await get_customer(db(), customer_id)
    url, back = f"{LIST}/{customer_id}/edit", f"{LIST}/{customer_id}"
    return await _show_form(row.title, url, back, tried.typed, row=row, tried=tried)


@blueprint.route(f"{LIST}/<id:customer_id>/terms", methods=["GET", "POST"])
@staff_page(Right.SET_TERMS)
async def set_terms(customer_id: int) -> Response:
    """Ask for the terms, the limit and the rep, and set them."""
    tried = await _set_terms(customer_id) if request.method == "POST" else None
    if tried is not None and tried.result is not None:
        return await redirect_to(f"{LIST}/{customer_id}", toast="Terms set")
    return await _ask_for_terms(customer_id, tried)


async def _set_terms(customer_id: int) -> MergedAttempt[bool]:
    async def save(data: terms.SetTerms, version: int | None) -> bool:
        wanted = data.model_copy(update={"version": version})
        await terms.set_terms(db(), customer_id, wanted, by=current_actor())
        return True

    async def read_present() -> Present:
        there = await get_customer(db(), customer_id)
        return Present(there.version, _term_values(there))

    return await attempt_merging(terms.SetTerms, save, read_present)


async def _ask_for_terms(customer_id: int, tried: MergedAttempt[bool] | None) -> Response:
    row = await get_customer(db(), customer_id)
    reps = [("", "Nobody"), *((str(rep.id), rep.full_name or rep.username) for rep in await list_sales_reps(db()))]
    present = Present(row.version, _term_values(row))
    words = dict(reps) | {str(value): word for value, word in TERM_WORDS}
    return await page_or_block(
        "customers/terms.html",
        block="dialog",
        row=row,
        url=f"{LIST}/{customer_id}/terms",
        back_url=f"{LIST}/{customer_id}",
        term_words=TERM_WORDS,
        reps=reps,
        typed=tried.typed if tried else present.values,
        version=choose_version(tried, present),
        opened=keep_opened(tried, present.values),
        conflict=tried.describe_conflict(
            TERM_FIELDS, lambda name, value: value if name == "credit_limit" else words.get(value, value)
        )
        if tried
        else None,
        **refusal_of(tried),
    )


@blueprint.route(f"{LIST}/<id:customer_id>/do-not-call", methods=["GET", "POST"])
@staff_page(Right.EDIT_CUSTOMERS)
async def mark_do_not_call(customer_id: int) -> Response:
    """Ask why, and mark the customer's numbers."""
    tried: Attempt[CustomerRow] | None = None
    if request.method == "POST":

        async def save(data: AskNotToCall) -> CustomerRow:
            wish = editing.UpdateCustomer(do_not_call=True, do_not_call_note=data.do_not_call_note)
            return await editing.update_customer(db(), customer_id, wish, shop_url=shop_url(), by=current_actor())

        tried = await attempt(AskNotToCall, save)
        if tried.result is not None:
            return await redirect_to(f"{LIST}/{customer_id}", toast="Marked do-not-call")
    return await page_or_block(
        "customers/do_not_call.html",
        block="dialog",
        row=await get_customer(db(), customer_id),
        url=f"{LIST}/{customer_id}/do-not-call",
        back_url=f"{LIST}/{customer_id}",
        **refusal_of(tried),
    )


@blueprint.route(f"{LIST}/<id:customer_id>/delete", methods=["GET", "POST"])
@staff_page(Right.DELETE_CUSTOMERS)
async def delete_customer(customer_id: int) -> Response:
    """Confirm what is deleted and kept, and delete the customer."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            async with db().begin_nested():
                await deleting.delete_customer(db(), customer_id, by=current_actor())
            return await redirect_to(LIST, toast="Customer deleted")
        except Refused as refusal:
            problem, status = refusal.message, form_status(refusal)
    row = await get_customer(db(), customer_id)
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        status=status,
        title=f"Delete {row.title}?",
        text="Their orders are kept without a customer; their sign-in is removed. This can’t be undone.",
        verb="Delete",
        url=f"{LIST}/{customer_id}/delete",
        back_url=f"{LIST}/{customer_id}",
        problem=problem,
    )


async def _show_form(
    title: str,
    url: str,
    back_url: str,
    values: dict[str, Any],
    *,
    row: CustomerRow | None = None,
    tried: Attempt[Any] | None = None,
    twins: list[CustomerRow] | None = None,
    status: int = 200,
) -> Response:
    differences, clashes, who = [], [], None
    if row is not None and isinstance(tried, MergedAttempt) and tried.is_stale:
        words = {name: FIELD_WORDS.get(name, name.replace("_", " ")).capitalize() for name in FIELDS}
        differences, clashes = tried.describe_clashes(words), tried.clashes
        trail = await list_customer_trail(db(), row.id, most=1)
        who = trail[0] if trail else None
    return await page_or_block(
        "customers/form.html",
        block="customer_form",
        status=tried.status if tried else status,
        title=title,
        url=url,
        back_url=back_url,
        values=values,
        row=row,
        version=choose_version(tried, Present(row.version, {})) if row else None,
        opened=keep_opened(tried, _values(row)) if row else "",
        errors=tried.errors if tried else {},
        problem=tried.problem if tried else "",
        is_stale=bool(tried and tried.is_stale),
        differences=differences,
        clashes=clashes,
        who=who,
        twins=twins or [],
        languages=LANGUAGES,
    )


def _blank_form() -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "values": {},
        "row": None,
        "version": None,
        "errors": {},
        "differences": [],
        "who": None,
        "opened": "",
        "clashes": [],
    }
    return nothing | {
        "title": "New customer",
        "url": f"{LIST}/new",
        "back_url": LIST,
        "problem": "",
        "is_stale": False,
        "languages": LANGUAGES,
    }


async def _find_twins(typed: dict[str, str]) -> list[CustomerRow]:
    address = typed.get("shipping_address", "")
    last = address.rsplit(" ", 1)[-1] if address else ""
    return await find_lookalikes(
        db(),
        phone=parse_phone(typed.get("phone", "")) if typed.get("phone") else None,
        email=typed.get("email") or None,
        name=typed.get("company_name", ""),
        zip_code=last if read_whole(last[:5]) is not None else "",
    )


def _values(row: CustomerRow) -> dict[str, str]:
    """The fields for display, including phones."""
    values = {name: str(getattr(row, name) or "") for name in FIELDS}
    return values | {name: format_phone(values[name]) for name in ("phone", "phone2") if values[name]}


def _term_values(row: CustomerRow) -> dict[str, str]:
    return {
        "payment_terms": row.payment_terms,
        "credit_limit": f"{row.credit_limit:.2f}",
        "sales_rep_id": str(row.sales_rep_id or ""),
    }
