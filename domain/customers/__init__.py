"""Customers: accounts of the storefront, how they are verified, and customers as staff see them."""
