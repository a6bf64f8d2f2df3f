"""What each role may do, named once: guards bound whole routes, these bound what stands inside them."""

from domain.actor import Actor, ActorKind, Role
from domain.errors import NotAllowed
from models import KeyScope

_OFFICE = frozenset({Role.ADMIN, Role.MANAGER, Role.STAFF})
_MANAGERS = frozenset({Role.ADMIN, Role.MANAGER})
_ADMIN = frozenset({Role.ADMIN})
_ALL = frozenset(Role)
_DESK = _OFFICE | {Role.SALES_REP}

RIGHTS: dict[str, frozenset[Role]] = {
    "see_orders": _ALL,
    "see_money": _DESK,
    "enter_orders": _DESK,
    "edit_orders": _DESK,
    "confirm_orders": _DESK,
    "cancel_paid_orders": _OFFICE,
    "attend_orders": _OFFICE,
    "record_payments": _OFFICE,
    "apply_credit": _OFFICE,
    "send_pay_links": _DESK,
    "upload_checks": _DESK,
    "review_checks": _OFFICE,
    "refund_payments": _OFFICE,
    "see_credit": _DESK,
    "adjust_credit": _MANAGERS,
    "set_order_history": _MANAGERS,
    "override_terms": _MANAGERS,
    "assign_orders": _MANAGERS,
    "delete_orders": _MANAGERS,
    "move_orders_back": _MANAGERS,
    "see_customers": _DESK,
    "edit_customers": _DESK,
    "see_products": _ALL,
    "edit_products": _MANAGERS,
    "see_costs": _MANAGERS,
    "edit_stock": _ALL - {Role.SALES_REP},
    "see_staff": _MANAGERS,
    "edit_staff": _ADMIN,
    "edit_keys": _ADMIN,
    "see_savings_requests": _ADMIN,
    "see_outbox": _ADMIN,
    "see_jobs": _ADMIN,
    "see_audit": _ADMIN,
    "check_mail": _ADMIN,
}

# What programs may do by the scopes of their keys.
SCOPE_RIGHTS: dict[str, frozenset[str]] = {
    KeyScope.SYNC: frozenset({"see_products", "edit_products", "edit_stock"}),
}


def may(actor: Actor, right: str) -> bool:
    """True when the actor's role or key has the right; raises KeyError for a right nobody has named."""
    roles = RIGHTS[right]
    if actor.kind is ActorKind.API_KEY:
        return any(right in SCOPE_RIGHTS.get(scope, ()) for scope in actor.scopes)
    return actor.is_staff and actor.role in roles


def require(actor: Actor, right: str, sentence: str) -> None:
    """Raise NotAllowed with the sentence unless the actor has the right."""
    if not may(actor, right):
        raise NotAllowed(sentence)
