"""Payments for orders."""
