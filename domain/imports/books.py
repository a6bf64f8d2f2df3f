"""The kinds of imports defined in this area; importing this module registers them."""

from domain.imports.customers import CUSTOMERS
from domain.imports.orders import ORDERS
from domain.imports.products import PRODUCTS

__all__ = ["CUSTOMERS", "ORDERS", "PRODUCTS"]
