"""Invoices: what is owed, by whom, since when."""
