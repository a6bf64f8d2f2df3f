"""The sales floor: catalogue, customers, orders, history, figures and commissions."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.sales import (
    BankDetailsOut,
    CancelledOrderOut,
    CatalogCategoryOut,
    CommissionPaidOut,
    CommissionsPaidOut,
    EditedCustomerOut,
    GuestProfileOut,
    MyOrdersOut,
    PerformanceOut,
    PlacedForCustomerOut,
    SalesCustomersOut,
    SalesHistoryOut,
    SalesProfileOut,
    SavedBankDetailsOut,
)
from api.staff.orders import read_whole_order
from domain.access.rights import Right
from domain.commissions import pay
from domain.kernel.codes import Code
from domain.kernel.paging import WidePageInput
from domain.sales import bank_account, cancel, catalog, customers, edit_customer, history, performance, place_order
from models.session import current_database
from web.exports import note_export
from web.guards import staff_only
from web.reading import answers, answers_file, reads, reads_query, refuses
from web.request import current_actor, db, order_rules, settings, shop_url
from web.streams import stream_file

blueprint = Blueprint("staff_sales", __name__)
tag_blueprint(blueprint, ["sales"])
commissions = Blueprint("staff_commissions", __name__)
tag_blueprint(commissions, ["commissions"])


@blueprint.get("/api/sales/catalog")
@staff_only(Right.CALL_CUSTOMERS)
@reads_query(WidePageInput)
@answers(list[CatalogCategoryOut])
async def sales_catalog(query: WidePageInput) -> Any:
    """Active products by category; pages count categories."""
    async with current_database().reading() as connection:
        return await catalog.list_catalog(connection, query)


@blueprint.get("/api/sales/customers")
@staff_only(Right.CALL_CUSTOMERS)
@reads_query(customers.ListSalesCustomers)
@answers(SalesCustomersOut)
async def sales_customers(query: customers.ListSalesCustomers) -> Any:
    """Customers with a phone, those with the oldest last order first, those without orders last."""
    async with current_database().listing() as connection:
        page = await customers.list_sales_customers(connection, query, visible_to=current_actor())
    return {"customers": page.rows, "total": page.total, "page": page.page, "pages": page.pages}


@blueprint.get("/api/sales/customers/<id:id>/ach")
@staff_only(Right.SEE_BANK_DETAILS)
@answers(BankDetailsOut)
@refuses(Code.NOT_YOUR_CUSTOMER)
async def get_ach(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """Bank details on file; only the last four digits of the account number."""
    return await bank_account.get_bank_details(db(), id, visible_to=current_actor())


@blueprint.post("/api/sales/customers/<id:id>/ach")
@staff_only(Right.SEE_BANK_DETAILS)
@reads(bank_account.SaveBankAccount)
@answers(SavedBankDetailsOut)
@refuses(Code.NOT_YOUR_CUSTOMER)
async def save_ach(id: int, data: bank_account.SaveBankAccount) -> Any:  # noqa: A002
    """Store bank details; the account number is encrypted and never shown in full."""
    return await bank_account.save_bank_account(db(), id, data, by=current_actor(), keys=settings().data_keys)


@blueprint.get("/api/sales/customers/guest")
@staff_only(Right.CALL_CUSTOMERS)
@reads_query(customers.FindGuest)
@answers(GuestProfileOut)
@refuses(Code.NOT_FOUND, Code.NOT_YOUR_CUSTOMER)
async def guest_profile(query: customers.FindGuest) -> Any:
    """Profile and history by phone, from the account with this number or otherwise from guest orders."""
    async with current_database().reading() as connection:
        return await customers.get_guest_profile(connection, query, visible_to=current_actor())


@blueprint.get("/api/sales/customers/<id:id>")
@staff_only(Right.CALL_CUSTOMERS)
@answers(SalesProfileOut)
@refuses(Code.NOT_YOUR_CUSTOMER)
async def sales_customer_profile(id: int) -> Any:  # noqa: A002
    """A customer's profile with order figures and recent orders."""
    async with current_database().reading() as connection:
        return await customers.get_sales_profile(connection, id, visible_to=current_actor())


@blueprint.put("/api/sales/customers/<id:id>")
@staff_only(Right.CALL_CUSTOMERS)
@reads(edit_customer.UpdateSalesCustomer)
@answers(EditedCustomerOut)
@refuses(Code.EMAIL_TAKEN, Code.NOT_YOUR_CUSTOMER)
async def update_sales_customer(id: int, data: edit_customer.UpdateSalesCustomer) -> Any:  # noqa: A002
    """Change a customer's details; open orders with the old details are updated."""
    edited = await edit_customer.update_sales_customer(db(), id, data, shop_url=shop_url(), by=current_actor())
    answer = EditedCustomerOut.model_fields.keys() - {"success", "updated_orders"}
    return {name: getattr(edited.profile, name) for name in answer} | {"updated_orders": edited.updated_orders}


