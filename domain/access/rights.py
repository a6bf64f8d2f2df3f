"""What each role may do, in one place: route guards, navigation entries and the domain use the same names.

`docs/rights.md` is generated from this table and the live routes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.errors import NotAllowed
from models import KeyScope, Role


class Right(StrEnum):
    """One permission of a colleague or a program; `GRANTS` describes what it allows."""

    SEE_ORDERS = "see_orders"
    SEE_MONEY = "see_money"
    ENTER_ORDERS = "enter_orders"
    EDIT_ORDERS = "edit_orders"
    NOTE_ORDERS = "note_orders"
    MOVE_ORDERS = "move_orders"
    CONFIRM_ORDERS = "confirm_orders"
    CANCEL_ORDERS = "cancel_orders"
    CANCEL_PAID_ORDERS = "cancel_paid_orders"
    ATTEND_ORDERS = "attend_orders"
    SET_ORDER_HISTORY = "set_order_history"
    OVERRIDE_TERMS = "override_terms"
    ASSIGN_ORDERS = "assign_orders"
    DELETE_ORDERS = "delete_orders"
    MOVE_ORDERS_BACK = "move_orders_back"
    RECORD_PAYMENTS = "record_payments"
    APPLY_CREDIT = "apply_credit"
    SEND_PAY_LINKS = "send_pay_links"
    UPLOAD_CHECKS = "upload_checks"
    REVIEW_CHECKS = "review_checks"
    REFUND_PAYMENTS = "refund_payments"
    SEE_CREDIT = "see_credit"
    ADJUST_CREDIT = "adjust_credit"
    SEE_CUSTOMERS = "see_customers"
    EDIT_CUSTOMERS = "edit_customers"
    MERGE_CUSTOMERS = "merge_customers"
    DELETE_CUSTOMERS = "delete_customers"
    EXPORT_CUSTOMERS = "export_customers"
    EXPORT_CUSTOMER_LIST = "export_customer_list"
    SET_TERMS = "set_terms"
    SEE_BANK_DETAILS = "see_bank_details"
    LIFT_SUPPRESSION = "lift_suppression"
    SEE_WEBSITE_USERS = "see_website_users"
    SEE_IMPORTS = "see_imports"
    IMPORT_BOOKS = "import_books"
    SEE_PROCUREMENT = "see_procurement"
    EDIT_PROCUREMENT = "edit_procurement"
    DELETE_VENDORS = "delete_vendors"
    SEE_PRODUCTS = "see_products"
    SEE_PRODUCT_PAGES = "see_product_pages"
    EDIT_PRODUCTS = "edit_products"
    CREATE_PRODUCTS = "create_products"
    SEE_COSTS = "see_costs"
    EDIT_STOCK = "edit_stock"
    CORRECT_STOCK = "correct_stock"
    SEE_WAREHOUSE = "see_warehouse"
    PACK_ORDERS = "pack_orders"
    BUY_LABELS = "buy_labels"
    DELETE_LABELS = "delete_labels"
    OVERRIDE_PACKING = "override_packing"
    EDIT_BOXES = "edit_boxes"
    SEE_INVOICES = "see_invoices"
    EDIT_INVOICES = "edit_invoices"
    SEE_STATS = "see_stats"
    SEE_PROFIT = "see_profit"
    CALL_CUSTOMERS = "call_customers"
    ASSIGN_CALLS = "assign_calls"
    UPLOAD_PROSPECTS = "upload_prospects"
    EDIT_SCRIPT = "edit_script"
    SEE_PERFORMANCE = "see_performance"
    SEE_COMMISSIONS = "see_commissions"
    PAY_COMMISSIONS = "pay_commissions"
    SEE_SCORES = "see_scores"
    SEE_SUBSCRIPTIONS = "see_subscriptions"
    EDIT_SUBSCRIPTIONS = "edit_subscriptions"
    SEE_CALL_QUEUE = "see_call_queue"
    REVIEW_CALLS = "review_calls"
    SUGGEST_PROMPTS = "suggest_prompts"
    SEE_STAFF = "see_staff"
    EDIT_STAFF = "edit_staff"
    EDIT_KEYS = "edit_keys"
    SEE_SAVINGS_REQUESTS = "see_savings_requests"
    SEE_OUTBOX = "see_outbox"
    SEE_JOBS = "see_jobs"
    SEE_AUDIT = "see_audit"
    CHECK_MAIL = "check_mail"


_ADMIN = frozenset({Role.ADMIN})
_MANAGERS = _ADMIN | {Role.MANAGER}
_OFFICE = _MANAGERS | {Role.STAFF}
_DESK = _OFFICE | {Role.SALES_REP}
_FLOOR = _OFFICE | {Role.WAREHOUSE}
_ALL = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Grant:
    """The roles that have a right, and a short description of what it allows."""

    roles: frozenset[Role]
    allows: str


GRANTS: Mapping[Right, Grant] = {
    Right.SEE_ORDERS: Grant(_ALL, "Read orders; a rep their own, the warehouse without money"),
    Right.SEE_MONEY: Grant(_DESK, "See prices, totals and payments"),
    Right.ENTER_ORDERS: Grant(_DESK, "Enter an order; a rep for customers who are theirs or have no rep"),
    Right.EDIT_ORDERS: Grant(_DESK, "Change delivery details and the lines of a pending order"),
    Right.NOTE_ORDERS: Grant(_ALL, "Write staff notes on an order; only the desk sets who looks after it"),
    Right.MOVE_ORDERS: Grant(_ALL, "Move an order forward; the warehouse never to cancelled"),
    Right.CONFIRM_ORDERS: Grant(_ALL, "Confirm a pending order that is not on hold"),
    Right.CANCEL_ORDERS: Grant(_DESK, "Cancel an unpaid order"),
    Right.CANCEL_PAID_ORDERS: Grant(_OFFICE, "Cancel an order that has been paid, in part or in full"),
    Right.ATTEND_ORDERS: Grant(_OFFICE, "Mark what an order needs as dealt with"),
    Right.SET_ORDER_HISTORY: Grant(_MANAGERS, "Give a new order its own status, date or payment state"),
    Right.OVERRIDE_TERMS: Grant(_MANAGERS, "Release an order on hold; take one that terms do not cover"),
    Right.ASSIGN_ORDERS: Grant(_MANAGERS, "Give an order to a rep"),
    Right.DELETE_ORDERS: Grant(_MANAGERS, "Delete a pending or cancelled order that has no payment"),
    Right.MOVE_ORDERS_BACK: Grant(_MANAGERS, "Take an order one state back, or back from cancelled"),
    Right.RECORD_PAYMENTS: Grant(_OFFICE, "Record a payment"),
    Right.APPLY_CREDIT: Grant(_OFFICE, "Pay an order with store credit"),
    Right.SEND_PAY_LINKS: Grant(_DESK, "Send a customer a link to pay"),
    Right.UPLOAD_CHECKS: Grant(_DESK, "Add photos of a paper check"),
    Right.REVIEW_CHECKS: Grant(_OFFICE, "See, approve and reject paper checks"),
    Right.REFUND_PAYMENTS: Grant(_OFFICE, "Give money back, or reverse a payment entered by mistake"),
    Right.SEE_CREDIT: Grant(_DESK, "See a customer's store credit"),
    Right.ADJUST_CREDIT: Grant(_MANAGERS, "Add or take store credit"),
    Right.SEE_CUSTOMERS: Grant(_DESK, "Read customers"),
    Right.EDIT_CUSTOMERS: Grant(_DESK, "Change a customer; a rep those who are theirs or have no rep"),
    Right.MERGE_CUSTOMERS: Grant(_OFFICE, "Merge two customers, and undo it"),
    Right.DELETE_CUSTOMERS: Grant(_MANAGERS, "Delete customers"),
    Right.EXPORT_CUSTOMERS: Grant(_MANAGERS, "Download every customer"),
    Right.EXPORT_CUSTOMER_LIST: Grant(_OFFICE, "Download what the customer list's filter shows, at most 1,000 rows"),
    Right.SET_TERMS: Grant(_MANAGERS, "Set payment terms, credit limit and rep of a customer"),
    Right.SEE_BANK_DETAILS: Grant(
        _MANAGERS | {Role.SALES_REP}, "See the last four digits of bank accounts and keep new ones"
    ),
    Right.LIFT_SUPPRESSION: Grant(_ADMIN, "See suppressed numbers and lift do-not-call"),
    Right.SEE_WEBSITE_USERS: Grant(_ADMIN, "See who has an account in the shop"),
    Right.SEE_IMPORTS: Grant(_OFFICE, "See imports and their error files"),
    Right.IMPORT_BOOKS: Grant(_MANAGERS, "Import customers, orders, prospects and products"),
    Right.SEE_PROCUREMENT: Grant(_ALL, "Read vendors and their products; prices need see_costs"),
    Right.EDIT_PROCUREMENT: Grant(_MANAGERS, "Change vendors, their products and requests for quotes"),
    Right.DELETE_VENDORS: Grant(_ADMIN, "Delete vendors"),
    Right.SEE_PRODUCTS: Grant(_ALL, "Read products and stock"),
    Right.SEE_PRODUCT_PAGES: Grant(_DESK, "Open the product pages of the portal"),
    Right.EDIT_PRODUCTS: Grant(_MANAGERS, "Change products, prices, pictures and categories"),
    Right.CREATE_PRODUCTS: Grant(_MANAGERS, "Add products"),
    Right.SEE_COSTS: Grant(_MANAGERS, "See what products cost, and margins"),
    Right.EDIT_STOCK: Grant(_FLOOR, "Receive and adjust stock"),
    Right.CORRECT_STOCK: Grant(_OFFICE, "Set a stock level on the product page"),
    Right.SEE_WAREHOUSE: Grant(_ALL, "Read the warehouse queue; a rep their own orders"),
    Right.PACK_ORDERS: Grant(_FLOOR, "Pick, pack, ship and deliver orders, also short"),
    Right.BUY_LABELS: Grant(_FLOOR, "Buy and void shipping labels"),
    Right.DELETE_LABELS: Grant(_ADMIN, "Delete a label's record without a refund"),
    Right.OVERRIDE_PACKING: Grant(_MANAGERS, "Buy a label for a pack that is not complete"),
    Right.EDIT_BOXES: Grant(_MANAGERS | {Role.WAREHOUSE}, "Change box rules"),
    Right.SEE_INVOICES: Grant(_DESK, "Read invoices; a rep those of their customers and orders"),
    Right.EDIT_INVOICES: Grant(_OFFICE, "Make, send, change, credit and void invoices"),
    Right.SEE_STATS: Grant(_ALL, "Read the order figures; a rep their own, the warehouse counts only"),
    Right.SEE_PROFIT: Grant(_MANAGERS, "See profit and the month's close"),
    Right.CALL_CUSTOMERS: Grant(_DESK, "Work the calling list; a rep entries that are theirs or have no rep"),
    Right.ASSIGN_CALLS: Grant(_MANAGERS, "Assign, fill and recalculate the calling list"),
    Right.UPLOAD_PROSPECTS: Grant(_MANAGERS | {Role.SALES_REP}, "Add prospects to the calling list from a CSV file"),
    Right.EDIT_SCRIPT: Grant(_MANAGERS, "Change the call script"),
    Right.SEE_PERFORMANCE: Grant(_DESK, "See sales figures; a rep their own and the team's totals"),
    Right.SEE_COMMISSIONS: Grant(_MANAGERS | {Role.SALES_REP}, "See commissions; a rep their own"),
    Right.PAY_COMMISSIONS: Grant(_MANAGERS, "Mark commissions paid and lock a month"),
    Right.SEE_SCORES: Grant(_DESK, "See customer scores"),
    Right.SEE_SUBSCRIPTIONS: Grant(_DESK, "Read subscriptions; a rep those of their customers"),
    Right.EDIT_SUBSCRIPTIONS: Grant(_OFFICE, "Enrol, change, pause, renew and end subscriptions"),
    Right.SEE_CALL_QUEUE: Grant(_DESK, "See the outbound call queue and log outcomes"),
    Right.REVIEW_CALLS: Grant(_OFFICE, "Read and review the calls of voice agents"),
    Right.SUGGEST_PROMPTS: Grant(_MANAGERS, "Ask for prompt suggestions and put a prompt live"),
    Right.SEE_STAFF: Grant(_MANAGERS, "See colleagues"),
    Right.EDIT_STAFF: Grant(_ADMIN, "Add, change and archive colleagues"),
    Right.EDIT_KEYS: Grant(_ADMIN, "Make and revoke API keys"),
    Right.SEE_SAVINGS_REQUESTS: Grant(_MANAGERS, "Read and answer Save Me Money requests"),
    Right.SEE_OUTBOX: Grant(_ADMIN, "Read the outbox and send messages again"),
    Right.SEE_JOBS: Grant(_ADMIN, "See jobs and run failed ones again"),
    Right.SEE_AUDIT: Grant(_ADMIN, "Read the audit trail"),
    Right.CHECK_MAIL: Grant(_ADMIN, "Check the mail server and send a test mail"),
}

# The rights of programs by the scopes of their keys.
SCOPE_RIGHTS: Mapping[KeyScope, frozenset[Right]] = {
    KeyScope.VOICE: frozenset(
        {
            Right.SEE_ORDERS,
            Right.SEE_MONEY,
            Right.ENTER_ORDERS,
            Right.CANCEL_ORDERS,
            Right.SEND_PAY_LINKS,
            Right.SEE_CREDIT,
            Right.SEE_CUSTOMERS,
            Right.SEE_PRODUCTS,
            Right.SEE_CALL_QUEUE,
            Right.REVIEW_CALLS,
        }
    ),
    KeyScope.AUTOMATION: frozenset({Right.SEE_ORDERS, Right.SEE_MONEY, Right.SEE_CALL_QUEUE, Right.REVIEW_CALLS}),
    KeyScope.SYNC: frozenset({Right.SEE_PRODUCTS, Right.EDIT_PRODUCTS, Right.EDIT_STOCK}),
    KeyScope.CATALOGUE: frozenset({Right.SEE_PRODUCTS, Right.EDIT_PRODUCTS, Right.CREATE_PRODUCTS, Right.EDIT_STOCK}),
}


def may(actor: Actor, right: Right) -> bool:
    """True if the actor's role, or a scope of its key, has the right."""
    if actor.kind in {ActorKind.API_KEY, ActorKind.VOICE}:
        return any(right in SCOPE_RIGHTS.get(KeyScope(scope), ()) for scope in actor.scopes)
    return actor.is_staff and actor.role in GRANTS[right].roles


def require(actor: Actor, right: Right, sentence: str) -> None:
    """Raise NotAllowed with the sentence if the actor does not have the right."""
    if not may(actor, right):
        raise NotAllowed(sentence)
