"""The kinds of import that stand here; importing this module makes them known."""

from domain.imports.customers import CUSTOMERS
from domain.imports.orders import ORDERS
from domain.imports.products import PRODUCTS

__all__ = ["CUSTOMERS", "ORDERS", "PRODUCTS"]