@blueprint.get("/api/sales/history")
@staff_only(Right.SEE_PERFORMANCE)
@reads_query(history.ListHistory)
@answers(SalesHistoryOut)
@answers_file("text/csv")
async def sales_history(query: history.ListHistory) -> Any:
    """Past sales of the rep (for the office: of all reps), as single orders or grouped; `format=csv` returns a file."""
    if query.format == "csv":
        await note_export("sale", query)
        body = history.export_history(current_database(), query, visible_to=current_actor())
        return await stream_file(body, "sales.csv")
    async with current_database().listing() as connection:
        return await _read_history(connection, query)


async def _read_history(connection: Any, query: history.ListHistory) -> Any:
    """Only the keys of the requested shape."""
    if query.group_by is None:
        page, summary = await history.list_history(connection, query, visible_to=current_actor())
        shown = SalesHistoryOut.model_validate({
            "page": page.page, "per_page": page.per_page, "total": page.total, "pages": page.pages,
            "summary": summary, "orders": page.rows,
        }, from_attributes=True)  # fmt: skip
    else:
        groups = await history.list_groups(connection, query, visible_to=current_actor())
        summary = await history.sum_sales(connection, query, visible_to=current_actor())
        shown = SalesHistoryOut.model_validate({
            "group_by": query.group_by, "groups": groups, "total_orders": summary.total_orders,
            "total_revenue": summary.total_revenue,
        }, from_attributes=True)  # fmt: skip
    return shown.model_dump_json(exclude_none=False, include=shown.model_fields_set).encode()


@blueprint.get("/api/sales/my-orders")
@staff_only(Right.SEE_PERFORMANCE)
@reads_query(history.MyOrders)
@answers(MyOrdersOut)
async def my_orders(query: history.MyOrders) -> Any:
    """The orders credited to the caller, with figures for the period and for all time."""
    async with current_database().listing() as connection:
        own = await history.list_my_orders(connection, query, by=current_actor())
    return {
        "rep": own,
        "period_days": own.period_days,
        "period_orders": own.period.total_orders,
        "period_revenue": own.period.total_revenue,
        "all_time_orders": own.all_time.total_orders,
        "all_time_revenue": own.all_time.total_revenue,
        "orders": own.orders,
    }


@blueprint.post("/api/sales/orders/<id:id>/cancel")
@staff_only(Right.CANCEL_ORDERS)
@answers(CancelledOrderOut)
@refuses(Code.CREDIT_TOO_LARGE, Code.STATE_NOT_ALLOWED)
async def rep_cancel_order(id: int) -> Any:  # noqa: A002
    """Cancel one of the rep's own orders while it is pending or confirmed."""
    return await cancel.cancel_own_order(db(), id, by=current_actor())


@blueprint.get("/api/sales/performance")
@staff_only(Right.SEE_PERFORMANCE)
@reads_query(performance.ReadPerformance)
@answers(PerformanceOut)
@refuses(Code.NOT_FOUND)
async def rep_performance(query: performance.ReadPerformance) -> Any:
    """Figures of the team and its reps with a weekly or monthly trend; reps see their own row."""
    async with current_database().reporting() as connection:
        return await performance.get_performance(connection, query, visible_to=current_actor())


@blueprint.post("/api/sales/orders")
@staff_only(Right.ENTER_ORDERS)
@idempotent
@reads(place_order.PlaceForCustomer)
@answers(PlacedForCustomerOut, 201)
@refuses(
    Code.DISCOUNT_TOO_LARGE,
    Code.NOT_FOUND,
    Code.NOT_YOUR_CUSTOMER,
    Code.ORDER_TOO_LARGE,
    Code.OUT_OF_STOCK,
    Code.TERMS_NOT_COVERED,
    Code.UNKNOWN_PRODUCT,
    Code.UNKNOWN_PRODUCTS,
)
async def rep_place_order(data: place_order.PlaceForCustomer) -> Any:
    """Place an order for a customer, credited to the caller; a rep's discount is limited."""
    placed = await place_order.place_for_customer(
        db(), data, by=current_actor(), rules=order_rules(), keys=settings().data_keys
    )
    return {"order": await read_whole_order(placed.written.id)}


@commissions.patch("/api/sales/commissions/<order_number>")
@staff_only(Right.PAY_COMMISSIONS)
@reads(pay.SetCommissionPaid, optional=True)
@answers(CommissionPaidOut)
@refuses(Code.NO_COMMISSION, Code.ORDER_CANCELLED)
async def set_commission_paid(order_number: str, data: pay.SetCommissionPaid) -> Any:
    """Mark an order's commission paid or unpaid; without `paid` it is toggled."""
    return await pay.set_commission_paid(db(), order_number, data, by=current_actor())


@commissions.post("/api/sales/commissions/bulk")
@staff_only(Right.PAY_COMMISSIONS)
@reads(pay.BulkCommissionPaid)
@answers(CommissionsPaidOut)
async def bulk_commission_paid(data: pay.BulkCommissionPaid) -> Any:
    """Mark the commissions of many orders as paid, or as unpaid if `paid` is false."""
    return {"updated": await pay.mark_commissions_paid(db(), data, by=current_actor()), "paid": data.is_paid}
