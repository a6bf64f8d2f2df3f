"""Customers for staff: list, changes, duplicates and export."""

from typing import Any

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.schemas.customers import (
    BulkDeletedCustomersOut,
    CustomerListOut,
    CustomerOrdersOut,
    CustomerOut,
    DeletedCustomerOut,
    DuplicatesOut,
    MergedCustomersOut,
    PersonOut,
    UpdatedCustomerOut,
    WebsiteUsersOut,
)
from api.staff.orders import show_order
from domain.access.rights import Right
from domain.customers import delete_customer as deleting
from domain.customers import edit_customer, export, merge, people, rows
from domain.customers.duplicates import list_duplicates
from domain.customers.list_customers import ListCustomers
from domain.customers.list_customers import list_customers as list_page
from domain.customers.website_users import ListWebsiteUsers
from domain.customers.website_users import list_website_users as list_users
from domain.kernel.codes import Code
from domain.kernel.paging import Page, PageInput
from domain.orders import queries
from domain.orders.filters import OrderFilters
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, answers_file, reads, reads_query, refuses
from web.request import current_actor, db, settings, shop_url
from web.streams import answer_file, stream_file

blueprint = Blueprint("staff_customers", __name__)
tag_blueprint(blueprint, ["staff_customers"])


@blueprint.get("/api/staff/customers")
@staff_only(Right.SEE_CUSTOMERS)
@reads_query(ListCustomers)
@answers(CustomerListOut)
async def list_customers(query: ListCustomers) -> Any:
    """Customers, paged, searched and sorted."""
    return _show_page(await list_page(db(), query), "customers")


@blueprint.get("/api/staff/customers/<id:id>")
@staff_only(Right.SEE_CUSTOMERS)
@answers(CustomerOut)
async def get_customer(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """One customer."""
    async with current_database().reading() as connection:
        return await rows.get_customer(connection, id)


@blueprint.put("/api/staff/customers/<id:id>")
@staff_only(Right.EDIT_CUSTOMERS)
@reads(edit_customer.UpdateCustomer)
@answers(UpdatedCustomerOut)
@refuses(Code.EMAIL_TAKEN)
async def update_customer(id: int, data: edit_customer.UpdateCustomer) -> Any:  # noqa: A002
    """Change the fields sent; reps only for their own or unassigned customers. Only administrators lift do-not-call."""
    return await edit_customer.update_customer(db(), id, data, shop_url=shop_url(), by=current_actor())


@blueprint.delete("/api/staff/customers/<id:id>")
@staff_only(Right.DELETE_CUSTOMERS)
@answers(DeletedCustomerOut)
@refuses(Code.HAS_BALANCE, Code.HAS_CREDIT, Code.HAS_PAYMENT, Code.HAS_SUBSCRIPTION)
async def delete_customer(id: int) -> Any:  # noqa: A002
    """Delete a customer permanently; orders are kept, unlinked. 409 if the customer has a balance or credit."""
    await deleting.delete_customer(db(), id, by=current_actor())
    return {"deleted_id": id}


@blueprint.get("/api/staff/customers/<id:id>/orders")
@staff_only(Right.SEE_CUSTOMERS)
@reads_query(PageInput)
@answers(CustomerOrdersOut)
async def customer_orders(id: int, query: PageInput) -> Any:  # noqa: A002
    """The customer's orders, newest first, with their lines; reps see only their own."""
    filters = OrderFilters(customer_id=id, page=query.page, per_page=query.per_page)
    async with current_database().listing() as connection:
        await rows.get_customer(connection, id)
        page = await queries.list_orders(connection, filters, visible_to=current_actor(), timezone=settings().timezone)
        items = await queries.list_items(connection, [row.id for row in page.rows], visible_to=current_actor())
    return _show_page(page.map(lambda row: show_order(row, items[row.id])), "orders")


@blueprint.post("/api/staff/customers/bulk-delete")
@staff_only(Right.DELETE_CUSTOMERS)
@reads(deleting.BulkDeleteCustomers)
@answers(BulkDeletedCustomersOut)
async def bulk_delete_customers(data: deleting.BulkDeleteCustomers) -> Any:
    """Delete many customers independently; those that can't be deleted are reported."""
    return await deleting.bulk_delete_customers(db(), data, by=current_actor())


@blueprint.get("/api/staff/customers/csv-template")
@staff_only(Right.SEE_CUSTOMERS)
@answers_file("text/csv")
async def customer_csv_template() -> Response:
    """An empty CSV with the header row for an import."""
    return answer_file(export.write_template(), "customers-template.csv")


@blueprint.get("/api/staff/customers/duplicates")
@staff_only(Right.SEE_CUSTOMERS)
@answers(DuplicatesOut)
async def duplicate_customers() -> Any:
    """Groups of customers with the same primary phone, the largest first."""
    async with current_database().reading() as connection:
        groups, total = await list_duplicates(connection)
    return {"duplicate_groups": groups, "total_groups": total}


@blueprint.get("/api/staff/customers/export")
@staff_only(Right.EXPORT_CUSTOMERS)
@answers_file("text/csv")
async def export_customers() -> Response:
    """Every customer as CSV, streamed, safe against formulas."""
    pieces = await export.export_book(db(), current_database(), timezone=settings().timezone, by=current_actor())
    return await stream_file(pieces, "customers.csv")


# The office merges on the page, whose preview says what moves; without it, an account is gone as by a deletion.
@blueprint.post("/api/staff/customers/merge")
@staff_only(Right.DELETE_CUSTOMERS)
@reads(merge.MergeCustomers)
@answers(MergedCustomersOut)
@refuses(Code.EMAIL_TAKEN, Code.NOT_FOUND)
async def merge_customers(data: merge.MergeCustomers) -> Any:
    """Move all records of one customer to another in one transaction; `chosen` overrides values of the kept one."""
    merged = await merge.merge_customers(db(), data, by=current_actor())
    return {
        "merge_id": merged.merge_id,
        "kept_id": merged.kept_id,
        "merged_id": merged.merged_id,
        "orders_moved": merged.orders_moved,
        "combined_order_count": merged.bought.order_count,
        "combined_total_spent": merged.bought.total_spent,
        "kept_customer": merged.kept,
    }


@blueprint.get("/api/staff/customers/search")
@staff_only(Right.SEE_CUSTOMERS)
@reads_query(people.SearchPeople)
@answers(list[PersonOut])
async def search_customers(query: people.SearchPeople) -> Any:
    """Registered customers, and guests known from orders, by name, company or phone."""
    async with current_database().reading() as connection:
        return await people.search_people(connection, query)


@blueprint.get("/api/staff/website-users")
@staff_only(Right.SEE_CUSTOMERS)
@reads_query(ListWebsiteUsers)
@answers(WebsiteUsersOut)
async def list_website_users(query: ListWebsiteUsers) -> Any:
    """Accounts that customers opened themselves, newest first."""
    async with current_database().listing() as connection:
        return _show_page(await list_users(connection, query), "users")


def _show_page(page: Page[Any], name: str) -> dict[str, Any]:
    """A page with the contract's key names."""
    return {
        name: page.rows,
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "pages": page.pages,
    }
