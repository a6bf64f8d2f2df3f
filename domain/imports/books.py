"""The kinds of import that stand here; importing this module makes them known."""

from domain.imports.customers import CUSTOMERS
from domain.imports.orders import ORDERS

__all__ = ["CUSTOMERS", "ORDERS"]
