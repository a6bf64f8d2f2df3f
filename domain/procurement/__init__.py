"""Procurement: vendors, their prices, and what has to be bought soon."""
