"""What each role may do, named once: guards bound whole routes, these bound what stands inside them."""

from domain.actor import Actor, Role
from domain.errors import NotAllowed

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
    "record_payments": _OFFICE,
    "apply_credit": _OFFICE,
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
    "see_outbox": _ADMIN,
    "see_jobs": _ADMIN,
    "see_audit": _ADMIN,
    "check_mail": _ADMIN,
}


def may(actor: Actor, right: str) -> bool:
    """True when the actor's role has the right; raises KeyError for a right nobody has named."""
    return actor.is_staff and actor.role in RIGHTS[right]


def require(actor: Actor, right: str, sentence: str) -> None:
    """Raise NotAllowed with the sentence unless the actor has the right."""
    if not may(actor, right):
        raise NotAllowed(sentence)
