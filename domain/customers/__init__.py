"""Customers: accounts of the storefront and how they prove who they are."""
